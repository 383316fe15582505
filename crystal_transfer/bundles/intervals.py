"""Intervals that hold for a stated share of new crystals, from residuals out of fold.

Normalised split-conformal regression (crepes): the half width of an interval is the difficulty of a
crystal times a quantile of the absolute residual over the difficulty of the training crystals. Both
are out of fold: the prediction is of the member that had not seen the crystal, and the difficulty
is told by crystals of other folds, since a new crystal has none of its formula beside it either. It
promises a share of all crystals like the training crystals, not one for any single crystal or
family.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from crepes import ConformalRegressor
from sklearn.neighbors import NearestNeighbors

NEIGHBOURS = 25  # whose errors tell how difficult a crystal is; as crepes' DifficultyEstimator
SMOOTHING = 0.5  # weight of the mean error of all: no crystal is sure because 25 others were


@dataclass(frozen=True)
class Calibration:
    """What intervals are made from.

    Attributes
    ----------
    features
        Features of the training crystals, [n_crystals, n_features].
    residuals
        Target minus prediction out of fold, in physical units, [n_crystals].
    folds
        Fold of each, [n_crystals].
    """

    features: np.ndarray
    residuals: np.ndarray
    folds: np.ndarray

    def difficulty(self, features: np.ndarray) -> np.ndarray:
        """Return how large an error is to be expected of crystals, in physical units, [n_crystals].

        Half the mean absolute residual of the `NEIGHBOURS` nearest training crystals, and half that
        of all.
        """
        return self._smoothed(_error_nearby(self.features, self.residuals, features))

    def own_difficulty(self) -> np.ndarray:
        """Return the difficulty of the training crystals, each from those of other folds."""
        found = np.empty(len(self.residuals))
        for fold in np.unique(self.folds):
            here, others = self.folds == fold, self.folds != fold
            found[here] = _error_nearby(
                self.features[others], self.residuals[others], self.features[here]
            )
        return self._smoothed(found)

    def _smoothed(self, errors: np.ndarray) -> np.ndarray:
        # all residuals may be 0, as of a median
        mean = float(np.abs(self.residuals).mean()) or 1.0
        return (1 - SMOOTHING) * errors + SMOOTHING * mean


def _error_nearby(known: np.ndarray, residuals: np.ndarray, features: np.ndarray) -> np.ndarray:
    """Return the mean absolute residual of the nearest known crystals, [n_crystals]."""
    n = min(NEIGHBOURS, len(known))
    near = NearestNeighbors(n_neighbors=n).fit(known).kneighbors(features)[1]
    found: np.ndarray = np.abs(residuals)[near].mean(axis=1)
    return found


def factor(residuals: np.ndarray, difficulty: np.ndarray, level: float) -> float:
    """Return what difficulties are multiplied by to cover a share of crystals.

    Parameters
    ----------
    residuals, difficulty
        Of the training crystals, in physical units, [n_crystals].
    level
        The share.
    """
    regressor = ConformalRegressor()
    regressor.fit(residuals, sigmas=difficulty)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the interval is infinite, which the caller sees
        interval = regressor.predict_int(np.zeros(1), sigmas=np.ones(1), confidence=level)
    return float(np.asarray(interval)[0, 1])

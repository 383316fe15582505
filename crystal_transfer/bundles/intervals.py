"""Intervals that hold for a stated share of new crystals, from residuals out of fold.

Normalised split-conformal regression (crepes): the half width of an interval is the difficulty of a
crystal times a quantile of the absolute residual over the difficulty of the training crystals, each
predicted by the member that had not seen it. It promises a share of all crystals like the training
crystals, not one for any single crystal or family.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from crepes import ConformalRegressor
from sklearn.neighbors import NearestNeighbors

NEIGHBOURS = 25  # whose errors tell how difficult a crystal is; as crepes' DifficultyEstimator
SMOOTHING = 1.0  # share of the mean error that is added: no crystal is sure because 25 others were


@dataclass(frozen=True)
class Calibration:
    """What intervals are made from.

    Attributes
    ----------
    features
        Features of the training crystals, [n_crystals, n_features].
    residuals
        Target minus prediction out of fold, in physical units, [n_crystals].
    """

    features: np.ndarray
    residuals: np.ndarray

    def difficulty(self, features: np.ndarray) -> np.ndarray:
        """Return how large errors are near crystals, in physical units, [n_crystals].

        The mean absolute residual of the `NEIGHBOURS` nearest training crystals, and that of all.
        """
        near = self._neighbours(features, min(NEIGHBOURS, len(self.residuals)))
        return self._smoothed(np.abs(self.residuals)[near].mean(axis=1))

    def own_difficulty(self) -> np.ndarray:
        """Return the difficulty of the training crystals, each without its own error."""
        n = min(NEIGHBOURS + 1, len(self.residuals))
        near = self._neighbours(self.features, n)
        own = np.arange(len(near))[:, None]
        # a crystal is not always its own first neighbour: others may have the same features
        others = np.where(near == own, -1, near)
        errors = np.where(others < 0, 0.0, np.abs(self.residuals)[others])
        return self._smoothed(errors.sum(axis=1) / (others >= 0).sum(axis=1))

    def _neighbours(self, features: np.ndarray, n: int) -> np.ndarray:
        found: np.ndarray = (
            NearestNeighbors(n_neighbors=n).fit(self.features).kneighbors(features)[1]
        )
        return found

    def _smoothed(self, errors: np.ndarray) -> np.ndarray:
        # all residuals may be 0, as of a median
        mean = float(np.abs(self.residuals).mean()) or 1.0
        return errors + SMOOTHING * mean


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

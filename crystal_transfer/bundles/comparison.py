"""A model beside the baselines, on the same folds: whether it is worth its time."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from crystal_transfer.baselines.models import Predictor, fit_baseline
from crystal_transfer.units import in_unit

NETWORK, BLEND = "network", "blend"
MEDIAN, FOREST, KERNEL, RIDGE, CHGNET = "median", "forest", "kernel", "ridge", "chgnet"
# what a baseline is fitted by, where it is named after what it sees
FITTED_BY = {CHGNET: KERNEL}
WORDS = {
    NETWORK: "fine-tuned network",
    BLEND: "mean of the network and the best baseline",
    MEDIAN: "median of the training targets",
    FOREST: "random forest on Magpie and structure features",
    KERNEL: "kernel method on Magpie and structure features",
    RIDGE: "ridge on the source's frozen features",
    CHGNET: "kernel method on Magpie, structure and CHGNet's frozen features",
}


class Score(NamedTuple):
    """How good a model is on crystals that it has not seen.

    Errors are in the unit of the target. `mae_error` is the standard error of the MAE over folds.
    """

    model: str
    mae: float
    mae_error: float
    rmse: float
    median_error: float
    r2: float


class Verdict(NamedTuple):
    """Whether the network beats the best baseline.

    Attributes
    ----------
    baseline
        The baseline with the lowest MAE.
    gain, gain_error
        Its MAE less the network's, over all crystals, and the standard error over folds.
    """

    baseline: str
    gain: float
    gain_error: float

    @property
    def network_wins(self) -> bool:
        """Whether the gain is larger than its standard error."""
        return self.gain > self.gain_error

    def sentence(self, unit: str) -> str:
        """Say it in one line."""
        size = (
            f"{abs(self.gain):.3g} ± {self.gain_error:.2g}{in_unit(unit)} "
            "(mean and standard error over folds)"
        )
        best = f"the best baseline, the {WORDS[self.baseline]}"
        if self.network_wins:
            return f"The network's MAE is lower than that of {best}, by {size}."
        if self.gain < -self.gain_error:
            return f"The network does NOT beat {best}: its MAE is higher by {size}."
        direction = "lower" if self.gain >= 0 else "higher"
        return f"The network does NOT clearly beat {best}: its MAE is {direction} by {size}."


def fitted(baseline: str, features: np.ndarray, targets: np.ndarray, seed: int) -> Predictor:
    """Fit a baseline of this module; parameters as of `baselines.models.fit_baseline`."""
    return fit_baseline(FITTED_BY.get(baseline, baseline), features, targets, seed)


def out_of_fold(
    baseline: str, features: np.ndarray, targets: np.ndarray, folds: np.ndarray, seed: int
) -> np.ndarray:
    """Predict each crystal by a baseline that is fitted to the other folds, [n_crystals].

    Parameters
    ----------
    baseline
        Which one.
    features
        Of the crystals, [n_crystals, n_features].
    targets
        In the unit that predictions shall have, [n_crystals].
    folds
        Fold of each crystal, [n_crystals].
    seed
        Of the baseline.
    """
    predictions = np.empty(len(targets))
    for fold in np.unique(folds):
        outside, inside = folds == fold, folds != fold
        model = fitted(baseline, features[inside], targets[inside], seed)
        predictions[outside] = model.predict(features[outside])
    return predictions


def score(model: str, targets: np.ndarray, predictions: np.ndarray, folds: np.ndarray) -> Score:
    """Measure predictions out of fold; all arrays are [n_crystals]."""
    errors = predictions - targets
    return Score(
        model,
        float(np.abs(errors).mean()),
        _standard_error(np.abs(errors), folds),
        float(np.sqrt((errors**2).mean())),
        float(np.median(np.abs(errors))),
        float(1 - (errors**2).sum() / ((targets - targets.mean()) ** 2).sum()),
    )


def winner(scores: Sequence[Score]) -> str:
    """Return the model with the lowest MAE out of fold."""
    return min(scores, key=lambda score: score.mae).model


def blended(network: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    """Return the predictions of `BLEND`.

    Networks and baselines err differently, and the mean of two predictions errs less than the two
    do on average.
    """
    return (network + baseline) / 2


def verdict(
    targets: np.ndarray, predictions: Mapping[str, np.ndarray], folds: np.ndarray
) -> Verdict:
    """Compare the network with the best baseline, fold by fold.

    Parameters
    ----------
    targets
        True values, [n_crystals].
    predictions
        Model -> predictions out of fold, [n_crystals]; the network's and those of baselines.
    folds
        Fold of each crystal, [n_crystals].
    """
    baselines = [name for name in predictions if name != NETWORK]
    best = min(baselines, key=lambda name: np.abs(predictions[name] - targets).mean())
    gains = np.abs(predictions[best] - targets) - np.abs(predictions[NETWORK] - targets)
    return Verdict(best, float(gains.mean()), _standard_error(gains, folds))


def _standard_error(values: np.ndarray, folds: np.ndarray) -> float:
    """Return the standard error of a mean over crystals whose folds vary as wholes.

    Of folds of unlike size the mean is a ratio (Cochran, Sampling Techniques, 1977, chapter 6);
    with equal folds this is the usual one, of their means.
    """
    off = np.array([(values[folds == fold] - values.mean()).sum() for fold in np.unique(folds)])
    n = len(off)
    return float(np.sqrt(n / (n - 1) * (off**2).sum()) / len(values))

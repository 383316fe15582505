"""How good predictions are: on the scaled targets and in physical units."""

import math
from typing import Any

import numpy as np

# scaled targets lie in [-1, 1], so that an average error above the range is no model's
MOST_SCALED = 2.0


def metrics(target: np.ndarray, prediction: np.ndarray) -> dict[str, Any]:
    """Compare predictions with targets.

    Parameters
    ----------
    target, prediction
        Physical units, [n].

    Returns
    -------
    r2
        1 - sum (t - p)^2 / sum (t - mean t)^2, None where all targets are equal.
    mae, rmse
        Physical units.
    median_ae
        Median absolute error, physical unit: a few targets far from all others leave it as it is.
    spearman
        Rank correlation, None where all targets or all predictions are equal: whether the order is
        right, whatever the distances.
    n_test
        Number of crystals.
    """
    if len(target) == 0:
        nothing = ("r2", "mae", "rmse", "median_ae", "spearman")
        return dict.fromkeys(nothing) | {"n_test": 0}
    error = prediction - target
    spread = float(((target - target.mean()) ** 2).sum())
    squared = float((error**2).sum())
    return {
        # not `spread > 0`: the mean of equal numbers may differ from them in the last digit
        "r2": _finite(1 - squared / spread) if np.ptp(target) > 0 else None,
        "mae": _finite(float(np.abs(error).mean())),
        "rmse": _finite(math.sqrt(squared / len(error))),
        "median_ae": _finite(float(np.median(np.abs(error)))),
        "spearman": _spearman(target, prediction),
        "n_test": len(target),
    }


def scaled_metrics(target: np.ndarray, prediction: np.ndarray, half_range: float) -> dict[str, Any]:
    """Compare predictions with targets whose scale is known.

    Parameters
    ----------
    target, prediction
        Physical units, [n].
    half_range
        Physical units per scaled unit, see `datasets.scaling`.

    Returns
    -------
    Those of `metrics`, and mae_scaled: of targets scaled to [-1, 1], the unit of the paper. All are
    None where that is above `MOST_SCALED`: the training has diverged, though to finite weights.
    """
    found = metrics(target, prediction)
    mae = found["mae"]
    scaled = None if mae is None else mae / half_range
    if scaled is not None and scaled > MOST_SCALED:
        return dict.fromkeys(found) | {"n_test": found["n_test"], "mae_scaled": None}
    return found | {"mae_scaled": scaled}


def _spearman(target: np.ndarray, prediction: np.ndarray) -> float | None:
    if not np.isfinite(prediction).all():
        return None
    ranks = [_ranks(values) for values in (target, prediction)]
    if any(np.ptp(rank) == 0 for rank in ranks):
        return None
    return _finite(float(np.corrcoef(ranks[0], ranks[1])[0, 1]))


def _ranks(values: np.ndarray) -> np.ndarray:
    """Return ranks; equal values share the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    mean: np.ndarray = (last - (counts - 1) / 2)[place]
    return mean


def _finite(value: float) -> float | None:
    """Return None for a number of a diverged training: JSON has no NaN."""
    return value if math.isfinite(value) else None

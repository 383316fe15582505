"""How good predictions are: on the scaled targets and in physical units."""

import math
from typing import Any

import numpy as np


def metrics(target: np.ndarray, prediction: np.ndarray, half_range: float) -> dict[str, Any]:
    """Compare predictions with targets.

    Parameters
    ----------
    target, prediction
        Physical units, [n].
    half_range
        Physical units per scaled unit, see `datasets.scaling`.

    Returns
    -------
    r2
        1 - sum (t - p)^2 / sum (t - mean t)^2, None where all targets are equal.
    mae, rmse
        Physical units.
    mae_scaled
        Of targets scaled to [-1, 1], the unit of the paper.
    n_test
        Number of crystals.
    """
    if len(target) == 0:
        return {"r2": None, "mae": None, "rmse": None, "mae_scaled": None, "n_test": 0}
    error = prediction - target
    spread = float(((target - target.mean()) ** 2).sum())
    squared = float((error**2).sum())
    mae = float(np.abs(error).mean())
    return {
        "r2": _finite(1 - squared / spread) if spread > 0 else None,
        "mae": _finite(mae),
        "rmse": _finite(math.sqrt(squared / len(error))),
        "mae_scaled": _finite(mae / half_range),
        "n_test": len(target),
    }


def _finite(value: float) -> float | None:
    """Return None for a number of a diverged training: JSON has no NaN."""
    return value if math.isfinite(value) else None

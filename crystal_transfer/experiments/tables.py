"""Metrics of many runs as tidy tables."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from crystal_transfer.files import read_json

CELL = ["kind", "source", "source_size", "dataset", "size", "strategy"]
METRICS = ["r2", "mae", "mae_scaled", "rmse"]
CONFIDENCE = 0.95


def runs_table(metrics_files: Iterable[str | Path]) -> pd.DataFrame:
    """Read metrics, one row per run.

    Parameters
    ----------
    metrics_files
        `metrics.json` of each run.

    Returns
    -------
    Columns id, kind, source (PT dataset or empty), source_size (0 without), dataset, size,
    strategy, trial, r2, mae (physical unit), mae_scaled, rmse, n_test, best_epoch. A diverged
    training has NaN metrics.
    """
    table = pd.DataFrame([read_json(path) for path in metrics_files])
    table[METRICS] = table[METRICS].astype(float)
    return table[["id", *CELL, "trial", *METRICS, "n_test", "best_epoch"]]


def cells(runs: pd.DataFrame) -> pd.DataFrame:
    """Average over trials, one row per cell of the grid.

    Returns
    -------
    Columns of the cell, trials, and per metric `_mean` and `_ci95`, the half-width of the 95 %
    confidence interval of the mean (Student's t; NaN for a single trial).
    """
    groups = runs.groupby(CELL, sort=False)
    result = groups.size().rename("trials").to_frame()
    for metric in METRICS:
        result[f"{metric}_mean"] = groups[metric].mean()
        result[f"{metric}_ci95"] = groups[metric].apply(half_width)
    return result.reset_index()


def half_width(values: pd.Series) -> float:
    """Half-width of the confidence interval of a mean."""
    values = values.dropna()
    n = len(values)
    if n < 2:
        return np.nan
    return float(stats.t.ppf((1 + CONFIDENCE) / 2, n - 1) * values.std(ddof=1) / np.sqrt(n))


def change_against_scratch(table: pd.DataFrame) -> pd.DataFrame:
    """Add how much better each cell is than scratch on the same dataset and size.

    Returns
    -------
    The cells with `r2_change` = 100 (R2 - R2_scratch) / |R2_scratch| and `mae_change`, the
    reduction of the MAE in %; NaN where there is no such scratch cell.
    """
    scratch = table[table["kind"] == "scratch"].set_index(["dataset", "size"])
    keys = pd.MultiIndex.from_frame(table[["dataset", "size"]])
    r2 = scratch["r2_mean"].reindex(keys).to_numpy()
    mae = scratch["mae_mean"].reindex(keys).to_numpy()
    return table.assign(
        r2_change=100 * (table["r2_mean"] - r2) / np.abs(r2),
        mae_change=100 * (mae - table["mae_mean"]) / mae,
    )

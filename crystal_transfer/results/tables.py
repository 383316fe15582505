"""Metrics of many runs as tidy tables."""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from crystal_transfer.errors import InputError
from crystal_transfer.files import read_json
from crystal_transfer.results.metrics import METRICS
from crystal_transfer.runs import Cell

CELL = [field.name for field in fields(Cell)]
CONFIDENCE = 0.95
WITHIN_SIZE = ("dataset", "size")  # cells of one are compared with each other
ACROSS_SIZES = ("dataset",)  # where one size is compared with another
_NAMES = ["id", *CELL, "trial"]


def runs_table(metrics_files: Iterable[str | Path]) -> pd.DataFrame:
    """Read metrics, one row per run.

    Parameters
    ----------
    metrics_files
        `metrics.json` of each run.

    Returns
    -------
    Columns id, those of `runs.Cell`, trial, r2, mae (physical unit), mae_scaled, rmse, median_ae,
    spearman, n_test, best_epoch. A diverged training has NaN metrics, and so has a run on several
    properties.

    Raises
    ------
    InputError
        If a file has no metrics of a run.
    """
    columns = [*_NAMES, *METRICS, "n_test", "best_epoch"]
    table = pd.DataFrame([_metrics_of(path) for path in metrics_files]).reindex(columns=columns)
    table[[*METRICS]] = table[[*METRICS]].astype(float)
    return table


def _metrics_of(path: str | Path) -> dict[str, Any]:
    row = read_json(path)
    named = isinstance(row, dict) and set(_NAMES) <= row.keys()
    if not named or any(not isinstance(row.get(m), int | float | None) for m in METRICS):
        raise InputError(f"{path}: has no metrics of a run; delete it and start snakemake again.")
    return dict(row)


def cells(runs: pd.DataFrame) -> pd.DataFrame:
    """Average over trials, one row per cell of the grid.

    Returns
    -------
    Columns of the cell, trials (those that have metrics), diverged (those that have none), and per
    metric `_mean` and `_ci95`, the half-width of the 95 % confidence interval of the mean (Student's
    t; NaN for a single trial).
    """
    groups = runs.groupby(CELL, sort=False)
    counted = groups["mae_scaled"].count()
    result = counted.rename("trials").to_frame().assign(diverged=groups.size() - counted)
    for metric in METRICS:
        result[f"{metric}_mean"] = groups[metric].mean()
        result[f"{metric}_ci95"] = groups[metric].apply(half_width)
    return result.reset_index()


def on_shared_trials(runs: pd.DataFrame, within: Sequence[str] = WITHIN_SIZE) -> pd.DataFrame:
    """Keep the trials that all cells of a dataset and FT size have.

    A trial is a sample, and a mean over other samples is another one: part of what tells cells of
    unlike trials apart would be that. A trial that diverged is in no mean, and counts as one here.
    Baselines follow the networks, whose trials a config makes them have.

    Parameters
    ----------
    runs
        See `runs_table`.
    within
        What cells that are compared have in common: `WITHIN_SIZE`, or `ACROSS_SIZES`.
    """
    networks = runs[runs["kind"] != "baseline"]
    deciding = networks if len(networks) else runs
    sample = list(within)
    cell = deciding.assign(cell=deciding.groupby(CELL, sort=False).ngroup())
    in_all = cell.groupby(sample)["cell"].transform("nunique")
    in_trial = cell.groupby([*sample, "trial"])["cell"].transform("nunique")
    shared = pd.MultiIndex.from_frame(cell.loc[in_trial == in_all, [*sample, "trial"]])
    others = ~runs.set_index(sample).index.isin(deciding.set_index(sample).index)
    return runs[pd.MultiIndex.from_frame(runs[[*sample, "trial"]]).isin(shared) | others]


def comparable_cells(runs: pd.DataFrame, within: Sequence[str] = WITHIN_SIZE) -> pd.DataFrame:
    """Average over the trials that all cells have; see `on_shared_trials` and `cells`."""
    return cells(on_shared_trials(runs, within))


def read_cells(path: str | Path) -> pd.DataFrame:
    """Read a table of cells that rule `table` has written."""
    return _read(path)


def read_runs(paths: Iterable[str | Path]) -> pd.DataFrame:
    """Read tables of runs that rule `table` has written, each run once.

    Returns
    -------
    Exactly the `runs_table` of the runs.

    Raises
    ------
    InputError
        If one is no table of runs, or two have different numbers for one run.
    """
    found = [_read_runs(path) for path in paths]
    runs = pd.concat(found, ignore_index=True)
    once = runs.drop_duplicates(runs.columns.drop("path"))
    if (again := once.duplicated("id")).any():
        id = once.loc[again, "id"].iloc[0]
        one, two = once.loc[once["id"] == id, "path"].iloc[:2]
        raise InputError(
            f"{two}: has other numbers of {id} than {one}; one of them is of another config: "
            "delete the older one, or make it again with snakemake."
        )
    return once.drop(columns="path").reset_index(drop=True)


def _read_runs(path: str | Path) -> pd.DataFrame:
    table = _read(path)
    missing = [column for column in [*_NAMES, *METRICS] if column not in table]
    if missing:
        raise InputError(
            f"{path}: has no column {missing[0]}, so is no table of runs; delete it and start "
            "snakemake again."
        )
    return table.assign(path=str(path))


def _read(path: str | Path) -> pd.DataFrame:
    """Read a table in which some words may be empty, and in other columns what is empty is NaN."""
    words = ["source", "strategy", "variation"]
    try:
        columns = pd.read_csv(path, nrows=0).columns
        return pd.read_csv(
            path, keep_default_na=False, float_precision="round_trip",
            na_values={column: [""] for column in columns if column not in words},
        )  # fmt: skip
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: cannot be read as a table ({error}); delete it and start snakemake again."
        ) from None


def half_width(values: pd.Series) -> float:
    """Half-width of the confidence interval of a mean."""
    values = values.dropna()
    n = len(values)
    if n < 2:
        return np.nan
    return float(stdtrit(n - 1, (1 + CONFIDENCE) / 2) * values.std(ddof=1) / np.sqrt(n))





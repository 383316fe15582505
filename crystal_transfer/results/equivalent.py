"""Crystals that one way of training needs for the error of another."""

import numpy as np
import pandas as pd

from crystal_transfer.results import select
from crystal_transfer.results.tables import cells, on_shared_trials

TOLERANCE = 0.05  # a trained size is "as good" within this share of scratch; PH-GV500 is within 4 %
NEEDED = [
    "source", "source_size", "dataset", "size", "metric", "scratch", "needed", "saved", "trained",
]  # fmt: skip
COMPARED = ["r2_mean", "mae_scaled_mean"]


def equivalent_sizes_of(runs: pd.DataFrame) -> pd.DataFrame:
    """Find them for runs: each FT size beside scratch of all sizes that have its trials.

    Parameters
    ----------
    runs
        See `results.tables.runs_table`.

    Returns
    -------
    As `equivalent_sizes`.
    """
    scratch, tuned = (runs[runs["kind"] == kind] for kind in ("scratch", "finetune"))
    found = []
    for (code, size), own in tuned.groupby(["dataset", "size"], sort=False):
        beside = scratch[scratch["dataset"] == code]
        trials = on_shared_trials(pd.concat([own, beside[beside["size"] == size]]))["trial"]
        own, beside = (some[some["trial"].isin(trials)] for some in (own, beside))
        counted = beside.groupby("size")["trial"].transform("nunique")
        curve = beside[counted == trials.nunique()]
        found.append(equivalent_sizes(cells(pd.concat([own, curve]))))
    return pd.concat(found, ignore_index=True) if found else equivalent_sizes(cells(scratch))


def equivalent_sizes(table: pd.DataFrame) -> pd.DataFrame:
    """Find how many crystals scratch needs to reach the MAE of each fine-tuned cell.

    Parameters
    ----------
    table
        Cells of scratch and of fine-tuning.

    Returns
    -------
    One row per fine-tuned cell: source, source_size, dataset, size, mae_mean, equivalent_size,
    gain (equivalent_size / size) and beyond: 1 where scratch is worse even at its largest size,
    -1 where it is better even at its smallest (the size is then that limit), else 0. Between two
    sizes log MAE is taken as linear in log size, after a running minimum that keeps the curve of
    scratch from rising.
    """
    columns = [
        "source", "source_size", "dataset", "size", "mae_mean", "equivalent_size", "gain", "beyond"
    ]  # fmt: skip
    rows = []
    for code, tuned in table[table["kind"] == "finetune"].groupby("dataset", sort=False):
        scratch = table[(table["kind"] == "scratch") & (table["dataset"] == code)]
        curve = scratch.dropna(subset="mae_mean").sort_values("size")
        if curve.empty:
            continue
        size, mae = curve["size"].to_numpy(), np.minimum.accumulate(curve["mae_mean"].to_numpy())
        for row in tuned.dropna(subset="mae_mean").itertuples():
            found = np.exp(np.interp(-np.log(row.mae_mean), -np.log(mae), np.log(size)))
            beyond = int(row.mae_mean < mae[-1]) - int(row.mae_mean > mae[0])
            cell = (row.source, row.source_size, code, row.size, row.mae_mean)
            rows.append([*cell, float(found), float(found / row.size), beyond])
    return pd.DataFrame(rows, columns=columns)


def needed_sizes(cells: pd.DataFrame) -> pd.DataFrame:
    """Compute, for every pair, the FT size at which it equals scratch at the full FT size.

    Returns
    -------
    A row per pair and metric: source, source_size, dataset, size (of scratch), metric, scratch
    (its value), needed (crystals; between two sizes the metric is taken as linear in the
    logarithm of the size; NaN where the pair does not get there; the smallest size trained where
    it is better already there), saved (size - needed) and trained: the smallest size trained with
    a value at most 5 % worse than scratch's, NaN without one.
    """
    table = select.capped(select.pairs(cells))
    full = select.at_ft_size(select.scratch(cells)).set_index("dataset")
    rows = []
    for (source, target), line in table.groupby(["source", "dataset"], sort=False):
        if target not in full.index:
            continue
        base, line = full.loc[target], line[line["size"] <= full.loc[target, "size"]]
        for metric in COMPARED:
            here = line.dropna(subset=metric).sort_values("size")
            worth = 1 if metric == "r2_mean" else -1  # larger is better, or smaller
            sizes, values = here["size"].to_numpy(float), worth * here[metric].to_numpy(float)
            goal = worth * base[metric]
            near = sizes[values >= goal - TOLERANCE * abs(goal)]
            needed = first_reached(sizes, values, goal)
            rows.append(
                [source, line["source_size"].max(), target, base["size"], metric, base[metric],
                 needed, base["size"] - needed, near[0] if near.size else np.nan]
            )  # fmt: skip
    return pd.DataFrame(rows, columns=NEEDED)


def first_reached(sizes: np.ndarray, values: np.ndarray, goal: float) -> float:
    """Compute the first size at which a curve reaches a value.

    Parameters
    ----------
    sizes
        Ascending, [n].
    values
        Larger is better, [n]; linear in log size between two of them.
    goal
        The value.

    Returns
    -------
    The size, or NaN.
    """
    reached = np.flatnonzero(values >= goal)
    if reached.size == 0:
        return np.nan
    i = reached[0]
    if i == 0:
        return float(sizes[0])
    between = slice(i - 1, i + 1)
    return float(np.exp(np.interp(goal, values[between], np.log(sizes[between]))))

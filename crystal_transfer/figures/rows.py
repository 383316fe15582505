"""Which rows of a table are drawn, and in which order."""

from collections.abc import Iterable

import pandas as pd

from crystal_transfer.models.strategies import STRATEGIES
from crystal_transfer.results.metrics import FEWEST_TRIALS


def strategy_order(names: Iterable[str]) -> list[str]:
    """List the strategies that occur, in the order of `models.strategies`."""
    occurring = set(names)
    return [name for name in STRATEGIES if name in occurring]


def sources_of(table: pd.DataFrame, datasets: Iterable[str]) -> list[str]:
    """List what the runs of a table were pre-trained on: datasets in order, then checkpoints."""
    sources = set(table["source"]) - {""}
    known = [code for code in datasets if code in sources]
    return known + sorted(sources - set(known))


def by_dataset(table: pd.DataFrame, datasets: Iterable[str]) -> pd.DataFrame:
    """Sort a table as the datasets are, and by size."""
    order = {code: place for place, code in enumerate(datasets)}
    places = table.assign(place=table["dataset"].map(order)).sort_values(
        ["place", "size"], kind="stable", ignore_index=True
    )
    return places.drop(columns="place")


def baselines_beside(runs: pd.DataFrame, baselines: pd.DataFrame | None) -> pd.DataFrame:
    """Return runs and the baselines of the same datasets and sizes; a baseline is its own source.

    Its kind stays ``baseline``, its name becomes the source, so that it is a row or a line like any
    other.
    """
    if baselines is None:
        return runs
    cells = set(zip(runs["dataset"], runs["size"], strict=True))
    here = [cell in cells for cell in zip(baselines["dataset"], baselines["size"], strict=True)]
    named = baselines[here].assign(source=baselines["network"][here])
    return pd.concat([runs, named], ignore_index=True) if len(named) else runs


def half_widths(cells: pd.DataFrame, metric: str, trials: str = "trials") -> pd.Series:
    """Return the half-widths of the 95 % intervals that are drawn: 0 for fewer than three trials.

    Parameters
    ----------
    cells
        See `results.tables.cells`, or any table with such columns.
    metric
        Its name, without what stands for the mean.
    trials
        Column with the number of its trials.
    """
    return cells[f"{metric}_ci95"].where(cells[trials] >= FEWEST_TRIALS, 0).fillna(0)

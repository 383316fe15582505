"""Figure S19: with how many crystals fine-tuning is as good as scratch with more."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from crystal_transfer.figures.palettes import DEFAULT, PALETTES
from crystal_transfer.figures.style import (
    Drawing,
    Quantity,
    labelled,
    legend_below,
    panels,
)
from crystal_transfer.results import select

TOLERANCE = 0.05  # a trained size is "as good" within this share of scratch; PH-GV500 is within 4 %
COLUMNS = [
    "source", "source_size", "dataset", "size", "metric", "scratch", "needed", "saved", "trained",
]  # fmt: skip
METRICS = {"r2_mean": "$R^2$", "mae_scaled_mean": "MAE"}


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
        for metric in METRICS:
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
    return pd.DataFrame(rows, columns=COLUMNS)


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


def figs19(
    cells: pd.DataFrame, datasets: Mapping[str, Quantity], palette: str = DEFAULT
) -> Drawing:
    """Draw the crystals that every pair needs to equal scratch at 800, a panel per FT dataset.

    Bars: interpolated; dots: smallest size trained that is at most 5 % worse than scratch.

    Returns
    -------
    figure, data
        The data are those of `needed_sizes`.
    """
    table = needed_sizes(cells)
    targets = select.ordered(table["dataset"], datasets)
    figure, axes = panels(max(len(targets), 1), 2.5, 2.5)
    colours = {"r2_mean": PALETTES[palette].r2, "mae_scaled_mean": PALETTES[palette].mae}
    for axis, target in zip(axes, targets, strict=False):
        here = table[table["dataset"] == target]
        sources = select.ordered(here["source"], datasets)
        for shift, (metric, label) in zip((-0.2, 0.2), METRICS.items(), strict=True):
            of_metric = here[here["metric"] == metric]
            left = np.array([sources.index(code) for code in of_metric["source"]]) + shift
            axis.bar(left, of_metric["needed"], 0.38, color=colours[metric], label=label)
            axis.scatter(left, of_metric["trained"], s=16, color="white", edgecolors="black",
                         linewidths=0.8, zorder=3,
                         label="smallest trained, within 5 %" if shift > 0 else None)  # fmt: skip
        size = here["size"].max()
        axis.axhline(size, color="black", linestyle="--", linewidth=0.9,
                     label="scratch's crystals")  # fmt: skip
        axis.set_ylim(0, 1.12 * size)
        axis.set_xticks(
            range(len(sources)), [select.wrapped(code, 6) for code in sources], fontsize=8
        )
        axis.set_title(select.wrapped(f"FT {target}", 30))
        axis.set_xlabel("PT dataset")
        axis.set_ylabel("FT dataset size (crystals)")
    if targets:
        legend_below(figure, labelled(axes[0]))
    return figure, table

"""What a change of a study does to its results."""

from typing import Any

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from crystal_transfer.figures.labels import pair_label, strategy_label
from crystal_transfer.figures.legends import labelled, legend_below
from crystal_transfer.figures.style import COLOURS, MARKERS, panels
from crystal_transfer.results.metrics import FEWEST_TRIALS

AXES = {"r2_difference": "change of test $R^2$", "mae_increase": "change of test MAE (%)"}
MARK, GAP = 0.1, 0.2  # inches of a cell, and between studies
FAR_R2, LINEAR_R2 = 1.0, 0.1  # one cell with a change beyond the former would hide all others


def contrast(table: pd.DataFrame) -> Figure:
    """Draw `results.contrast.contrast`: a block per study, a point per cell, R2 and MAE.

    The colour says what is tested on, the mark what a network starts from. Cells of fewer than
    three trials are left out: nothing is claimed from those.
    """
    table = table[table["trials"] >= FEWEST_TRIALS]
    if table.empty:
        return panels(0)[0]
    table = table.assign(name=[_name(row) for row in table.itertuples()])
    # what a short name does not tell apart, such as learning rates, the cell's own name does
    shared = table.groupby("name")["cell"].transform("nunique") > 1
    table["name"] = table["name"].mask(shared, table["cell"])
    studies = list(dict.fromkeys(table["study"]))
    counted = table["study"].value_counts().reindex(studies)
    heights = MARK * counted + GAP
    ends = heights.cumsum()
    middles = ends - heights / 2
    # the cells of a study lie below each other around its name
    below = MARK * (table.groupby("study").cumcount() - (table["study"].map(counted) - 1) / 2)
    table["row"] = table["study"].map(middles) + below
    names = table.drop_duplicates("name").sort_values(["dataset", "kind", "source", "strategy"])
    looks = _looks(names)
    height = 1.8 + heights.sum() + 0.05 * len(names)
    figure, axes = plt.subplots(1, len(AXES), figsize=(8.4, height), sharey=True)
    for axis, (column, label) in zip(axes, AXES.items(), strict=True):
        for cell in names.itertuples():
            here = table[table["name"] == cell.name]
            marker, colour = looks[cell.name]
            axis.errorbar(
                here[column], here["row"], xerr=here[f"{column}_ci95"], fmt=marker, color=colour,
                markersize=4, elinewidth=1.0, label=cell.name,
            )  # fmt: skip
        for end in ends[:-1]:
            axis.axhline(end, color="0.9", linewidth=0.6, zorder=0)
        axis.axvline(0, color="black", linewidth=0.8)
        axis.set_yticks(middles, [study.replace("_", " ") for study in studies])
        axis.set_ylim(ends.iloc[-1], 0)
        axis.set_xlabel(label)
    if table["r2_difference"].abs().max() > FAR_R2:
        axes[0].set_xscale("symlog", linthresh=LINEAR_R2)
        axes[0].set_xlabel(f"{AXES['r2_difference']}, linear to ±{LINEAR_R2:g}")
    legend_below(figure, labelled(axes[0]))
    return figure


def _looks(names: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """Return a mark and a colour for each cell, the next mark where its own is taken."""
    ways = list(dict.fromkeys(zip(names["source"], names["strategy"], strict=True)))
    codes = list(dict.fromkeys(names["dataset"]))
    looks: dict[str, tuple[str, str]] = {}
    for cell in names.itertuples():
        own = ways.index((cell.source, cell.strategy))
        colour = COLOURS[codes.index(cell.dataset) % len(COLOURS)]
        marks = [(MARKERS[(own + n) % len(MARKERS)], colour) for n in range(len(MARKERS))]
        looks[cell.name] = next((mark for mark in marks if mark not in looks.values()), marks[0])
    return looks


def _name(row: Any) -> str:
    """Name a cell: what it starts from, where it goes to, and what moves."""
    way = f"scratch {row.dataset}" if row.kind == "scratch" else pair_label(row.source, row.dataset)
    usual = row.strategy in ("", "all") or row.source.startswith("MPT")
    return f"{way}, n = {row.size}" + ("" if usual else f", {strategy_label(row.strategy)}")

"""What a change of a study does to its results."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from crystal_transfer.figures.style import (
    COLOURS,
    MARKERS,
    labelled,
    legend_below,
    pair_label,
    panels,
    strategy_label,
)
from crystal_transfer.results.metrics import FEWEST_TRIALS

AXES = {"r2_difference": "change of test $R^2$", "mae_increase": "change of test MAE (%)"}
ROW = 0.42  # inches of a study
FAR_R2, LINEAR_R2 = 1.0, 0.1  # one cell with a change beyond the former would hide all others


def contrast(table: pd.DataFrame) -> Figure:
    """Draw `results.contrast.contrast`: a row per study, a point per cell, R2 and MAE.

    Cells of fewer than three trials are left out: nothing is claimed from those.
    """
    table = table[table["trials"] >= FEWEST_TRIALS]
    if table.empty:
        return panels(0)[0]
    table = table.assign(name=[_name(row) for row in table.itertuples()])
    # what a short name does not tell apart, such as learning rates, the cell's own name does
    shared = table.groupby("name")["cell"].transform("nunique") > 1
    table["name"] = table["name"].mask(shared, table["cell"])
    studies = list(dict.fromkeys(table["study"]))[::-1]
    names = list(dict.fromkeys(table["name"]))
    height = 1.8 + ROW * len(studies) + 0.12 * len(names)
    figure, axes = plt.subplots(1, len(AXES), figsize=(8.4, height), sharey=True)
    for axis, (column, label) in zip(axes, AXES.items(), strict=True):
        for place, name in enumerate(names):
            here = table[table["name"] == name]
            shift = 0.7 * ((place + 0.5) / len(names) - 0.5)
            axis.errorbar(
                here[column], [studies.index(study) - shift for study in here["study"]],
                xerr=here[f"{column}_ci95"], fmt=MARKERS[place % len(MARKERS)], markersize=4,
                # a cell more than there are marks has a mark again, in another colour
                color=COLOURS[(place + place // len(MARKERS)) % len(COLOURS)], elinewidth=1.0,
                label=name,
            )  # fmt: skip
        for row in np.arange(len(studies) - 1) + 0.5:
            axis.axhline(row, color="0.9", linewidth=0.6, zorder=0)
        axis.axvline(0, color="black", linewidth=0.8)
        axis.set_yticks(range(len(studies)), [study.replace("_", " ") for study in studies])
        axis.set_ylim(-0.5, len(studies) - 0.5)
        axis.set_xlabel(label)
    if table["r2_difference"].abs().max() > FAR_R2:
        axes[0].set_xscale("symlog", linthresh=LINEAR_R2)
        axes[0].set_xlabel(f"{AXES['r2_difference']}, linear to ±{LINEAR_R2:g}")
    legend_below(figure, labelled(axes[0]))
    return figure


def _name(row: Any) -> str:
    """Name a cell: what it starts from, where it goes to, and what moves."""
    way = f"scratch {row.dataset}" if row.kind == "scratch" else pair_label(row.source, row.dataset)
    usual = row.strategy in ("", "all") or row.source.startswith("MPT")
    return f"{way}, n = {row.size}" + ("" if usual else f", {strategy_label(row.strategy)}")

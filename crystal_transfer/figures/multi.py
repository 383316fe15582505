"""Multi-property transfer against the alternatives."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from crystal_transfer.figures.axes import size_axis
from crystal_transfer.figures.legends import labelled, legend_below
from crystal_transfer.figures.rows import half_widths
from crystal_transfer.figures.style import (
    COLOURS,
    MARKERS,
    R2_FLOOR,
    SCRATCH_COLOUR,
    Drawing,
    colour_of,
    marker_of,
    panels,
)
from crystal_transfer.results.metrics import METRICS, SHOWN
from crystal_transfer.results.tables import comparable_cells
from crystal_transfer.units import Quantity


def against_pairwise(runs: pd.DataFrame, datasets: Mapping[str, Quantity]) -> Drawing:
    """Draw R2 against FT size: scratch, the best and the median PT dataset, all properties."""
    table = comparable_cells(runs)
    codes = [code for code in datasets if code in set(table["dataset"])]
    figure, axes = panels(len(codes))
    for axis, code in zip(axes, codes, strict=True):
        here = table[table["dataset"] == code]
        single = here[here["source_properties"] == 1].groupby("size")["r2_mean"]
        lines = {
            "scratch": here[here["kind"] == "scratch"].set_index("size")["r2_mean"],
            "one property, median": single.median(),
            "one property, best": single.max(),
            "all other properties": here[here["source_properties"] > 1].set_index("size")[
                "r2_mean"
            ],
        }
        colours = [SCRATCH_COLOUR, *COLOURS]
        for number, (name, line) in enumerate(lines.items()):
            line = line.sort_index()
            axis.plot(
                line.index, line, color=colours[number], marker=MARKERS[number], label=name,
                linestyle="-" if number else "--", linewidth=1.2, markersize=4,
            )  # fmt: skip
        size_axis(axis, sorted(here["size"].unique()))
        low, high = axis.get_ylim()
        axis.set_ylim(max(low, R2_FLOOR), min(max(high, 0.05), 1.02))
        axis.set_title(f"{code}: {datasets[code].label}")
        axis.set_ylabel(METRICS["r2"].label)
    legend_below(figure, labelled(axes[0]))
    return figure, table


def property_number(runs: pd.DataFrame, datasets: Mapping[str, Quantity]) -> Drawing:
    """Draw both metrics against the number of properties that were pre-trained on.

    Zero is scratch; one is every PT dataset of the pair-wise study, shown as single points.
    """
    table = comparable_cells(runs)
    codes = [code for code in datasets if code in set(table["dataset"])]
    colours, markers = colour_of(codes), marker_of(codes)
    figure, axes = panels(2, 3.6, 3.2, columns=2)
    for axis, metric in zip(axes, SHOWN, strict=True):
        for shift, code in zip(np.linspace(-0.08, 0.08, len(codes)), codes, strict=True):
            here = table[table["dataset"] == code]
            line = here[here["source_properties"] != 1].sort_values("source_properties")
            single = here[here["source_properties"] == 1]
            axis.errorbar(
                line["source_properties"] + shift, line[f"{metric}_mean"],
                yerr=half_widths(line, metric),
                color=colours[code], marker=markers[code], linewidth=1.2, markersize=5, capsize=2,
                label=f"FT {code}, n = {here['size'].max()}",
            )  # fmt: skip
            axis.scatter(
                single["source_properties"] + shift, single[f"{metric}_mean"], s=16,
                facecolors="none", edgecolors=colours[code], marker=markers[code], linewidths=0.9,
            )  # fmt: skip
        axis.set_xticks(sorted(table["source_properties"].unique()))
        axis.set_xlabel("Properties pre-trained on (0: scratch)")
        axis.set_ylabel(METRICS[metric].label)
    legend_below(figure, labelled(axes[0]))
    return figure, table

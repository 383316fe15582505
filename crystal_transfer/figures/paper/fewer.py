"""Figure S19: with how many crystals fine-tuning is as good as scratch with more."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from crystal_transfer.figures.legends import labelled, legend_below
from crystal_transfer.figures.palettes import DEFAULT, PALETTES
from crystal_transfer.figures.style import Drawing, panels
from crystal_transfer.results import select
from crystal_transfer.results.equivalent import needed_sizes
from crystal_transfer.units import Quantity

METRICS = {"r2_mean": "$R^2$", "mae_scaled_mean": "MAE"}


def figs19(
    cells: pd.DataFrame, datasets: Mapping[str, Quantity], palette: str = DEFAULT
) -> Drawing:
    """Draw the crystals that every pair needs to equal scratch at 800, a panel per FT dataset.

    Bars: interpolated; dots: smallest size trained that is at most 5 % worse than scratch.

    Returns
    -------
    figure, data
        The data are those of `results.equivalent.needed_sizes`.
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
        axis.set_xlim(-0.6, len(sources) - 0.4)  # also where no pair has a bar
        axis.set_xticks(
            range(len(sources)), [select.wrapped(code, 6) for code in sources], fontsize=8
        )
        axis.set_title(select.wrapped(f"FT {target}", 30))
        axis.set_xlabel("PT dataset")
        axis.set_ylabel("FT dataset size (crystals)")
    if targets:
        legend_below(figure, labelled(axes[0]))
    return figure, table

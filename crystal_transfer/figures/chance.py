"""Which gains of transfer hold against chance."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from crystal_transfer.figures.legends import labelled, legend_below
from crystal_transfer.figures.style import COLOURS, Drawing, panels
from crystal_transfer.results.gains import chance_gains
from crystal_transfer.units import Quantity


def chance(runs: pd.DataFrame, datasets: Mapping[str, Quantity]) -> Drawing:
    """Draw the reduction of the MAE by transfer with two intervals, a panel per FT dataset.

    The largest FT size of each dataset is shown; the numbers have all.
    """
    table = chance_gains(runs)
    codes = [code for code in datasets if code in set(table["dataset"])]
    figure, axes = panels(len(codes), width=3.2)
    for axis, code in zip(axes, codes, strict=True):
        here = table[table["dataset"] == code]
        here = here[here["size"] == here["size"].max()].sort_values("gain")
        rows = np.arange(len(here))
        for width, line, label in (
            ("corrected", 1.2, "cautious (Nadeau & Bengio)"),
            ("shared", 4.0, "trials, one test set"),
        ):  # fmt: skip
            axis.errorbar(
                here["gain"], rows, xerr=here[width], fmt="none", elinewidth=line, label=label,
                color=COLOURS[0] if width == "shared" else COLOURS[1],
            )  # fmt: skip
        axis.plot(here["gain"], rows, "o", color="black", markersize=4, label="mean of trials")
        axis.axvline(0, color="black", linewidth=0.8)
        axis.set_yticks(rows, here["source"])
        axis.set_ylim(-0.6, len(here) - 0.4)
        axis.set_title(f"{code}, n = {here['size'].iloc[0]}")
        axis.set_xlabel("reduction of the MAE (%)")
        axis.set_ylabel("pre-trained on")
    if axes:
        legend_below(figure, labelled(axes[0]))
    return figure, table

"""Our cells beside those of the publication."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from crystal_transfer.figures.axes import plain_log_numbers
from crystal_transfer.figures.legends import labelled, legend_below
from crystal_transfer.figures.style import COLOURS, R2_FLOOR, Drawing, panels
from crystal_transfer.results.metrics import METRICS, SHOWN
from crystal_transfer.results.publication import beside, summary
from crystal_transfer.results.tables import cells
from crystal_transfer.units import Quantity

ACCEPTED, OUTSIDE, UNKNOWN = COLOURS[0], COLOURS[1], COLOURS[6]


def comparison(
    runs: pd.DataFrame, published: pd.DataFrame, datasets: Mapping[str, Quantity]
) -> Drawing:
    """Draw ours against theirs, a panel per metric.

    Parameters
    ----------
    published
        See `results.publication.published`.

    Returns
    -------
    figure, data
        The data are the table of `results.publication.beside`.
    """
    table = beside(cells(runs), published)
    figure, axes = panels(2, 3.9, 3.9, columns=2)
    for axis, metric in zip(axes, SHOWN, strict=True):
        label = METRICS[metric].label
        axis.set_xlabel(f"Published {label}")
        axis.set_ylabel(f"Ours: {label}")
        if table.empty:
            axis.text(0.5, 0.5, "no cell of the publication\nis in this study", ha="center",
                      transform=axis.transAxes)  # fmt: skip
            continue
        _points(axis, table, metric)
    figure.suptitle(summary(table).partition("\n")[0], fontsize=8)
    legend_below(figure, labelled(axes[0]))
    return figure, table


def _points(axis: Axes, table: pd.DataFrame, metric: str) -> None:
    theirs, ours = table[f"{metric}_theirs"], table[f"{metric}_ours"]
    if metric == "r2":
        theirs, ours = theirs.clip(lower=R2_FLOOR), ours.clip(lower=R2_FLOOR)
    within = table[f"{metric}_within"]
    groups = {
        "within the joint 95 % interval": (within == True, ACCEPTED),  # noqa: E712
        "outside": (within == False, OUTSIDE),  # noqa: E712
        "no interval (one trial)": (within.isna(), UNKNOWN),
    }
    odd = table["anomalies"] != ""
    for name, (chosen, colour) in groups.items():
        for marker, some in (("o", chosen & ~odd), ("x", chosen & odd)):
            axis.scatter(theirs[some], ours[some], s=22, color=colour, marker=marker,
                         linewidths=1.0, alpha=0.75,
                         label=name if marker == "o" else None)  # fmt: skip
    axis.scatter([], [], marker="x", color="black", label="x: known anomaly in the published files")
    counts = [int(chosen.sum()) for chosen, _ in groups.values()]
    axis.set_title("within {}, outside {}, no interval {}".format(*counts))
    ends = [np.nanmin([theirs.min(), ours.min()]), np.nanmax([theirs.max(), ours.max()])]
    axis.plot(ends, ends, color="black", linewidth=0.8, zorder=0)
    if metric == "mae_scaled":
        axis.set_xscale("log")
        axis.set_yscale("log")
        plain_log_numbers(axis.xaxis)
        plain_log_numbers(axis.yaxis)

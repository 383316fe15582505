"""What another learning rate of scratch gains alone, beside what published transfer gains."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from crystal_transfer.figures.axes import rows_axis
from crystal_transfer.figures.legends import labelled, legend_below
from crystal_transfer.figures.rows import by_dataset, half_widths
from crystal_transfer.figures.style import COLOURS, SPREAD_WIDTH, Drawing, panels
from crystal_transfer.results.publication import SCRATCH_RATE
from crystal_transfer.results.rates import rate_alone
from crystal_transfer.units import Quantity


def published_gain(
    runs: pd.DataFrame, published: pd.DataFrame, datasets: Mapping[str, Quantity]
) -> Drawing:
    """Draw what another learning rate of scratch gains alone, and what published transfer gains.

    Both are reductions of the scaled MAE against scratch at the published rate: the former of our
    runs, the latter of the publication's own cells, on their own test sets. The numbers are
    those of `results.rates.rate_alone`.
    """
    table = by_dataset(rate_alone(runs, published), datasets)
    names = [
        f"{row.dataset}, n = {row.size}\n"
        + " ".join(filter(None, [row.variation, f"rate {row.max_lr:g}"]))
        for row in table.itertuples()
    ]
    figure, axes = panels(min(len(table), 1), width=5.2, height=1.2 + 0.6 * len(table))
    for axis in axes:
        places = np.arange(len(table))
        median, interval = table["transfer_median"], table["transfer_ci95"]
        axis.errorbar(
            median, places + 0.15, xerr=interval, fmt="none", ecolor=COLOURS[0], capsize=2,
            elinewidth=1.2,
        )  # fmt: skip
        spread = np.stack([median - table["transfer_worst"], table["transfer_best"] - median])
        axis.errorbar(
            median, places + 0.15, xerr=spread, fmt="o", color=COLOURS[0],
            ecolor=(COLOURS[0], 0.4), elinewidth=SPREAD_WIDTH, markersize=5,
            label="published transfer: median, best to worst PT dataset; 95 % interval of one pair",
        )  # fmt: skip
        interval = half_widths(table, "rate_gain")
        axis.errorbar(
            table["rate_gain"], places - 0.15, xerr=interval, fmt="s", color=COLOURS[1], capsize=2,
            markersize=5, linewidth=1.2,
            label="that rate alone: our scratch, no transfer, 95 % interval",
        )  # fmt: skip
        rows_axis(axis, names)
        axis.set_xlabel(f"Reduction of the MAE against scratch at a rate of {SCRATCH_RATE:g} (%)")
    if axes:
        legend_below(figure, labelled(axes[0]))
    return figure, table

"""Every cell of an experiment as a point with its interval: a picture for any experiment."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from crystal_transfer.figures.rows import half_widths
from crystal_transfer.figures.style import COLOURS, panels
from crystal_transfer.results.metrics import METRICS, SHOWN
from crystal_transfer.results.tables import CELL, cells
from crystal_transfer.units import Quantity
from crystal_transfer.variations import parsed

# columns that describe a cell, in the order in which its name shows them
PARTS = [column for column in CELL if column not in ("source_properties", "variation")] + ["epochs"]


def every_cell(runs: pd.DataFrame, datasets: Mapping[str, Quantity]) -> tuple[Figure, pd.DataFrame]:
    """Draw both metrics of every cell, named by what differs between the cells."""
    table = cells(runs)
    names = _names(table)
    figure, axes = panels(2, 3.6, 0.9 + 0.22 * len(table), columns=2)
    positions = range(len(table))
    for axis, metric in zip(axes, SHOWN, strict=True):
        axis.errorbar(
            table[f"{metric}_mean"], positions, xerr=half_widths(table, metric), fmt="o",
            color=COLOURS[0], markersize=4, capsize=2, linewidth=1.0,
        )  # fmt: skip
        low, high = METRICS[metric].shown
        left, right = axis.get_xlim()
        axis.set_xlim(
            left if low is None else max(left, low), right if high is None else min(right, high)
        )
        axis.set_ylim(len(table) - 0.5, -0.5)
        axis.set_yticks(positions, names if axis is axes[0] else [""] * len(table), fontsize=7)
        axis.set_xlabel(METRICS[metric].label)
        axis.grid(axis="y", linewidth=0.3)
    return figure, table.assign(cell=names)


def _names(table: pd.DataFrame) -> list[str]:
    """Name cells by the columns in which they differ."""
    epochs = [parsed(name).epochs for name in table["variation"]]
    table = table.assign(epochs=[f"{number or 'usual'} epochs" for number in epochs])
    differing = [column for column in PARTS if table[column].nunique(dropna=False) > 1]
    shown = table[differing or ["dataset", "size"]]
    return [
        ", ".join(str(value) for value in row if value not in ("", 0))
        for row in shown.itertuples(index=False)
    ]

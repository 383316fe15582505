"""A dataset that no choice was made on: which model is best for it."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from crystal_transfer.figures.rows import half_widths
from crystal_transfer.figures.style import COLOURS, SCRATCH_COLOUR, Drawing, panels
from crystal_transfer.results import select
from crystal_transfer.results.metrics import METRICS
from crystal_transfer.results.tables import comparable_cells
from crystal_transfer.units import Quantity

MULTI_COLOUR, PAIR_COLOUR = COLOURS[1], COLOURS[0]
INTERVAL_COLOUR = "#999999"  # stands out on grey, blue and orange, and on white


def table(runs: pd.DataFrame, datasets: Mapping[str, Quantity]) -> Drawing:
    """Draw R2 and MAE of every model, best R2 first, with 95 % intervals and their numbers.

    Returns
    -------
    figure, data
        The data are Table 1: model, R2, MAE in physical units and scaled, changes against scratch.
    """
    cells = comparable_cells(runs)
    found = select.changes(cells, select.scratch(cells)).sort_values(["dataset", "r2_mean"])
    found.insert(0, "model", [_name(row) for row in found.itertuples()])
    codes = [code for code in datasets if code in set(found["dataset"])]
    most = int(found["dataset"].value_counts().max()) if len(found) else 1
    figure, axes = panels(2 * len(codes), 3.6, 0.8 + 0.32 * most, columns=2)
    shown = [(code, metric) for code in codes for metric in ("r2", "mae")]
    for axis, (code, metric) in zip(axes, shown, strict=True):
        here = found[found["dataset"] == code]
        colours = [
            SCRATCH_COLOUR if n == 0 else MULTI_COLOUR if n > 1 else PAIR_COLOUR
            for n in here["source_properties"]
        ]
        half = half_widths(here, metric)
        bars = axis.barh(
            here["model"], here[f"{metric}_mean"], xerr=half, color=colours, height=0.7,
            error_kw={"elinewidth": 1, "capsize": 2, "ecolor": INTERVAL_COLOUR},
        )  # fmt: skip
        axis.bar_label(bars, fmt="%.3f", padding=3, fontsize=8)
        low = min(0, (here[f"{metric}_mean"] - half).min())
        high = max(0, (here[f"{metric}_mean"] + half).max())
        axis.set_xlim(1.2 * low, high + 0.2 * (high - low))
        unit = datasets[code].unit
        axis.set_xlabel(METRICS[metric].axis_label(unit))
        axis.set_title(f"{code}, n = {here['size'].max()}")
    return figure, found[::-1]


def _name(row: Any) -> str:
    if not row.source:
        return "scratch"
    return row.source if row.source_properties > 1 else f"PT {row.source} ({row.source_size:,})"

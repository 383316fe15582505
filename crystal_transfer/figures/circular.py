"""Strategies as circular bars: a circle per pair, a sector per FT size, a bar per strategy."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.patches import Rectangle
from matplotlib.projections.polar import PolarAxes

from crystal_transfer.figures.labels import pair_label, strategy_label
from crystal_transfer.figures.legends import legend_below
from crystal_transfer.figures.rows import strategy_order
from crystal_transfer.figures.style import Drawing, fill
from crystal_transfer.results.tables import cells
from crystal_transfer.units import Quantity

GAP = 0.12  # share of a sector that stays empty
INNER = 0.35  # radius where bars begin, as a share of the longest bar


def r2_by_strategy(runs: pd.DataFrame, datasets: Mapping[str, Quantity]) -> Drawing:
    """Draw R2 by strategy; negative values have no bar."""
    return _circles(runs, "r2_mean", "test $R^2$", longest=1.0)


def mae_by_strategy(runs: pd.DataFrame, datasets: Mapping[str, Quantity]) -> Drawing:
    """Draw the scaled MAE by strategy; each circle has its own scale."""
    return _circles(runs, "mae_scaled_mean", "test MAE (scaled to [-1, 1])", longest=None)


def _circles(runs: pd.DataFrame, metric: str, label: str, longest: float | None) -> Drawing:
    table = cells(runs)
    pairs = list(dict.fromkeys(zip(table["source"], table["dataset"], strict=True)))
    strategies = strategy_order(table["strategy"])
    fills = {name: fill(number) for number, name in enumerate(strategies)}
    columns = min(2, len(pairs))
    figure, axes = plt.subplots(
        -(-len(pairs) // columns), columns, squeeze=False, subplot_kw={"projection": "polar"},
        figsize=(4.1 * columns, 4.1 * -(-len(pairs) // columns)),
    )  # fmt: skip
    for axis, (source, target) in zip(axes.flat, pairs, strict=False):
        here = table[(table["source"] == source) & (table["dataset"] == target)]
        _circle(axis, here, metric, strategies, fills, longest)
        axis.set_title(pair_label(source, target), pad=14)
    for axis in axes.flat[len(pairs) :]:
        axis.set_axis_off()
    handles = {strategy_label(name): Rectangle((0, 0), 1, 1, **fills[name]) for name in strategies}
    legend_below(figure, handles, f"Bars: {label}; sectors: FT dataset size (crystals)")
    return figure, table


def _circle(
    axis: PolarAxes,
    table: pd.DataFrame,
    metric: str,
    strategies: Sequence[str],
    fills: Mapping[str, Mapping[str, Any]],
    longest: float | None,
) -> None:
    sizes = sorted(table["size"].unique())
    values = table.set_index(["size", "strategy"])[metric]
    top = longest or float(np.nanmax(values.clip(lower=0).to_numpy(), initial=0.0)) or 1.0
    sector = 2 * np.pi / len(sizes)
    width = sector * (1 - GAP) / len(strategies)
    for i, size in enumerate(sizes):
        for j, strategy in enumerate(strategies):
            value = values.get((size, strategy), np.nan)
            angle = i * sector + (j + 0.5) * width
            if value > 0:
                axis.bar(angle, value, width, bottom=INNER * top, **fills[strategy],
                         linewidth=0.5)  # fmt: skip
    axis.tick_params(axis="x", pad=10)
    axis.set_theta_zero_location("N")
    axis.set_theta_direction(-1)
    middle = [i * sector + width * len(strategies) / 2 for i in range(len(sizes))]
    axis.set_xticks(middle, [f"n = {size}" for size in sizes])
    ticks = np.linspace(0, top, 5)[1:]
    axis.set_ylim(0, (1 + INNER) * top)
    axis.set_yticks(ticks + INNER * top, [f"{tick:.2g}" for tick in ticks], fontsize=7)
    axis.set_rlabel_position(np.degrees(2 * np.pi - sector * GAP / 2))
    axis.grid(axis="x", visible=False)
    axis.grid(axis="y", linewidth=0.4)
    axis.spines["polar"].set_visible(False)

"""Figures 5c, 5d: one circular bar chart, a sector per pair, a bar per strategy."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.patches import Rectangle
from matplotlib.projections.polar import PolarAxes

from crystal_transfer.figures.labels import pair_label
from crystal_transfer.figures.palettes import DEFAULT, PALETTES
from crystal_transfer.figures.style import Drawing
from crystal_transfer.results import select
from crystal_transfer.results.sizes import size_label
from crystal_transfer.units import Quantity

GAP = 0.16  # share of a sector that stays empty, for the numbers of the circles
INNER = 0.3  # radius where bars begin, as a share of the longest bar
NAMES = {
    "all": "1: all layers",
    "new_head": "2: new head",
    "last_layer": "3: last layer",
    "two_body": "4: two-body layers",
    "three_body": "4: three-body layers",
}


def fig5c(cells: pd.DataFrame, datasets: Mapping[str, Quantity], palette: str = DEFAULT) -> Drawing:
    """Draw R2 of five strategies on four pairs; a negative R2 has no bar, its number is written.

    Returns
    -------
    figure, data
        The data are the cells shown; `length` is the value at the end of the bar.
    """
    table = select.strategy_cells(cells)
    return _chart(table.assign(length=table["r2_mean"]), "test $R^2$", 0.0, palette)


def fig5d(cells: pd.DataFrame, datasets: Mapping[str, Quantity], palette: str = DEFAULT) -> Drawing:
    """Draw 1 - MAE (scaled) of five strategies on four pairs: farther out is better.

    The circles begin at the tenth below the worst bar, since all MAEs are small.

    Returns
    -------
    figure, data
        As in `fig5c`.
    """
    table = select.strategy_cells(cells)
    length = 1 - table["mae_scaled_mean"].astype(float)
    # without a number the minimum is NaN, which is not above 0
    floor = max(0.0, np.floor(10 * length.min() - 0.5) / 10)
    return _chart(table.assign(length=length), "1 \N{MINUS SIGN} test MAE (scaled)", floor, palette)


def _chart(table: pd.DataFrame, label: str, floor: float, palette: str) -> Drawing:
    """Draw bars from `floor` at the inner circle to 1 at the outer one."""
    pairs = select.chosen(select.FIG4_PAIRS, select.pair_list(table))
    strategies = [name for name in select.STRATEGIES if name in set(table["strategy"])]
    colours = dict(zip(strategies, PALETTES[palette].each(len(strategies)), strict=True))
    figure, axis = plt.subplots(figsize=(5.2, 5.6), subplot_kw={"projection": "polar"})
    span = 1 - floor
    sector = 2 * np.pi / max(len(pairs), 1)
    width = sector * (1 - GAP) / max(len(strategies), 1)
    for row in table.itertuples():
        start = pairs.index((row.source, row.dataset)) * sector + sector * GAP / 2
        angle = start + (strategies.index(row.strategy) + 0.5) * width
        if row.length > floor:
            axis.bar(angle, row.length - floor, width, bottom=INNER * span,
                     color=colours[row.strategy], edgecolor="white", linewidth=0.6)  # fmt: skip
        else:
            axis.text(angle, (INNER + 0.13) * span, _short(row.length), ha="center", va="center",
                      fontsize=7, color=colours[row.strategy])  # fmt: skip
    assert isinstance(axis, PolarAxes)
    _circles(axis, floor, sector)
    labels = [pair_label(*(select.wrapped(code, 12) for code in pair)) for pair in pairs]
    middles = (np.arange(len(pairs)) + 0.5) * sector
    axis.set_xticks(middles, labels, fontsize=10)
    axis.tick_params(axis="x", pad=8)
    handles = [Rectangle((0, 0), 1, 1, color=colours[name]) for name in strategies]
    if strategies:
        figure.legend(
            handles, [NAMES[name] for name in strategies], loc="outside lower center", ncols=3,
            title="Strategy",
        )  # fmt: skip
    sizes = "no such cell in this study"
    if len(table):
        sizes = f"PT n = {table['source_size'].max()}, FT {size_label(table['size'])}"
    axis.set_title(f"{label}, {sizes}", loc="left", pad=18)
    columns = [*select.PLACE, "trials", *select.METRICS, "length"]
    return figure, table[columns].reset_index(drop=True)


def _short(value: float) -> str:
    """Write a value that has no bar."""
    return f"{value:.2f}".replace("-", "\N{MINUS SIGN}") if np.isfinite(value) else "n/a"


def _circles(axis: PolarAxes, floor: float, sector: float) -> None:
    """Draw the circles and write their values in the gap before the first sector."""
    span = 1 - floor
    axis.set_theta_zero_location("N")
    axis.set_theta_direction(-1)
    step = 0.1 if span < 0.6 else 0.2
    ticks = np.round(np.arange(1, floor - step / 2, -step), 3)
    axis.set_ylim(0, (1 + INNER) * span)
    axis.set_yticks(ticks - floor + INNER * span, [])
    axis.grid(axis="x", visible=False)
    axis.grid(axis="y", linewidth=0.5, color="0.75")
    axis.set_axisbelow(True)
    axis.spines["polar"].set_visible(False)
    for tick in ticks:
        axis.text(0, tick - floor + INNER * span, f"{tick:.3g}", ha="center", va="center",
                  fontsize=7, bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6}
                  )  # fmt: skip

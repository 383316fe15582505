"""Figures 4a, 4b, 6a, 6b: heatmaps of split cells, R2 in the lower triangle, MAE in the upper.

One scale from red (0) to blue (1) serves both: a good cell is blue below and red above. Cells have
the same size in inches and the axes begin at the same point, so that 6a stands above 6b column by
column.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PolyCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from crystal_transfer.figures.palettes import DEFAULT, PALETTES, Palette
from crystal_transfer.figures.style import Drawing, ink_on
from crystal_transfer.results import select
from crystal_transfer.units import Quantity

CELL = 0.72  # inches, as are the margins
LEFT, RIGHT, BOTTOM, TOP = 1.25, 0.6, 0.55, 0.45
SCALE = Normalize(0, 1, clip=True)  # the number in the triangle says how far beyond a value is
EXPLANATION = "lower triangle: test $R^2$ (good: blue)\nupper: scaled test MAE (good: red)"
COLUMNS = [*select.PLACE, "trials", *select.METRICS]


def fig4a(cells: pd.DataFrame, datasets: Mapping[str, Quantity], palette: str = DEFAULT) -> Drawing:
    """Draw scratch: FE, DC, BG against FT size.

    Returns
    -------
    figure, data
        The data are the cells shown, MAE scaled to [-1, 1].
    """
    table = select.scratch(cells)
    rows = select.chosen(select.FIG4_ROWS, select.ordered(table["dataset"], datasets))
    table = table[table["dataset"].isin(rows)]
    return _by_size(table, table["dataset"], rows, "Dataset", PALETTES[palette])


def fig4b(cells: pd.DataFrame, datasets: Mapping[str, Quantity], palette: str = DEFAULT) -> Drawing:
    """Draw four pairs against FT size; PT 941 crystals, all weights fine-tuned.

    Returns
    -------
    figure, data
        As in `fig4a`.
    """
    table = select.capped(select.pairs(cells))
    wanted = select.chosen(select.FIG4_PAIRS, select.pair_list(table))
    table = select.of_pairs(table, wanted)
    rows = [f"{source}-{target}" for source, target in wanted]
    names = table["source"] + "-" + table["dataset"]
    return _by_size(table, names, rows, f"PT-FT pair{_pretrain_size(table)}", PALETTES[palette])


def fig6a(cells: pd.DataFrame, datasets: Mapping[str, Quantity], palette: str = DEFAULT) -> Drawing:
    """Draw scratch at the FT size as one row, a column per dataset.

    Returns
    -------
    figure, data
        As in `fig4a`.
    """
    table = select.at_ft_size(select.scratch(cells))
    columns = _paired(table, cells, datasets)
    table = table[table["dataset"].isin(columns)]
    placed = table.assign(row="scratch", column=table["dataset"])
    figure, _ = split_heatmap(
        placed, ["scratch"], columns, _with_size(columns, table),
        ("Dataset and its size (crystals)", ""), PALETTES[palette],
    )  # fmt: skip
    return figure, table[COLUMNS].reset_index(drop=True)


def fig6b(cells: pd.DataFrame, datasets: Mapping[str, Quantity], palette: str = DEFAULT) -> Drawing:
    """Draw every pair: PT dataset (rows) against FT dataset (columns), FT 800, PT 941.

    Yellow frames mark the best cell of a column: highest R2 and lowest MAE. Where two cells share
    these, the frame of the lowest MAE is dashed.

    Returns
    -------
    figure, data
        The data are the cells shown; `best` is ``both``, ``r2``, ``mae`` or empty.
    """
    table = select.at_ft_size(select.capped(select.pairs(cells)))
    table = table.assign(best=select.best_of_column(table))
    columns = _paired(table, cells, datasets)
    rows = select.ordered(table["source"], datasets)
    colours = PALETTES[palette]
    figure, axis = split_heatmap(
        table.assign(row=table["source"], column=table["dataset"]), rows, columns,
        _with_size(columns, table),
        ("FT dataset and its size (crystals)", f"PT dataset{_pretrain_size(table)}"), colours,
    )  # fmt: skip
    for row in table[table["best"] != ""].itertuples():
        x, y = columns.index(row.dataset), rows.index(row.source)
        _frame(axis, x, y, colours, "--" if row.best == "mae" else "-")
    return figure, table[[*COLUMNS, "best"]].reset_index(drop=True)


def _paired(
    table: pd.DataFrame, cells: pd.DataFrame, datasets: Mapping[str, Quantity]
) -> list[str]:
    """Return the columns of 6a and 6b: the datasets of the pair-wise study, else all shown."""
    paired = select.ordered(select.at_ft_size(select.pairs(cells))["dataset"], datasets)
    return paired or select.ordered(table["dataset"], datasets)


def _pretrain_size(table: pd.DataFrame) -> str:
    return f", PT n = {table['source_size'].max()}" if len(table) else ""


def _with_size(codes: list[str], table: pd.DataFrame) -> list[str]:
    sizes = table.groupby("dataset")["size"].max()
    return [f"{code}{sizes.get(code, '')}" for code in codes]


def _by_size(
    table: pd.DataFrame, names: pd.Series, rows: list[str], label: str, palette: Palette
) -> Drawing:
    sizes = sorted(table["size"].unique())
    figure, _ = split_heatmap(
        table.assign(row=names, column=table["size"]), rows, sizes, [str(s) for s in sizes],
        ("FT dataset size (crystals)", label), palette,
    )  # fmt: skip
    return figure, table[COLUMNS].reset_index(drop=True)


def split_heatmap(
    table: pd.DataFrame,
    rows: list[str],
    columns: list[Any],
    column_labels: list[str],
    axis_labels: tuple[str, str],
    palette: Palette,
) -> tuple[Figure, Axes]:
    """Draw split cells.

    Parameters
    ----------
    table
        Columns row, column, r2_mean and mae_scaled_mean, at most one line per cell of the heatmap.
    rows, columns
        Values of row, from the top, and of column, from the left.
    column_labels
        How to write the columns.
    axis_labels
        Of x and y.
    palette
        Colours.

    Returns
    -------
    figure, axis
        With two collections of triangles, R2 first, in the order of the table.
    """
    figure, axis, bar = _canvas(len(rows), len(columns))
    centres = np.array(
        [(columns.index(row.column), rows.index(row.row)) for row in table.itertuples()]
    ).reshape(-1, 2)
    for metric, lower in (("r2_mean", True), ("mae_scaled_mean", False)):
        values = table[metric].to_numpy(dtype=float)
        # a list keeps one colour per triangle, an array with gaps would not draw the gaps
        shades = [palette.heat(SCALE(v)) if np.isfinite(v) else (1, 1, 1, 1) for v in values]
        axis.add_collection(
            PolyCollection(
                [_triangle(x, y, lower) for x, y in centres], facecolors=shades,
                edgecolors="white", linewidths=0.8, label=metric,
            )
        )  # fmt: skip
        dx, dy = (-0.16, 0.25) if lower else (0.16, -0.25)
        for (x, y), value, shade in zip(centres, values, shades, strict=True):
            axis.text(x + dx, y + dy, number(value), ha="center", va="center", fontsize=7.5,
                      color=ink_on(shade))  # fmt: skip
    for x in range(len(columns)):
        for y in range(len(rows)):
            axis.add_patch(
                Rectangle((x - 0.5, y - 0.5), 1, 1, fill=False, ec="0.8", lw=0.6, zorder=0.5)
            )
    axis.set(
        xlim=(-0.5, max(len(columns), 1) - 0.5), ylim=(max(len(rows), 1) - 0.5, -0.5),
        xlabel=axis_labels[0], ylabel=axis_labels[1],
    )  # fmt: skip
    axis.set_xticks(range(len(columns)), [select.wrapped(name, 9) for name in column_labels])
    axis.set_yticks(range(len(rows)), [select.wrapped(name, 13) for name in rows])
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    axis.set_title(EXPLANATION, loc="left", fontsize=8)
    figure.colorbar(ScalarMappable(SCALE, palette.heat), cax=bar, ticks=[0, 0.5, 1])
    return figure, axis


def number(value: float) -> str:
    """Write a metric as short as a triangle is wide: three decimals below one, fewer above."""
    if not np.isfinite(value):
        return "n/a"
    digits = 3 if abs(value) < 1 else 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    return f"{value:.{digits}f}".replace("-", "\N{MINUS SIGN}")


def _canvas(n_rows: int, n_columns: int) -> tuple[Figure, Axes, Axes]:
    """Return a figure, an axis of square cells of equal size in inches, and the colour bar's."""
    width, height = CELL * max(n_columns, 1), CELL * max(n_rows, 1)
    total = LEFT + width + RIGHT, BOTTOM + height + TOP
    figure = plt.figure(figsize=total, layout="none")
    axis = figure.add_axes(
        (LEFT / total[0], BOTTOM / total[1], width / total[0], height / total[1])
    )
    bar = figure.add_axes(
        ((LEFT + width + 0.15) / total[0], BOTTOM / total[1], 0.15 / total[0], height / total[1])
    )
    # an empty frame around everything: saved without margins, figures keep their common left edge
    figure.add_artist(Rectangle((0, 0), 1, 1, fill=False, lw=0, transform=figure.transFigure))
    return figure, axis, bar


def _triangle(x: int, y: int, lower: bool) -> list[tuple[float, float]]:
    """Return the centres of half a cell; y points down, the diagonal falls to the right."""
    corner = (x - 0.5, y + 0.5) if lower else (x + 0.5, y - 0.5)
    return [(x - 0.5, y - 0.5), corner, (x + 0.5, y + 0.5)]


def _frame(axis: Axes, x: int, y: int, palette: Palette, line: str) -> None:
    for colour, width, style in ((palette.casing, 3.6, "-"), (palette.best, 2.2, line)):
        axis.add_patch(
            Rectangle((x - 0.475, y - 0.475), 0.95, 0.95, fill=False, ec=colour, lw=width, ls=style)
        )

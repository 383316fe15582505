"""Heatmaps with two metrics per cell: R2 in the upper triangle, MAE in the lower one."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import Colormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from crystal_transfer.figures.labels import scale_of
from crystal_transfer.figures.rows import baselines_beside, sources_of
from crystal_transfer.figures.style import Drawing, ink_on
from crystal_transfer.results.metrics import METRICS, SHOWN
from crystal_transfer.results.sizes import size_label
from crystal_transfer.results.tables import cells, comparable_cells
from crystal_transfer.units import Quantity

FONT = 9  # points
PER_COLUMN = 10  # characters of that font, of names below columns
SHORTEST_LINE = 18  # characters, beside a colour bar ...
FEWEST_COLUMNS = 3  # a figure is as wide as for these, for its title and labels
PER_ROW = 9  # ... which has room for so many more with every row
SHOWN_R2 = (0.0, 1.0)  # colours below 0 would say no more than "useless"; the number is printed
BEST_COLOUR = "#D55E00"
VALUES = {f"{name}_mean": METRICS[name].label for name in SHOWN}
MARGINS = {f"{name}_ci95": f"margin of error of {METRICS[name].label}" for name in SHOWN}


Position = tuple[int, int]  # row and column of a cell, from the top left


class Side(NamedTuple):
    """A side of a heatmap.

    Attributes
    ----------
    column
        Of the table, whose values lie along it.
    values
        In their order.
    names
        How to write them.
    label
        What all of them are.
    """

    column: str
    values: Sequence[Any]
    names: Sequence[str]
    label: str


def scratch(runs: pd.DataFrame, datasets: Mapping[str, Quantity]) -> Drawing:
    """Draw scratch: datasets against sizes."""
    return _by_size(runs, datasets, "Trained from scratch")


def _by_size(
    runs: pd.DataFrame,
    datasets: Mapping[str, Quantity],
    title: str,
    metrics: Mapping[str, str] = VALUES,
) -> Drawing:
    table = cells(runs)
    rows = [code for code in datasets if code in set(table["dataset"])]
    columns = sorted(table["size"].unique())
    figure = two_metric_heatmap(
        table,
        Side("dataset", rows, [_with_scale(code, table, datasets) for code in rows], "Dataset"),
        Side("size", columns, [str(size) for size in columns], "FT dataset size (crystals)"),
        metrics,
        best_along="row",
        title=title,
    )
    return figure, table


def pairwise(
    runs: pd.DataFrame,
    datasets: Mapping[str, Quantity],
    baselines: pd.DataFrame | None = None,
) -> Drawing:
    """Draw PT against FT datasets at one FT size; scratch and baselines first."""
    table = comparable_cells(baselines_beside(runs, baselines))
    return _pairs(table, datasets, VALUES, "Pair-wise transfer"), table


def _pairs(
    table: pd.DataFrame, datasets: Mapping[str, Quantity], metrics: Mapping[str, str], title: str
) -> Figure:
    baselines = list(table.loc[table["kind"] == "baseline", "source"].unique())
    sources = [*baselines, *sources_of(table[table["kind"] != "baseline"], datasets)]
    targets = [code for code in datasets if code in set(table["dataset"])]
    names = [_with_scale(code, table, datasets) for code in targets]
    return two_metric_heatmap(
        table,
        Side("source", ["", *sources], ["scratch", *sources], "PT dataset"),
        Side("dataset", targets, names, "FT dataset"),
        metrics,
        best_along="column",
        title=f"{title}, {size_label(table['size'])}",
    )


def multi_property(runs: pd.DataFrame, datasets: Mapping[str, Quantity]) -> Drawing:
    """Draw fine-tuning from all other properties: datasets against sizes."""
    return _by_size(runs, datasets, "Pre-trained on all other properties")


def margins(runs: pd.DataFrame, datasets: Mapping[str, Quantity]) -> Drawing:
    """Draw the half-widths of the 95 % confidence intervals, PT against FT datasets."""
    table = comparable_cells(runs)
    return _pairs(table, datasets, MARGINS, "Margins of error (95 %)"), table


def scratch_margins(runs: pd.DataFrame, datasets: Mapping[str, Quantity]) -> Drawing:
    """Draw the half-widths of the 95 % confidence intervals, datasets against sizes."""
    return _by_size(runs, datasets, "Margins of error (95 %), scratch", MARGINS)


def _with_scale(code: str, table: pd.DataFrame, datasets: Mapping[str, Quantity]) -> str:
    """Write a dataset's code, and what 1 of its scaled targets is in physical units."""
    here = table[table["dataset"] == code]
    scale = scale_of(here["mae_mean"], here["mae_scaled_mean"], datasets[code].unit)
    return "\n".join([code, *scale])


def two_metric_heatmap(
    table: pd.DataFrame,
    rows: Side,
    columns: Side,
    metrics: Mapping[str, str],
    best_along: str,
    title: str,
) -> Figure:
    """Draw a heatmap of triangles.

    Parameters
    ----------
    table
        Cells, see `results.tables.cells`.
    rows, columns
        What lies along the sides.
    metrics
        Column -> label of the two metrics: upper left, lower right.
    best_along
        Where the cells with the largest R2 and the lowest MAE are marked: ``row`` or ``column``;
        margins of error have no best.
    title
        Above the figure.
    """
    by_cell = table.set_index([rows.column, columns.column]).sort_index()
    values = {
        (i, j): by_cell.loc[(row, column)]
        for i, row in enumerate(rows.values) for j, column in enumerate(columns.values)
        if (row, column) in by_cell.index
    }  # fmt: skip
    size = (0.95 * max(FEWEST_COLUMNS, len(columns.values)) + 2.6, 0.72 * len(rows.values) + 1.1)
    figure, axis = plt.subplots(figsize=size)
    _name_sides(axis, rows, columns)
    most = max(SHORTEST_LINE, PER_ROW * len(rows.values))
    for (metric, label), upper in zip(metrics.items(), (True, False), strict=True):
        numbers = {position: float(cell[metric]) for position, cell in values.items()}
        triangles, extend = _draw_triangles(axis, metric, numbers, upper)
        figure.colorbar(
            triangles,
            ax=axis,
            label=textwrap.fill(label, most),
            extend=extend,
            shrink=0.9,
            pad=0.02,
        )
    if metrics == VALUES:
        _frame_best(axis, values, best_along)
        title += (
            f"\nframes: best of its {best_along}, solid by $R^2$, dashed by MAE where that differs"
        )
    if table["diverged"].any():
        title += f"\n{int(table['diverged'].sum())} trials diverged and are in no mean"
    axis.set_title(title, loc="left")
    return figure


def _name_sides(axis: Axes, rows: Side, columns: Side) -> None:
    """Name rows and columns, the first row on top; smaller where names are long."""
    axis.set(
        xlim=(-0.5, len(columns.values) - 0.5),
        ylim=(len(rows.values) - 0.5, -0.5),
        xticks=range(len(columns.values)),
        yticks=range(len(rows.values)),
        xticklabels=columns.names,
        yticklabels=rows.names,
        xlabel=columns.label,
        ylabel=rows.label,
        aspect="equal",
    )
    longest = max((len(line) for name in columns.names for line in name.split("\n")), default=1)
    axis.tick_params(length=0)
    axis.tick_params(axis="x", labelsize=FONT * min(1.0, PER_COLUMN / longest))
    axis.spines[:].set_visible(False)


def _draw_triangles(
    axis: Axes, metric: str, numbers: Mapping[Position, float], upper: bool
) -> tuple[PolyCollection, str]:
    """Draw one metric of all cells; return it with the end of its colour bar that is open."""
    values = np.array(list(numbers.values()), dtype=float)
    norm, colours, extend = _scale(metric, values)
    triangles = PolyCollection(
        [_triangle(i, j, upper) for i, j in numbers],
        array=np.ma.masked_invalid(values),
        norm=norm,
        cmap=colours,
        edgecolors="white",
        linewidths=0.8,
    )
    axis.add_collection(triangles)
    dx, dy = (-0.17, -0.24) if upper else (0.17, 0.25)
    for (i, j), value in numbers.items():
        shade = colours(norm(value)) if np.isfinite(value) else (1, 1, 1, 1)
        axis.text(
            j + dx, i + dy, _number(value), ha="center", va="center", fontsize=7,
            color=ink_on(shade),
        )  # fmt: skip
    return triangles, extend


def _frame_best(axis: Axes, values: Mapping[Position, pd.Series], along: str) -> None:
    """Frame the best cells by R2, and dashed those by MAE that are others."""
    by_r2, by_mae = (_best(values, along, metric) for metric in VALUES)
    for (i, j), style in [*((p, "-") for p in by_r2), *((p, "--") for p in by_mae - by_r2)]:
        axis.add_patch(
            Rectangle(
                (j - 0.48, i - 0.48), 0.96, 0.96, fill=False, ec=BEST_COLOUR, lw=2.2, ls=style
            )
        )


def _scale(metric: str, values: np.ndarray) -> tuple[Normalize, Colormap, str]:
    """Return norm, colours and which end of the colour bar is open."""
    if metric == "r2_mean":
        return Normalize(*SHOWN_R2, clip=True), colormaps["viridis"], "min"
    finite = values[np.isfinite(values)]
    colours = colormaps["viridis_r" if metric.startswith("r2") else "cividis_r"]
    if metric == "r2_ci95" and finite.size and finite.max() > 1:
        return Normalize(0, 1, clip=True), colours, "max"
    return Normalize(0, finite.max() if finite.size else 1), colours, "neither"


def _triangle(i: int, j: int, upper: bool) -> list[tuple[float, float]]:
    """Corners of half a cell: upper left or lower right."""
    corner = (j - 0.5, i - 0.5) if upper else (j + 0.5, i + 0.5)
    return [(j - 0.5, i + 0.5), corner, (j + 0.5, i - 0.5)]


def _best(values: Mapping[Position, pd.Series], along: str, metric: str) -> set[Position]:
    """Return the cell of each row or column in which a metric, the mean over trials, is best."""
    axis = 0 if along == "row" else 1
    sign = 1 if METRICS[metric.removesuffix("_mean")].higher_is_better else -1
    best: dict[int, Position] = {}
    for position, cell in values.items():
        score, line = sign * cell[metric], position[axis]
        if np.isfinite(score) and (line not in best or score > sign * values[best[line]][metric]):
            best[line] = position
    return set(best.values())


def _number(value: float) -> str:
    """Write a metric in as few characters as tell it apart."""
    if not np.isfinite(value):
        return "n/a"
    small = 0 <= value < 0.1
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 3 if small else 2
    return f"{value:.{digits}f}"

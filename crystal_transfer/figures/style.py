"""What all figures share: fonts, colours that colour-blind readers can tell apart, labels."""

import itertools
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure

from crystal_transfer.models.strategies import STRATEGIES
from crystal_transfer.results.metrics import FEWEST_TRIALS
from crystal_transfer.units import in_unit

matplotlib.use("agg")

from matplotlib import pyplot as plt
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

Drawing = tuple[Figure, pd.DataFrame]  # a figure and the numbers in it

GAP = 2.0  # between two sizes, where there is one alone
STEP = 1 / 50  # of a size axis, between two lines at one size
# Okabe & Ito's palette without yellow, which is too pale on white
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#7F7F7F", "#000000"]
MARKERS = ["o", "s", "^", "D", "v", "P", "X", "*"]
SCRATCH_COLOUR = "#4D4D4D"
MOST_COLUMNS = 5  # of a legend
DIGIT = 0.07  # inches, a digit of a tick's label is wide
MARGIN = 0.05  # of an axis, beyond the first and last value: matplotlib's default
FAR_ERRORS = 2.5  # times the smallest; larger errors would flatten all others on a linear axis
FAR = 300  # %; changes beyond it would flatten all others on a linear axis
SPREAD_WIDTH = 4  # of bars from best to worst, thicker than intervals: they are none
R2_FLOOR = -0.5  # worse predictions than that are all useless; the csv has the numbers

plt.rcParams.update(
    {
        "font.size": 9,
        "axes.titlesize": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "legend.frameon": False,
        "svg.hashsalt": "crystal-transfer",
        "svg.fonttype": "none",
        "figure.constrained_layout.use": True,
    }
)


def scale_of(maes: pd.Series, scaled: pd.Series, unit: str) -> list[str]:
    """Say what 1 of a dataset's scaled targets is: number and unit; nothing where no run tells.

    Parameters
    ----------
    maes, scaled
        The same MAEs in physical units and scaled: all runs of a dataset have one range, that of
        the dataset or of its pool.
    unit
        The physical unit.
    """
    ratios = (maes / scaled)[scaled > 0].dropna()
    if ratios.empty:
        return []
    half_range = float(f"{ratios.median():.3g}")
    number = f"{half_range:,.0f}" if half_range >= 1000 else f"{half_range:g}"
    scale = [f"1 = {number}"]
    return [*scale, unit] if in_unit(unit) else scale


def pair_label(source: str, target: str) -> str:
    """Return the name of a PT-FT pair."""
    return f"{source} \N{RIGHTWARDS ARROW} {target}"


def strategy_order(names: Iterable[str]) -> list[str]:
    """List the strategies that occur, in the order of `models.strategies`."""
    occurring = set(names)
    return [name for name in STRATEGIES if name in occurring]


def strategy_label(name: str) -> str:
    """Write the name of a strategy as words."""
    return name.replace("_", " ")


def plain_log_axis(axis: Axes, values: Sequence[float]) -> None:
    """Make the x axis logarithmic, with a tick at each value.

    A label that would overlap stands a line lower, and is blank where it would overlap there too.
    """
    axis.set_xscale("log")
    values = sorted(set(values))
    names = [f"{v / 1000:g}K" if v >= 1000 else f"{v:g}" for v in values]
    # of the panel before labels take their room, which is a little less than in the end
    width = axis.get_position().width * axis.figure.bbox.width / axis.figure.dpi
    inches = np.log(values) / max(np.log(values[-1] / values[0]), 1e-9) * width / (1 + 2 * MARGIN)
    # inches to the left of which a line is free; the lower one must not make the panel narrower
    labels, free = [], [np.inf, inches[-1] + len(names[-1]) * DIGIT / 2]
    for place, name in zip(inches[::-1], names[::-1], strict=True):
        half = len(name) * DIGIT / 2
        line = next((line for line, end in enumerate(free) if place + half < end), None)
        labels.append("" if line is None else "\n" * line + name)
        if line is not None:
            free[line] = place - half - DIGIT / 3
    axis.set_xticks(values, labels[::-1])
    axis.minorticks_off()


def plain_log_numbers(axis: Axis) -> None:
    """Write the numbers of a logarithmic axis plainly, 1 2 5 of each decade."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_formatter(NullFormatter())


def error_axis(axis: Axes, errors: pd.Series) -> None:
    """Make the y axis of errors logarithmic where the largest is far above the smallest.

    Call it when all is drawn. Intervals are cut at two thirds of the smallest error.

    Parameters
    ----------
    errors
        What is drawn on it, without intervals.
    """
    drawn = errors[errors > 0]
    if drawn.empty or drawn.max() <= FAR_ERRORS * drawn.min():
        return
    axis.set_yscale("log", nonpositive="clip")
    axis.set_ylim(bottom=drawn.min() / 1.5)
    plain_log_numbers(axis.yaxis)


def spread_axis(axis: Axes, values: pd.Series) -> None:
    """Make the y axis linear to +-100 and logarithmic beyond, where values go that far."""
    if np.nanmax(np.abs(np.asarray(values, dtype=float)), initial=0.0) > FAR:
        axis.set_yscale("symlog", linthresh=100, linscale=1.5)


def ink_on(colour: Sequence[float] | np.ndarray) -> str:
    """Return the colour of text that is readable on a background (luminance, ITU-R BT.709)."""
    return "black" if np.dot(colour[:3], (0.2126, 0.7152, 0.0722)) > 0.45 else "white"


def colour_of(codes: list[str]) -> dict[str, str]:
    """Return the colour of each dataset."""
    return {code: COLOURS[i % len(COLOURS)] for i, code in enumerate(codes)}


def marker_of(codes: list[str]) -> dict[str, str]:
    """Return the marker of each dataset."""
    return {code: MARKERS[i % len(MARKERS)] for i, code in enumerate(codes)}


def sources_of(table: pd.DataFrame, datasets: Iterable[str]) -> list[str]:
    """List what the runs of a table were pre-trained on: datasets in order, then checkpoints."""
    sources = set(table["source"]) - {""}
    known = [code for code in datasets if code in sources]
    return known + sorted(sources - set(known))


def baselines_beside(runs: pd.DataFrame, baselines: pd.DataFrame | None) -> pd.DataFrame:
    """Return runs and the baselines of the same datasets and sizes; a baseline is its own source.

    Its kind stays ``baseline``, its name becomes the source, so that it is a row or a line like any
    other.
    """
    if baselines is None:
        return runs
    cells = set(zip(runs["dataset"], runs["size"], strict=True))
    here = [cell in cells for cell in zip(baselines["dataset"], baselines["size"], strict=True)]
    named = baselines[here].assign(source=baselines["network"][here])
    return pd.concat([runs, named], ignore_index=True) if len(named) else runs


def legend_below(figure: Figure, handles: Mapping[str, Any], title: str | None = None) -> None:
    """Put one legend below all panels, in as many columns as the figure is wide, at most five.

    Labels that are wider than the figure are broken into lines.
    """
    if not handles:
        return
    for columns in range(min(len(handles), MOST_COLUMNS), 0, -1):
        legend = figure.legend(
            list(handles.values()), list(handles), loc="outside lower center", ncols=columns,
            title=title,
        )  # fmt: skip
        too_wide = legend.get_window_extent().width / figure.bbox.width
        if too_wide <= 1:
            return
        if columns > 1:
            legend.remove()
    # symbols, beside the labels, keep their width
    characters = max(1, int(0.85 * max(map(len, handles)) / too_wide))
    for text in legend.get_texts():
        text.set_text(textwrap.fill(text.get_text(), characters))


def labelled(axis: Axes) -> dict[str, Any]:
    """Return what has been drawn with a label, by label."""
    handles, labels = axis.get_legend_handles_labels()
    return dict(zip(labels, handles, strict=True))


def scratch_first(handles: Mapping[str, Any], order: Iterable[str]) -> dict[str, Any]:
    """Sort what a legend shows: scratch, then the others in their order."""
    return {name: handles[name] for name in ["scratch", *order] if name in handles}


def half_widths(cells: pd.DataFrame, metric: str, trials: str = "trials") -> pd.Series:
    """Return the half-widths of the 95 % intervals that are drawn: 0 for fewer than three trials.

    Parameters
    ----------
    cells
        See `results.tables.cells`, or any table with such columns.
    metric
        Its name, without what stands for the mean.
    trials
        Column with the number of its trials.
    """
    return cells[f"{metric}_ci95"].where(cells[trials] >= FEWEST_TRIALS, 0).fillna(0)


def apart(sizes: Iterable[int], lines: int) -> float:
    """Return the factor by which lines at one size stand beside each other on a logarithmic axis.

    Together they fill three fifths of the smallest gap between two sizes at most, and are no
    farther apart than needed: a `STEP` of the axis.

    Parameters
    ----------
    sizes
        All sizes on the axis, crystals.
    lines
        How many have points at a size.
    """
    each = sorted(set(sizes))
    gap = min((after / size for size, after in itertools.pairwise(each)), default=GAP)
    span = each[-1] / each[0] if len(each) > 1 else GAP**2
    return float(min(gap ** (0.6 / max(lines, 1)), span**STEP))


def by_dataset(table: pd.DataFrame, datasets: Iterable[str]) -> pd.DataFrame:
    """Sort a table as the datasets are, and by size."""
    order = {code: place for place, code in enumerate(datasets)}
    places = table.assign(place=table["dataset"].map(order)).sort_values(
        ["place", "size"], kind="stable", ignore_index=True
    )
    return places.drop(columns="place")


def rows_axis(axis: Axes, names: Sequence[str]) -> None:
    """Name the rows of changes, the first on top, with a line at no change."""
    axis.axvline(0, color="black", linewidth=0.8)
    axis.set_yticks(range(len(names)), names)
    axis.set_ylim(len(names) - 0.5, -0.5)


def size_axis(axis: Axes, sizes: Sequence[int]) -> None:
    """Make the horizontal axis one of FT sizes, crystals; a single size stands in its middle."""
    plain_log_axis(axis, sizes)
    if len(sizes) == 1:
        axis.set_xlim(sizes[0] / GAP, sizes[0] * GAP)
    axis.set_xlabel("FT dataset size (crystals)")


def panels(
    n: int, width: float = 2.6, height: float = 2.4, columns: int = 4
) -> tuple[Figure, list[Axes]]:
    """Make a figure of n equal panels, [n] axes, in even rows of at most `columns`.

    Without a panel the figure says that there is nothing to show.
    """
    columns = max(1, min(n, columns))
    rows = max(1, -(-n // columns))
    columns = max(1, -(-n // rows))
    figure, axes = plt.subplots(
        rows, columns, figsize=(width * columns, height * rows), squeeze=False
    )
    for axis in axes.flat[n:]:
        axis.set_axis_off()
    if n == 0:
        axes[0, 0].text(0.5, 0.5, "no runs to show", ha="center", va="center")
    return figure, list(axes.flat[:n])

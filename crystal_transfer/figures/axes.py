"""Axes that several figures have: logarithmic with plain numbers, of errors, changes and sizes."""

import itertools
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

GAP = 2.0  # between two sizes, where there is one alone
STEP = 1 / 50  # of a size axis, between two lines at one size
DIGIT = 0.07  # inches, a digit of a tick's label is wide
MARGIN = 0.05  # of an axis, beyond the first and last value: matplotlib's default
FAR_ERRORS = 2.5  # times the smallest; larger errors would flatten all others on a linear axis
FAR = 300  # %; changes beyond it would flatten all others on a linear axis


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

"""What all figures share: fonts, colours that colour-blind readers can tell apart, panels."""

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

matplotlib.use("agg")

from matplotlib import pyplot as plt

Drawing = tuple[Figure, pd.DataFrame]  # a figure and the numbers in it

# Okabe & Ito's palette without yellow, which is too pale on white
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#7F7F7F", "#000000"]
MARKERS = ["o", "s", "^", "D", "v", "P", "X", "*"]
HATCHES = ["", "///", "..."]
SCRATCH_COLOUR = "#4D4D4D"
SPREAD_WIDTH = 4  # of bars from best to worst, thicker than intervals: they are none
NOTHING = "too few runs, trials or crystals to show"
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


def ink_on(colour: Sequence[float] | np.ndarray) -> str:
    """Return the colour of text that is readable on a background (luminance, ITU-R BT.709)."""
    return "black" if np.dot(colour[:3], (0.2126, 0.7152, 0.0722)) > 0.45 else "white"


def colour_of(codes: list[str]) -> dict[str, str]:
    """Return the colour of each dataset."""
    return {code: COLOURS[i % len(COLOURS)] for i, code in enumerate(codes)}


def marker_of(codes: list[str]) -> dict[str, str]:
    """Return the marker of each dataset."""
    return {code: MARKERS[i % len(MARKERS)] for i, code in enumerate(codes)}


def mark(number: int) -> dict[str, Any]:
    """Return colour and marker of a line, another pair for each of the first 64."""
    turn, place = divmod(number, len(COLOURS))
    return {"color": COLOURS[place], "marker": MARKERS[(place + turn) % len(MARKERS)]}


def fill(number: int) -> dict[str, Any]:
    """Return colour and hatching of a bar, another pair for each of the first 24."""
    turn, place = divmod(number, len(COLOURS))
    return {
        "facecolor": COLOURS[place],
        "edgecolor": "white",
        "hatch": HATCHES[turn % len(HATCHES)],
    }


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
        axes[0, 0].text(0.5, 0.5, NOTHING, ha="center", va="center")
    return figure, list(axes.flat[:n])

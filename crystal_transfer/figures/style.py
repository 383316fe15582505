"""What all figures share: fonts, colours that colour-blind readers can tell apart, labels."""

from collections.abc import Iterable
from dataclasses import dataclass

import matplotlib
import numpy as np

from crystal_transfer.models.strategies import STRATEGIES

matplotlib.use("agg")

from matplotlib import pyplot as plt
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

# Okabe & Ito's palette without yellow, which is too pale on white
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#7F7F7F", "#000000"]
MARKERS = ["o", "s", "^", "D", "v", "P", "X", "*"]
SCRATCH_COLOUR = "#4D4D4D"
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


@dataclass(frozen=True)
class Quantity:
    """What a dataset's targets are: the property, and its unit."""

    label: str
    unit: str

    @property
    def axis_label(self) -> str:
        """Label and unit; a number without a unit has only a label."""
        return f"{self.label} ({self.unit})" if self.unit not in ("", "1") else self.label


def pair_label(source: str, target: str) -> str:
    """Give the name of a PT-FT pair."""
    return f"{source} \N{RIGHTWARDS ARROW} {target}"


def strategy_order(names: Iterable[str]) -> list[str]:
    """Give the strategies that occur, in the order of `models.strategies`."""
    found = set(names)
    return [name for name in STRATEGIES if name in found]


def strategy_label(name: str) -> str:
    """Write the name of a strategy as words."""
    return name.replace("_", " ")


def plain_log_axis(axis, values: list[int]) -> None:
    """Make the x axis logarithmic, with a tick at each value that does not crowd the last one."""
    axis.set_xscale("log")
    ticks = []
    for value in values:
        if not ticks or value > 1.25 * ticks[-1]:
            ticks.append(value)
    axis.set_xticks(ticks, [f"{v / 1000:g}K" if v >= 1000 else f"{v:g}" for v in ticks])
    axis.minorticks_off()


def plain_log_numbers(axis) -> None:
    """Write the numbers of a logarithmic axis plainly, 1 2 5 of each decade."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_formatter(NullFormatter())


def spread_axis(axis, values) -> None:
    """Make the y axis linear to +-100 and logarithmic beyond, where values go that far."""
    if np.nanmax(np.abs(np.asarray(values, dtype=float)), initial=0.0) > 300:
        axis.set_yscale("symlog", linthresh=100, linscale=1.5)


def ink_on(colour) -> str:
    """Give the colour of text that is readable on another (luminance, ITU-R BT.709)."""
    return "black" if np.dot(colour[:3], (0.2126, 0.7152, 0.0722)) > 0.45 else "white"


def colour_of(codes: list[str]) -> dict[str, str]:
    """Give each dataset its colour."""
    return {code: COLOURS[place % len(COLOURS)] for place, code in enumerate(codes)}


def marker_of(codes: list[str]) -> dict[str, str]:
    """Give each dataset its marker."""
    return {code: MARKERS[place % len(MARKERS)] for place, code in enumerate(codes)}


def sources_of(table, datasets) -> list[str]:
    """List what the runs of a table were pre-trained on: datasets in order, then checkpoints."""
    found = set(table["source"]) - {""}
    return [code for code in datasets if code in found] + sorted(found - set(datasets))


def legend_below(figure, handles: dict, sources: list[str]) -> None:
    """Put one legend below all panels: scratch first, then the sources in their order."""
    names = [name for name in ["scratch", *[f"PT {code}" for code in sources]] if name in handles]
    figure.legend(
        [handles[name] for name in names], names, loc="outside lower center",
        ncols=min(len(names), 5),
    )  # fmt: skip


def panels(n: int, width: float = 2.6, height: float = 2.4, columns: int = 4):
    """Make a figure of n equal panels, [n] axes; left-over places stay empty."""
    columns = min(n, columns)
    rows = -(-n // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(width * columns, height * rows), squeeze=False
    )
    for axis in axes.flat[n:]:
        axis.set_axis_off()
    return figure, list(axes.flat[:n])

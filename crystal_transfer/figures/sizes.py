"""Metrics against the number of crystals that are fine-tuned on."""

from collections.abc import Callable, Mapping
from itertools import cycle
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from crystal_transfer.figures.axes import apart, error_axis, size_axis
from crystal_transfer.figures.legends import legend_below, scratch_first
from crystal_transfer.figures.rows import baselines_beside, half_widths, sources_of
from crystal_transfer.figures.style import (
    R2_FLOOR,
    SCRATCH_COLOUR,
    Drawing,
    colour_of,
    marker_of,
    panels,
)
from crystal_transfer.results.metrics import METRICS
from crystal_transfer.results.tables import cells, on_shared_trials
from crystal_transfer.units import Quantity

# line and marker of scratch, then of each baseline, whose markers are open
GREY_STYLES: list[tuple[Any, str]] = [
    ("--", "s"), (":", "^"), ("-.", "D"), ((0, (1, 4)), "o"), ((0, (5, 4)), "v"),
]  # fmt: skip
USUAL, LARGE = (3.4, 2.4, 3), (5.2, 3.4, 2)  # width and height of a panel, inches; columns
MOST_LINES = 6  # in a panel of the usual size


def r2_by_size(
    runs: pd.DataFrame,
    datasets: Mapping[str, Quantity],
    baselines: pd.DataFrame | None = None,
) -> Drawing:
    """Draw R2 against FT size, one panel per FT dataset."""
    return _by_size(baselines_beside(runs, baselines), datasets, "r2", _r2_axis)


def mae_by_size(
    runs: pd.DataFrame,
    datasets: Mapping[str, Quantity],
    baselines: pd.DataFrame | None = None,
) -> Drawing:
    """Draw the MAE in physical units against FT size, one panel per FT dataset."""
    return _by_size(baselines_beside(runs, baselines), datasets, "mae", error_axis)


def _r2_axis(axis: Axes, values: pd.Series) -> None:
    """End the axis at the worst R2 that is drawn and just above 1, whatever the values."""
    low, high = axis.get_ylim()
    axis.set_ylim(max(low, R2_FLOOR), min(high, 1.02))


def _by_size(
    runs: pd.DataFrame,
    datasets: Mapping[str, Quantity],
    metric: str,
    limit: Callable[[Axes, pd.Series], None],
) -> Drawing:
    """Draw a metric; `limit` gets each axis and the values on it when all is drawn."""
    runs = on_shared_trials(runs)
    table = cells(runs)
    codes = [code for code in datasets if code in set(table["dataset"])]
    plain = sorted(table.loc[table["kind"] == "baseline", "source"].unique())
    sources = sources_of(table[table["kind"] != "baseline"], datasets)
    colours = colour_of(sources)
    styles = {source: ("-", marker) for source, marker in marker_of(sources).items()}
    styles |= dict(zip(["", *plain], cycle(GREY_STYLES), strict=False))
    crowded = 1 + len(plain) + len(sources) > MOST_LINES
    figure, axes = panels(len(codes), *(LARGE if crowded else USUAL))
    handles = {}
    for axis, code in zip(axes, codes, strict=True):
        here = table[table["dataset"] == code]
        shown = [source for source in ["", *plain, *sources] if source in set(here["source"])]
        sizes = sorted(here["size"].unique())
        factor = apart(sizes, len(shown))
        for place, source in enumerate(shown):
            line = here[here["source"] == source].sort_values("size")
            aside = factor ** (place - (len(shown) - 1) / 2)
            name = source if source in plain else f"PT {source}" if source else "scratch"
            colour = colours.get(source, SCRATCH_COLOUR)
            style, marker = styles[source]
            each = runs[(runs["dataset"] == code) & (runs["source"] == source)]
            axis.scatter(
                each["size"] * aside, each[metric], s=6, color=colour, alpha=0.35, linewidths=0
            )
            handles[name] = axis.errorbar(
                line["size"] * aside,
                line[f"{metric}_mean"],
                # the interval of two trials is as wide as the axis; their dots say more
                yerr=half_widths(line, metric),
                color=colour,
                marker=marker,
                markerfacecolor="white" if source in plain else colour,
                linestyle=style,
                linewidth=1.2,
                markersize=4,
                capsize=2,
                label=name,
            )
        size_axis(axis, sizes)
        limit(axis, here[f"{metric}_mean"])
        axis.set_title(f"{code}: {datasets[code].label}")
        axis.set_ylabel(METRICS[metric].axis_label(datasets[code].unit))
    legend_below(figure, scratch_first(handles, [*plain, *[f"PT {source}" for source in sources]]))
    return figure, table

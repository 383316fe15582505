"""Legends: one below all panels, scratch first."""

import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

MOST_COLUMNS = 5  # of a legend


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

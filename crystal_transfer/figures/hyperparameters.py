"""Hyperparameters of fine-tuning: strategies by size, sampling, learning rate, frozen layers."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from crystal_transfer.figures.axes import size_axis
from crystal_transfer.figures.labels import pair_label, strategy_label
from crystal_transfer.figures.legends import labelled, legend_below
from crystal_transfer.figures.rows import strategy_order
from crystal_transfer.figures.style import (
    R2_FLOOR,
    SCRATCH_COLOUR,
    Drawing,
    fill,
    mark,
    panels,
)
from crystal_transfer.results.metrics import METRICS, SHOWN
from crystal_transfer.results.sizes import size_label
from crystal_transfer.results.tables import cells
from crystal_transfer.units import Quantity


def strategies_by_size(runs: pd.DataFrame, datasets: Mapping[str, Quantity]) -> Drawing:
    """Draw both metrics against FT size, a column per pair and a line per strategy."""
    table = cells(runs)
    tuned = table[table["kind"] == "finetune"]
    pairs = _pairs(tuned)
    strategies = strategy_order(tuned["strategy"])
    figure, axes = panels(2 * len(pairs), 2.7, 2.6, columns=len(pairs))
    handles = {}
    for axis, (metric, (source, target)) in zip(axes, _rows_of_panels(pairs), strict=True):
        lines = [("scratch", table[(table["kind"] == "scratch") & (table["dataset"] == target)])]
        here = tuned[(tuned["source"] == source) & (tuned["dataset"] == target)]
        lines += [(name, here[here["strategy"] == name]) for name in strategies]
        for number, (name, line) in enumerate(lines):
            line = line.sort_values("size")
            style: dict[str, Any] = {"color": SCRATCH_COLOUR, "linestyle": "--", "marker": "_"}
            if number:
                style = mark(number - 1)
            label = strategy_label(name) if number else name
            (handles[label],) = axis.plot(
                line["size"], line[f"{metric}_mean"], linewidth=1.2, markersize=4, **style
            )
        size_axis(axis, sorted(table["size"].unique()))
        _finish(axis, metric, pair_label(source, target))
    legend_below(figure, handles)
    return figure, table


def samplings(runs: pd.DataFrame, datasets: Mapping[str, Quantity]) -> Drawing:
    """Draw both metrics by the way in which the sample was drawn."""
    table = cells(runs)
    return _bars(table, table["sampling"], "Sampling"), table


def frozen_layers(runs: pd.DataFrame, datasets: Mapping[str, Quantity]) -> Drawing:
    """Draw both metrics by number of frozen layers and learning rate, with a new head."""
    table = cells(runs)
    frozen = table["strategy"].str.removeprefix("freeze_")
    options = frozen + " frozen, rate " + table["max_lr"].map("{:g}".format)
    return _bars(table, options, "Frozen layers and learning rate"), table


def learning_rates(runs: pd.DataFrame, datasets: Mapping[str, Quantity]) -> Drawing:
    """Draw both metrics against the learning rate, a line per pair."""
    table = cells(runs)
    figure, axes = panels(2, 3.6, 3.0, columns=2)
    for axis, metric in zip(axes, SHOWN, strict=True):
        for number, (source, target) in enumerate(_pairs(table)):
            here = table[(table["source"] == source) & (table["dataset"] == target)]
            line = here.sort_values("max_lr")
            axis.plot(
                line["max_lr"], line[f"{metric}_mean"], **mark(number), linewidth=1.2,
                label=pair_label(source, target),
            )  # fmt: skip
        axis.set_xscale("log")
        axis.set_xlabel("Peak learning rate of fine-tuning")
        _finish(axis, metric, size_label(table["size"]))
    legend_below(figure, labelled(axes[0]))
    return figure, table


def _bars(table: pd.DataFrame, options: pd.Series, title: str) -> Figure:
    """Draw bars: a panel per metric, a group per pair, a bar per option."""
    pairs, names = _pairs(table), list(dict.fromkeys(options))
    figure, axes = panels(2, 1.5 + 0.22 * len(pairs) * (len(names) + 1), 3.0, columns=1)
    width = 0.8 / len(names)
    for axis, metric in zip(axes, SHOWN, strict=True):
        for number, name in enumerate(names):
            here = table[options == name].set_index(["source", "dataset"])[f"{metric}_mean"]
            heights = [here.get(pair, np.nan) for pair in pairs]
            positions = np.arange(len(pairs)) + (number - (len(names) - 1) / 2) * width
            axis.bar(positions, heights, 0.92 * width, **fill(number), label=name)
            if metric == "r2":
                _write_what_is_cut(axis, positions, heights)
        axis.set_xticks(range(len(pairs)), [pair_label(*pair) for pair in pairs])
        axis.axhline(0, color="black", linewidth=0.8)
        _finish(axis, metric, size_label(table["size"]))
    legend_below(figure, labelled(axes[0]), title)
    return figure


def _write_what_is_cut(axis: Axes, positions: Iterable[float], heights: Iterable[float]) -> None:
    """Write the height of each bar that ends below the axis."""
    for position, height in zip(positions, heights, strict=True):
        if height < R2_FLOOR:
            axis.text(position, R2_FLOOR + 0.02, f"{height:.2g}", rotation=90, fontsize=7,
                      color="white", ha="center", va="bottom")  # fmt: skip


def _pairs(table: pd.DataFrame) -> list[tuple[str, str]]:
    return list(dict.fromkeys(zip(table["source"], table["dataset"], strict=True)))


def _rows_of_panels(pairs: list[tuple[str, str]]) -> list[tuple[str, tuple[str, str]]]:
    """List metric and pair of each panel: a row per metric, a column per pair."""
    return [(metric, pair) for metric in SHOWN for pair in pairs]


def _finish(axis: Axes, metric: str, title: str) -> None:
    axis.set_title(title)
    axis.set_ylabel(METRICS[metric].label)
    if metric == "r2":
        low, high = axis.get_ylim()
        axis.set_ylim(max(low, R2_FLOOR), max(high, 0.05))

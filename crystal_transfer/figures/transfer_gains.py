"""What transfer gains against scratch, for each way in which that was trained."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import cycle

import pandas as pd

from crystal_transfer.figures.axes import apart, error_axis, rows_axis, size_axis
from crystal_transfer.figures.legends import labelled, legend_below
from crystal_transfer.figures.rows import by_dataset, half_widths
from crystal_transfer.figures.style import COLOURS, SCRATCH_COLOUR, SPREAD_WIDTH, Drawing, panels
from crystal_transfer.results.gains import WAY, transfer_gains
from crystal_transfer.results.metrics import METRICS
from crystal_transfer.results.tables import on_shared_trials
from crystal_transfer.units import Quantity
from crystal_transfer.variations import parsed

STYLES = [("--", "s"), (":", "D"), ("-.", "v")]  # of scratch, a way of training each


def scratch_rates(runs: pd.DataFrame, datasets: Mapping[str, Quantity]) -> Drawing:
    """Draw the MAE of scratch at several learning rates beside that of transfer."""
    table = transfer_gains(on_shared_trials(runs))
    return _beside_transfer(table, datasets, "max_lr", lambda rate: f"rate {rate:g}")


def scratch_epochs(runs: pd.DataFrame, datasets: Mapping[str, Quantity]) -> Drawing:
    """Draw the MAE of scratch trained for longer beside that of transfer.

    At the sizes at which some scratch was trained for longer.
    """
    table = transfer_gains(on_shared_trials(runs))
    longest = table.groupby(["dataset", "size"])["epochs"].transform("max")
    return _beside_transfer(
        table[longest > 0], datasets, "epochs",
        lambda n: f"{n} epochs" if n else "epochs as for transfer",
    )  # fmt: skip


def transfer_gain(runs: pd.DataFrame, datasets: Mapping[str, Quantity]) -> Drawing:
    """Draw what the median PT dataset gains against each scratch: a panel per FT size.

    A row per FT dataset, with 95 % intervals over trials; the numbers are those of
    `results.gains.transfer_gains` where there is transfer.
    """
    table = by_dataset(transfer_gains(runs).dropna(subset="gain_median"), datasets)
    codes, sizes = list(table["dataset"].unique()), sorted(table["size"].unique())
    ways = sorted(table.groupby(WAY).groups, key=lambda way: (way[1:], -way[0]))
    labels = {way: f"against scratch at {_said(*way)}" for way in ways}
    figure, axes = panels(len(sizes), width=4.2, height=1.2 + 0.45 * len(codes), columns=3)
    handles = {}
    for axis, size in zip(axes, sizes, strict=True):
        for way, here in table[table["size"] == size].groupby(WAY):
            place = ways.index(way)
            below = 0.25 * (place - (len(ways) - 1) / 2)
            handles[labels[way]] = axis.errorbar(
                here["gain_median"], [codes.index(code) + below for code in here["dataset"]],
                xerr=half_widths(here, "gain_median", "gain_trials"),
                fmt=STYLES[place % len(STYLES)][1], color=COLOURS[1:][place % len(COLOURS[1:])],
                capsize=2, markersize=5, linewidth=1.2,
            )  # fmt: skip
        rows_axis(axis, codes)
        axis.set_title(f"n = {size}")
        axis.set_xlabel("Reduction of the MAE by transfer,\nmedian PT dataset (%)")
    limits = [axis.get_xlim() for axis in axes]
    for axis in axes:
        axis.set_xlim(min(low for low, _ in limits), max(high for _, high in limits))
    legend_below(figure, {label: handles[label] for label in labels.values()})
    return figure, table


def _said(rate: float, epochs: int, variation: str) -> str:
    """Say how scratch was trained."""
    other = replace(parsed(variation), rate="", epochs=None).name
    longer = f"{epochs} epochs" if epochs else ""
    return ", ".join(filter(None, [f"rate {rate:g}", longer, other]))


def _beside_transfer(
    table: pd.DataFrame, datasets: Mapping[str, Quantity], way: str, label: Callable[..., str]
) -> Drawing:
    """Draw scratch trained in several ways beside transfer, a panel per FT dataset.

    Transfer is the median PT dataset of each trial, with a bar from the best PT dataset to the
    worst.

    Parameters
    ----------
    table
        See `results.gains.transfer_gains`.
    datasets
        Symbol, unit and order of the datasets.
    way
        Column that tells the ways in which scratch was trained apart.
    label
        What a value of it is called.
    """
    codes = [code for code in datasets if code in set(table["dataset"])]
    usual = set(table.loc[table["variation"] == "", way])
    ways = sorted(table[way].unique(), key=lambda value: (value not in usual, -value))
    figure, axes = panels(len(codes))
    for axis, code in zip(axes, codes, strict=True):
        here = table[table["dataset"] == code].sort_values("size")
        sizes = sorted(here["size"].unique())
        factor = apart(sizes, len(ways) + 1)
        for place, (value, (style, marker)) in enumerate(zip(ways, cycle(STYLES), strict=False)):
            line = here[here[way] == value]
            axis.errorbar(
                line["size"] * factor**(place + 0.5), line["mae_scratch"],
                half_widths(line, "mae_scratch"),
                marker=marker, markersize=4, linestyle=style,
                color=SCRATCH_COLOUR, capsize=2, linewidth=1.2, label=f"scratch, {label(value)}",
            )  # fmt: skip
        tuned = here.dropna(subset="mae_median").drop_duplicates("size")
        axis.vlines(
            tuned["size"] / factor, tuned["mae_best"], tuned["mae_worst"],
            color=(COLOURS[0], 0.4), linewidth=SPREAD_WIDTH,
        )  # fmt: skip
        axis.errorbar(
            tuned["size"] / factor, tuned["mae_median"],
            half_widths(tuned, "mae_median", "pair_trials"),
            fmt="o-", color=COLOURS[0], capsize=2, linewidth=1.2,
            markersize=4, label="transfer: median PT dataset; pale bar: best to worst",
        )  # fmt: skip
        size_axis(axis, sizes)
        error_axis(axis, pd.concat([here["mae_scratch"], tuned["mae_worst"]]))
        axis.set_title(f"{code}: {datasets[code].label}")
        axis.set_ylabel(METRICS["mae"].axis_label(datasets[code].unit))
    if axes:
        legend_below(figure, labelled(axes[0]))
    return figure, table

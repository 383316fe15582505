"""What transfer gains against scratch, for each way in which that was trained."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import cycle

import pandas as pd

from crystal_transfer.figures.style import (
    COLOURS,
    SCRATCH_COLOUR,
    SPREAD_WIDTH,
    Drawing,
    Quantity,
    apart,
    by_dataset,
    error_axis,
    half_widths,
    labelled,
    legend_below,
    panels,
    rows_axis,
    size_axis,
)
from crystal_transfer.results.metrics import METRICS
from crystal_transfer.results.tables import CELL, half_width, on_shared_trials
from crystal_transfer.variations import parsed

STYLES = [("--", "s"), (":", "D"), ("-.", "v")]  # of scratch, a way of training each
WAY = ["max_lr", "epochs", "variation"]  # in which scratch was trained
GAINED = [
    "trials", "mae_scratch", "mae_scratch_ci95", "pairs", "pair_trials",
    "mae_median", "mae_median_ci95", "mae_best", "mae_worst",
    "gain_trials", "gain_median", "gain_median_ci95", "gain_best", "gain_best_ci95",
]  # fmt: skip


def scratch_rates(runs: pd.DataFrame, datasets: Mapping[str, Quantity]) -> Drawing:
    """Draw the MAE of scratch at several learning rates beside that of transfer; see `gains`."""
    table = gains(on_shared_trials(runs))
    return _beside_transfer(table, datasets, "max_lr", lambda rate: f"rate {rate:g}")


def scratch_epochs(runs: pd.DataFrame, datasets: Mapping[str, Quantity]) -> Drawing:
    """Draw the MAE of scratch trained for longer beside that of transfer; see `gains`.

    At the sizes at which some scratch was trained for longer.
    """
    table = gains(on_shared_trials(runs))
    longest = table.groupby(["dataset", "size"])["epochs"].transform("max")
    return _beside_transfer(
        table[longest > 0], datasets, "epochs",
        lambda n: f"{n} epochs" if n else "epochs as for transfer",
    )  # fmt: skip


def transfer_gain(runs: pd.DataFrame, datasets: Mapping[str, Quantity]) -> Drawing:
    """Draw what the median PT dataset gains against each scratch: a panel per FT size.

    A row per FT dataset, with 95 % intervals over trials; the numbers are those of `gains`, where
    there is transfer.
    """
    table = by_dataset(gains(runs).dropna(subset="gain_median"), datasets)
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
        See `gains`.
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


def gains(runs: pd.DataFrame) -> pd.DataFrame:
    """Return what transfer gains against scratch, for each way in which that was trained.

    Parameters
    ----------
    runs
        From scratch and fine-tuned; those of one dataset, size and trial share their sample.

    Returns
    -------
    A row per dataset, size and way of scratch: max_lr, epochs (0 for the study's usual ones) and
    variation. Of scratch trials and mae_scratch. Of transfer, with the same network and in the
    trials that all its pairs have: pairs and pair_trials (how many), mae_median (of the median PT
    dataset in each trial), mae_best and mae_worst (of the PT datasets with the lowest and the
    highest MAE over all trials), gain_median and gain_best, the reductions of the MAE in %, paired
    by trial, and gain_trials (those in which scratch has converged too); missing where there is no
    transfer. Each is a mean over trials; mae_scratch,
    mae_median and the gains have `_ci95`, half-widths of 95 % intervals (Student's t over trials).
    """
    scratch, tuned = (runs[runs["kind"] == kind] for kind in ("scratch", "finetune"))
    scratch = scratch.assign(epochs=[parsed(name).epochs or 0 for name in scratch["variation"]])
    place = ["dataset", "size", "network"]
    transfer = {where: _by_trial(here) for where, here in tuned.groupby(place)}
    names = ["dataset", "size", *WAY]
    rows = []
    for where, found in scratch.groupby([*place, *WAY], sort=False):
        base = found.set_index("trial")["mae"]
        row = dict(zip([*place, *WAY], where, strict=True))
        row |= {"trials": base.count(), **_mean("mae_scratch", base)}
        pairs = transfer.get(where[:3], pd.DataFrame())
        rows.append(row | (_gained(pairs, base) if pairs.size else {}))
    return pd.DataFrame(rows, columns=[*names, *GAINED])


def _by_trial(tuned: pd.DataFrame) -> pd.DataFrame:
    """Arrange the MAE of fine-tuned runs: trials x pairs, trials that all pairs have.

    A pair of which nothing has converged is none; else the median would be over other pairs in
    each trial, and the best one of an easier trial.
    """
    pair = [name for name in CELL if name not in ("dataset", "size")]
    found = tuned.pivot(index="trial", columns=pair, values="mae")
    return found.dropna(axis="columns", how="all").dropna()


def _gained(pairs: pd.DataFrame, base: pd.Series) -> dict[str, float]:
    median, mean = pairs.median(axis=1), pairs.mean()
    reductions = {
        "gain_median": 100 * (1 - median / base),
        "gain_best": 100 * (1 - pairs[mean.idxmin()] / base),
    }
    counted = {
        "pairs": pairs.shape[1],
        "pair_trials": median.count(),
        "gain_trials": reductions["gain_median"].count(),
    }
    found = counted | {"mae_best": mean.min(), "mae_worst": mean.max()}
    for name, values in {"mae_median": median, **reductions}.items():
        found |= _mean(name, values)
    return found


def _mean(name: str, values: pd.Series) -> dict[str, float]:
    """Return the mean over trials and its half-width, named."""
    return {name: values.mean(), f"{name}_ci95": half_width(values)}

"""How much of what transfer gains is a matter of the way in which scratch was trained."""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from crystal_transfer.figures.style import (
    COLOURS,
    SCRATCH_COLOUR,
    Drawing,
    Quantity,
    apart,
    error_axis,
    half_widths,
    labelled,
    legend_below,
    panels,
    size_axis,
)
from crystal_transfer.results import select
from crystal_transfer.results.metrics import FEWEST_TRIALS, METRICS
from crystal_transfer.results.publication import SCRATCH_RATE
from crystal_transfer.results.tables import cells, half_width

STYLES = [("--", "s"), (":", "D"), ("-.", "v")]  # of scratch, a way of training each
SPREAD_WIDTH = 4  # of the bars from best to worst, thicker than intervals: they are none
RATE_NAME = r"\blr[\dp]+(e-?\d+)?-?"  # a learning rate in the name of a variation


def scratch_rates(runs: pd.DataFrame, datasets: Mapping[str, Quantity]) -> Drawing:
    """Draw the MAE of scratch at several learning rates beside that of transfer; see `gains`."""
    return _beside_transfer(cells(runs), datasets, "max_lr", lambda rate: f"rate {rate:g}")


def scratch_epochs(runs: pd.DataFrame, datasets: Mapping[str, Quantity]) -> Drawing:
    """Draw the MAE of scratch trained for longer beside that of transfer; see `gains`."""
    table = cells(runs)
    longest = table["variation"].str.extract(r"\be(\d+)", expand=False)
    table["epochs"] = longest.astype(float).fillna(0).astype(int)
    return _beside_transfer(
        table, datasets, "epochs", lambda n: f"{n} epochs" if n else "epochs as for transfer"
    )


def _beside_transfer(
    table: pd.DataFrame, datasets: Mapping[str, Quantity], way: str, label: Callable[..., str]
) -> Drawing:
    """Draw scratch trained in several ways beside transfer, a panel per FT dataset.

    Transfer is the median over PT datasets, with a bar from the best to the worst of them.

    Parameters
    ----------
    table
        Cells.
    datasets
        Symbol, unit and order of the datasets.
    way
        Column that tells the ways in which scratch was trained apart.
    label
        What a value of it is called.
    """
    codes = [code for code in datasets if code in set(table["dataset"])]
    scratch, tuned = (table[table["kind"] == kind] for kind in ("scratch", "finetune"))
    counts = scratch[way].value_counts()
    # the usual one, which has all sizes, first
    ways = sorted(counts.index, key=lambda value: (-counts[value], -value))
    figure, axes = panels(len(codes))
    for axis, code in zip(axes, codes, strict=True):
        sizes = sorted(table.loc[table["dataset"] == code, "size"].unique())
        factor = apart(sizes, len(ways) + 1)
        for place, (value, (style, marker)) in enumerate(zip(ways, STYLES, strict=False)):
            line = scratch[(scratch["dataset"] == code) & (scratch[way] == value)]
            line = line.sort_values("size")
            axis.errorbar(
                line["size"] * factor**(place + 0.5), line["mae_mean"],
                half_widths(line, "mae"),
                marker=marker, markersize=4, linestyle=style,
                color=SCRATCH_COLOUR, capsize=2, linewidth=1.2, label=f"scratch, {label(value)}",
            )  # fmt: skip
        spread = _over_sources(tuned[tuned["dataset"] == code])
        above, below = spread["max"] - spread["median"], spread["median"] - spread["min"]
        axis.errorbar(
            spread.index / factor, spread["median"], [below.to_numpy(), above.to_numpy()],
            fmt="o-", color=COLOURS[0], ecolor=(COLOURS[0], 0.4), elinewidth=SPREAD_WIDTH,
            markersize=4, label="transfer: median, best to worst PT dataset",
        )  # fmt: skip
        size_axis(axis, sizes)
        error_axis(axis, table.loc[table["dataset"] == code, "mae_mean"])
        axis.set_title(f"{code}: {datasets[code].label}")
        axis.set_ylabel(METRICS["mae"].axis_label(datasets[code].unit))
    legend_below(figure, labelled(axes[0]))
    return figure, gains(table, way)


def gains(table: pd.DataFrame, way: str) -> pd.DataFrame:
    """Return what transfer gains against scratch, for each way in which that was trained.

    Parameters
    ----------
    table
        Cells of scratch and of fine-tuning.
    way
        Column that tells the ways in which scratch was trained apart.

    Returns
    -------
    Columns dataset, size, scratch_<way>, trials (of scratch), mae_scratch, mae_transfer (median
    over PT datasets) and gain, the reduction of the MAE in %.
    """
    rows = []
    for _, row in table[table["kind"] == "scratch"].iterrows():
        here = (table["dataset"] == row["dataset"]) & (table["size"] == row["size"])
        transfer = table.loc[here & (table["kind"] == "finetune"), "mae_mean"].median()
        rows.append({
            "dataset": row["dataset"],
            "size": row["size"],
            f"scratch_{way}": row[way],
            "trials": row["trials"],
            "mae_scratch": row["mae_mean"],
            "mae_transfer": transfer,
            "gain": 100 * (1 - transfer / row["mae_mean"]),
        })  # fmt: skip
    return pd.DataFrame(rows)


def _over_sources(tuned: pd.DataFrame) -> pd.DataFrame:
    return tuned.groupby("size")["mae_mean"].agg(["min", "median", "max"])


def published_gain(
    runs: pd.DataFrame, published: pd.DataFrame, datasets: Mapping[str, Quantity]
) -> Drawing:
    """Draw what another learning rate of scratch gains alone, and what published transfer gains.

    Both are reductions of the scaled MAE against scratch at the published rate: the former of our
    runs, the latter of the publication's own cells, on their own test sets. See `rate_alone`.
    """
    order = {code: place for place, code in enumerate(datasets)}
    table = rate_alone(runs, published).sort_values(
        "dataset", key=lambda codes: codes.map(order), kind="stable"
    )
    names = [
        f"{row.dataset}, n = {row.size}\n"
        + " ".join(filter(None, [row.variation, f"rate {row.max_lr:g}"]))
        for row in table.itertuples()
    ]
    figure, axes = panels(min(len(table), 1), width=5.2, height=1.2 + 0.6 * len(table))
    for axis in axes:
        places = np.arange(len(table))
        median, interval = table["transfer_median"], table["transfer_ci95"]
        axis.errorbar(
            median, places + 0.15, xerr=interval, fmt="none", ecolor=COLOURS[0], capsize=2,
            elinewidth=1.2,
        )  # fmt: skip
        spread = np.stack([median - table["transfer_worst"], table["transfer_best"] - median])
        axis.errorbar(
            median, places + 0.15, xerr=spread, fmt="o", color=COLOURS[0],
            ecolor=(COLOURS[0], 0.4), elinewidth=SPREAD_WIDTH, markersize=5,
            label="published transfer: median, best to worst PT dataset, 95 % interval",
        )  # fmt: skip
        interval = table["rate_gain_ci95"].where(table["trials"] >= FEWEST_TRIALS, 0)
        axis.errorbar(
            table["rate_gain"], places - 0.15, xerr=interval, fmt="s", color=COLOURS[1], capsize=2,
            markersize=5, linewidth=1.2,
            label="that rate alone: our scratch, no transfer, 95 % interval",
        )  # fmt: skip
        axis.axvline(0, color="black", linewidth=0.8)
        axis.set_yticks(places, names)
        axis.set_ylim(len(table) - 0.5, -0.5)
        axis.set_xlabel(f"Reduction of the MAE against scratch at a rate of {SCRATCH_RATE:g} (%)")
    if axes:
        legend_below(figure, labelled(axes[0]))
    return figure, table


def rate_alone(runs: pd.DataFrame, published: pd.DataFrame) -> pd.DataFrame:
    """Return what another learning rate of scratch gains, beside the published gain of transfer.

    Parameters
    ----------
    runs
        From scratch, at the published rate and at others; those of one dataset, size and trial
        share their sample.
    published
        See `results.publication.published`.

    Returns
    -------
    A row per dataset, size, variation (network, batch size and epochs, where they are not the
    usual ones) and other rate: these (max_lr), trials, rate_gain (reduction of the scaled MAE in
    % of that at the published rate, mean over trials), rate_gain_ci95 (Student's t of the paired
    differences), then of the published pairs against published scratch pairs (how many),
    transfer_median, transfer_best, transfer_worst and transfer_ci95 (see `_published_gains`),
    missing where the publication has no such cell.
    """
    scratch = runs[runs["kind"] == "scratch"].dropna(subset="mae_scaled")
    otherwise = scratch["variation"].str.replace(RATE_NAME, "", regex=True).str.rstrip("-")
    scratch = scratch.assign(variation=otherwise)
    is_theirs = np.isclose(scratch["max_lr"].astype(float), SCRATCH_RATE)
    cell = ["dataset", "size", "variation"]
    both = scratch[~is_theirs].merge(
        scratch.loc[is_theirs, [*cell, "trial", "mae_scaled"]], on=[*cell, "trial"],
        suffixes=("", "_published"), validate="many_to_one",
    )  # fmt: skip
    both["gain"] = 100 * (1 - both["mae_scaled"] / both["mae_scaled_published"])
    found = both.groupby([*cell, "max_lr"], as_index=False).agg(
        trials=("gain", "size"), rate_gain=("gain", "mean"), rate_gain_ci95=("gain", half_width)
    )
    return found.merge(_published_gains(published), on=["dataset", "size"], how="left")


def _published_gains(published: pd.DataFrame) -> pd.DataFrame:
    """Return what the published pairs gain, by dataset and size.

    The interval, transfer_ci95, is the median over the pairs of what the intervals of pair and
    scratch give for the ratio of the two; their trials cannot be paired, so it is a wide one.
    """
    cell, mean, width = ["dataset", "size"], "mae_scaled_mean", "mae_scaled_ci95"
    pairs = select.pairs(published)
    pairs = pairs[pairs["source_size"] == select.PT_SIZE]
    scratch = select.scratch(published)[[*cell, mean, width]]
    pairs = pairs.merge(scratch, on=cell, suffixes=("", "_scratch"))
    ratio = pairs[mean] / pairs[f"{mean}_scratch"]
    relative = np.hypot(
        pairs[width] / pairs[mean], pairs[f"{width}_scratch"] / pairs[f"{mean}_scratch"]
    )
    pairs = pairs.assign(gain=100 * (1 - ratio), half_width=100 * ratio * relative)
    return pairs.groupby(cell, as_index=False).agg(
        pairs=("gain", "size"),
        transfer_median=("gain", "median"),
        transfer_best=("gain", "max"),
        transfer_worst=("gain", "min"),
        transfer_ci95=("half_width", "median"),
    )

"""What another learning rate of scratch gains alone, and what published transfer gains."""

from dataclasses import replace

import numpy as np
import pandas as pd

from crystal_transfer.results import select
from crystal_transfer.results.gains import percent_below
from crystal_transfer.results.publication import SCRATCH_RATE
from crystal_transfer.results.tables import half_width
from crystal_transfer.variations import parsed


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
    otherwise = [replace(parsed(name), rate="").name for name in scratch["variation"]]
    scratch = scratch.assign(variation=otherwise)
    is_theirs = np.isclose(scratch["max_lr"].astype(float), SCRATCH_RATE)
    cell = ["dataset", "size", "variation"]
    both = scratch[~is_theirs].merge(
        scratch.loc[is_theirs, [*cell, "trial", "mae_scaled"]], on=[*cell, "trial"],
        suffixes=("", "_published"), validate="many_to_one",
    )  # fmt: skip
    both["gain"] = percent_below(both["mae_scaled"], both["mae_scaled_published"])
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

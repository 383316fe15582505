"""Which gains of transfer hold against chance."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from crystal_transfer.figures.style import (
    COLOURS,
    Drawing,
    Quantity,
    labelled,
    legend_below,
    panels,
)
from crystal_transfer.results.metrics import FEWEST_TRIALS
from crystal_transfer.results.tables import CELL, gain_over_scratch, half_width


def chance(runs: pd.DataFrame, datasets: Mapping[str, Quantity]) -> Drawing:
    """Draw the reduction of the MAE by transfer with two intervals, a panel per FT dataset.

    The largest FT size of each dataset is shown; the numbers have all.
    """
    table = gains(runs)
    codes = [code for code in datasets if code in set(table["dataset"])]
    figure, axes = panels(len(codes), width=3.2)
    for axis, code in zip(axes, codes, strict=True):
        here = table[table["dataset"] == code]
        here = here[here["size"] == here["size"].max()].sort_values("gain")
        rows = np.arange(len(here))
        for width, line, label in (
            ("corrected", 1.2, "cautious (Nadeau & Bengio)"),
            ("shared", 4.0, "trials, one test set"),
        ):  # fmt: skip
            axis.errorbar(
                here["gain"], rows, xerr=here[width], fmt="none", elinewidth=line, label=label,
                color=COLOURS[0] if width == "shared" else COLOURS[1],
            )  # fmt: skip
        axis.plot(here["gain"], rows, "o", color="black", markersize=4, label="mean of trials")
        axis.axvline(0, color="black", linewidth=0.8)
        axis.set_yticks(rows, here["source"])
        axis.set_ylim(-0.6, len(here) - 0.4)
        axis.set_title(f"{code}, n = {here['size'].iloc[0]}")
        axis.set_xlabel("reduction of the MAE (%)")
        axis.set_ylabel("pre-trained on")
    if axes:
        legend_below(figure, labelled(axes[0]))
    return figure, table


def gains(runs: pd.DataFrame) -> pd.DataFrame:
    """Return what transfer gains, paired by trial, with intervals.

    Parameters
    ----------
    runs
        Scratch and fine-tuned runs; those of one dataset, size and trial share their sample.

    Returns
    -------
    A row per fine-tuned cell of at least three trials that did not diverge, neither tuned nor from
    scratch: the columns of a cell, trials, gain (reduction of the MAE in % of that of scratch, mean
    over trials), the half-widths of its 95 % intervals, shared and corrected, and whether it is
    above zero by each (holds_shared, holds_corrected). *shared* is Student's t over the trials: it
    says how the gain varies with samples and with the initial weights of scratch on this one test
    set; the pre-training of a cell is one for all its trials. *corrected* multiplies the variance
    by 1 + trials x n_test / size, which is what trials on splits of their own would need
    (C. Nadeau, Y. Bengio, Machine Learning 52, 239 (2003), section 4). The variance it is meant for
    is one over splits, and trials on one test set have another: it is the cautious end of what the
    interval may be, not a test. The size counts the validation crystals of the sample too.
    """
    gained = runs.assign(gain=gain_over_scratch(runs))
    tuned = gained[gained["kind"] == "finetune"]
    rows = []
    for cell, found in tuned.groupby(CELL, sort=False):
        percent = found["gain"].dropna()
        trials = len(percent)
        if trials < FEWEST_TRIALS:
            continue
        gain, shared = percent.mean(), half_width(percent)
        ratio = found["n_test"].iloc[0] / found["size"].iloc[0]
        corrected = shared * np.sqrt(1 + trials * ratio)
        rows.append([*cell, trials, gain, shared, corrected, gain > shared, gain > corrected])
    columns = [*CELL, "trials", "gain", "shared", "corrected", "holds_shared", "holds_corrected"]
    return pd.DataFrame(rows, columns=columns)

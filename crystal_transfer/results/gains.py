"""What transfer gains: by how much an error is below that of scratch."""

from typing import TypeVar

import numpy as np
import pandas as pd

from crystal_transfer.results.metrics import FEWEST_TRIALS
from crystal_transfer.results.tables import CELL, half_width
from crystal_transfer.variations import parsed

WAY = ["max_lr", "epochs", "variation"]  # in which scratch was trained
GAINED = [
    "trials", "mae_scratch", "mae_scratch_ci95", "pairs", "pair_trials",
    "mae_median", "mae_median_ci95", "mae_best", "mae_worst",
    "gain_trials", "gain_median", "gain_median_ci95", "gain_best", "gain_best_ci95",
]  # fmt: skip

Errors = TypeVar("Errors", float, np.ndarray, pd.Series, pd.DataFrame)


def percent_below(error: Errors, base: Errors) -> Errors:
    """Return by how many % errors are below others; negative where they are above."""
    return 100 * (1 - error / base)


def gain_over_scratch(runs: pd.DataFrame) -> pd.Series:
    """Return by how many % the MAE of each run is below that of scratch on the same sample.

    That is scratch of the same dataset, size and trial; NaN where there is none. Scratch is taken
    to be trained in one way.
    """
    sample = ["dataset", "size", "trial"]
    scratch = runs[runs["kind"] == "scratch"].set_index(sample)["mae"]
    base = scratch.reindex(pd.MultiIndex.from_frame(runs[sample])).to_numpy()
    return percent_below(runs["mae"], base)


def chance_gains(runs: pd.DataFrame) -> pd.DataFrame:
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


def transfer_gains(runs: pd.DataFrame) -> pd.DataFrame:
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
        "gain_median": percent_below(median, base),
        "gain_best": percent_below(pairs[mean.idxmin()], base),
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

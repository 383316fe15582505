"""How much of a gain is a matter of which crystals are tested on."""

from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd

from crystal_transfer.results.gains import percent_below
from crystal_transfer.results.tables import half_width

RESAMPLES, SEED = 2000, 0
NORMAL = 1.96  # standard errors of a 95 % interval
COLUMNS = ["gain", "trials_ci95", "crystals_ci95"]


def errors(predictions: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Return prediction minus target: a row per test crystal, a column per trial."""
    each = [table.set_index("id").eval("prediction - target") for table in predictions]
    return pd.concat(each, axis=1, join="inner")


def measured(gain: Callable[[np.ndarray], np.ndarray], n_crystals: int) -> list[float]:
    """Return a gain, and half-widths of its 95 % intervals over trials and over test crystals.

    Parameters
    ----------
    gain
        Positions of crystals -> gain of each trial in %.
    n_crystals
        Number of test crystals; as many are drawn, with replacement, `RESAMPLES` times.
    """
    generator = np.random.default_rng(SEED)
    found = gain(np.arange(n_crystals))
    drawn = [gain(generator.integers(n_crystals, size=n_crystals)).mean() for _ in range(RESAMPLES)]
    return [found.mean(), half_width(pd.Series(found)), NORMAL * np.std(drawn, ddof=1)]


def gains(scratch: pd.DataFrame, pairs: list[pd.DataFrame]) -> dict[str, list[float]]:
    """Return what the median pair gains over scratch, network by network and averaged.

    Parameters
    ----------
    scratch, pairs
        Errors of scratch and of each pair, [n_crystals, n_trials], of the same crystals.

    Returns
    -------
    What is compared -> see `measured`; averages have no trials.
    """
    base = np.abs(scratch.to_numpy())
    own = np.abs(np.stack([pair.reindex(scratch.index).to_numpy() for pair in pairs]))
    base_average = np.abs(scratch.mean(axis=1).to_numpy())
    own_average = np.abs(np.stack([pair.reindex(scratch.index).mean(axis=1) for pair in pairs]))
    best = own[own.mean(axis=(1, 2)).argmin()].mean(axis=1)

    def single(at: np.ndarray) -> np.ndarray:
        return percent(np.median(own[:, at].mean(axis=1), axis=0), base[at].mean(axis=0))

    def averages(at: np.ndarray) -> np.ndarray:
        return percent(np.median(own_average[:, at].mean(axis=1)), base_average[at].mean())

    def several_of_scratch(at: np.ndarray) -> np.ndarray:
        return percent(base_average[at].mean(), best[at].mean())

    compared = {
        "median pair against scratch": single,
        "median pair against scratch, both averaged": averages,
        "averaged scratch against the best pair": several_of_scratch,
    }
    return {name: measured(gain, len(scratch)) for name, gain in compared.items()}


def percent(own: np.ndarray, base: np.ndarray) -> np.ndarray:
    """Return by how many % errors are below others."""
    return np.atleast_1d(percent_below(own, base))

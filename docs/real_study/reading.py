"""What the study has found, read from its tables in resources/compact."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import stdtr, stdtrit

from crystal_transfer.experiments.config_files import merge, read_config
from crystal_transfer.experiments.study import Study, load_study, with_defaults
from crystal_transfer.results import tables
from crystal_transfer.results.gains import percent_below, transfer_gains
from crystal_transfer.results.metrics import FEWEST_TRIALS
from crystal_transfer.results.tables import half_width
from crystal_transfer.runs import Run
from crystal_transfer.variations import parsed

ROOT = Path(__file__).parents[2]
TABLES = ROOT / "resources/compact"
CONFIG = ROOT / "config/compact.yaml"
PUBLISHED_CONFIG = ROOT / "config/published.yaml"  # on the published samples, as the paper trained
SIZE = 200  # crystals, of the pairs
PAIRS = ("pairwise", "pairwise_sizes")  # experiments
# metrics and what their columns are called
SHOWN = {
    "mae": "MAE", "mae_scaled": "scaled MAE", "r2": "R²", "median_ae": "median AE",
    "spearman": "Spearman",
}  # fmt: skip
COMPARED = {
    "mae": "MAE lower by (%)", "rmse": "RMSE lower by (%)", "median_ae": "median AE lower by (%)",
    "r2": "R² higher by", "spearman": "Spearman higher by",
}  # fmt: skip
SCORES = ("r2", "spearman")  # the higher the better; all others are errors
SAMPLE = ["dataset", "size", "trial"]  # what tells samples apart
RATE, PUBLISHED_RATE = 1e-3, 1e-4  # peak learning rates: of fine-tuning, of the published scratch


def study_of(*files: Path) -> Study:
    """Return the study of config files, each laid over those before it."""
    return load_study(with_defaults(merge([read_config(path) for path in files])))


def study() -> Study:
    """Return the study of config/compact.yaml."""
    return study_of(CONFIG)


def tested(study: Study) -> list[Run]:
    """Return the runs that are no pre-training."""
    return [run for run in study.runs.values() if not run.is_pretraining]


def runs_of(*experiments: str) -> pd.DataFrame:
    """Return the runs of experiments, each once."""
    paths = [TABLES / f"{name}_runs.csv" for name in experiments]
    return tables.read_runs([path for path in paths if path.exists()])


def whole_runs_of(*experiments: str) -> pd.DataFrame:
    """Return the runs of the cells that have enough trials: of fewer nothing is claimed."""
    runs = runs_of(*experiments)
    return runs[runs.groupby(tables.CELL)["mae_scaled"].transform("count") >= FEWEST_TRIALS]


def cells_of(*experiments: str) -> pd.DataFrame:
    """Return the cells of experiments that have enough trials: of fewer nothing is claimed.

    Over the trials that all of them have, at each size of a dataset.
    """
    return tables.comparable_cells(whole_runs_of(*experiments))


def numbers(name: str) -> pd.DataFrame:
    """Read the numbers behind a figure."""
    return tables.read_cells(TABLES / f"{name}.csv")


def constant(ours: Study) -> pd.Series:
    """Return the MAE of predicting the median of the sample, by dataset and size.

    Over the trials that scratch and all pairs have.
    """
    shared = tables.on_shared_trials(whole_runs_of("scratch", *PAIRS))[SAMPLE].drop_duplicates()
    plain = whole_runs_of(*ours.config.baselines).merge(shared)
    cells = tables.cells(plain[plain["network"] == "median"])
    return cells.set_index(["dataset", "size"])["mae_mean"]


def scales() -> pd.Series:
    """Return the physical units per scaled unit of each dataset."""
    runs = whole_runs_of("scratch").drop_duplicates("dataset").set_index("dataset")
    return runs["mae"] / runs["mae_scaled"]


def gains_against(experiment: str, way: str) -> pd.DataFrame:
    """Return what transfer gains against scratch, as usual and as an experiment trained it.

    All on the samples that the experiment, scratch as usual and the pairs have in common.

    Parameters
    ----------
    experiment
        Its name.
    way
        What it trained otherwise, max_lr or epochs: the index has it, after dataset and size.
    """
    runs = shared_with_pairs(experiment)
    return transfer_gains(runs).set_index(["dataset", "size", way]).sort_index()


def shared_with_pairs(experiment: str) -> pd.DataFrame:
    """Return runs of an experiment, of scratch as usual and of the pairs, on the samples of all."""
    trained = whole_runs_of(experiment)[SAMPLE]
    runs = tables.on_shared_trials(whole_runs_of("scratch", experiment, *PAIRS).merge(trained))
    return runs.assign(epochs=variation_epochs(runs))


def maes(*experiments: str, size: int = SIZE) -> pd.DataFrame:
    """Return the MAE of every run of whole cells at a size: a row per cell, a column per trial.

    The index is dataset, kind, source, network and epochs.
    """
    runs = whole_runs_of(*experiments)
    here = runs[runs["size"] == size].assign(epochs=variation_epochs(runs))
    cell = ["dataset", "kind", "source", "network", "epochs"]
    usual = here["variation"].eq("") | here["epochs"].gt(0)
    return here[usual].pivot_table(index=cell, columns="trial", values="mae")


def variation_epochs(runs: pd.DataFrame) -> pd.Series:
    """Return the epochs of runs that were trained for longer than usual; 0 of all others."""
    return runs["variation"].map(lambda name: parsed(name).epochs or 0)


def best_of(found: pd.DataFrame) -> pd.DataFrame:
    """Return the row with the lowest mean of each dataset, by dataset."""
    best = found.mean(axis=1).groupby(level="dataset", sort=False).idxmin()
    return found.loc[best].droplevel(list(range(1, found.index.nlevels)))


def reductions(own: pd.DataFrame, base: pd.DataFrame) -> pd.DataFrame:
    """Return by how many % errors are below others, paired by trial: mean, half_width and trials.

    Parameters
    ----------
    own, base
        MAEs, a row per dataset and a column per trial.
    """
    percent = percent_below(own, base.reindex(own.index))
    return pd.DataFrame(
        {
            "mean": percent.mean(axis=1),
            "half_width": percent.apply(half_width, axis=1),
            "trials": percent.count(axis=1),
        }
    ).dropna()


def improvements(own: pd.DataFrame, base: pd.DataFrame) -> pd.DataFrame:
    """Return by how much metrics are better than others, paired by trial.

    Parameters
    ----------
    own, base
        A row per trial, columns `COMPARED` at least.

    Returns
    -------
    By metric: mean and half_width; errors lower in % of the others', scores higher as they are.
    """
    base = base.reindex(own.index)
    better = {
        name: own[name] - base[name] if name in SCORES else percent_below(own[name], base[name])
        for name in COMPARED
    }
    found = pd.DataFrame(better).dropna(how="all")
    return pd.DataFrame({"mean": found.mean(), "half_width": found.apply(half_width)})


def by_trial(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the metrics of one run per trial by trial, of several their median."""
    return runs.groupby("trial")[list(COMPARED)].median()


def over_datasets(found: pd.DataFrame) -> tuple[float, float]:
    """Return the mean of reductions over datasets, and the half-width of its 95 % interval."""
    return found["mean"].mean(), half_width(found["mean"])


def surviving(found: pd.DataFrame) -> list[str]:
    """Name the datasets whose reduction is not zero after Holm's correction for all of them.

    Holm, Scand. J. Statist. 6, 65 (1979), at 5 %, of two-sided t tests over trials.
    """
    freedom = found["trials"] - 1
    errors = found["half_width"] / stdtrit(freedom, 0.975)
    p = (2 * stdtr(freedom, -(found["mean"] / errors).abs())).sort_values()
    fails = p.to_numpy() > 0.05 / np.arange(len(p), 0, -1)
    return list(p.index[: fails.argmax() if fails.any() else len(p)])


def beyond(found: pd.DataFrame) -> list[str]:
    """Name the datasets whose reduction is above zero by its interval."""
    return list(found.index[found["mean"] > found["half_width"]])


def behind(found: pd.DataFrame) -> list[str]:
    """Name the datasets whose reduction is below zero by its interval."""
    return list(found.index[found["mean"] < -found["half_width"]])


def ordered(ours: Study, codes: Iterable[str]) -> list[str]:
    """Sort datasets as the study names them, each once."""
    return sorted(set(codes), key=list(ours.used_datasets).index)


def unit(ours: Study, code: str) -> str:
    """Return the unit of a dataset's targets."""
    return ours.quantities[code].unit or "1"


def test_crystals(compared: str) -> pd.DataFrame:
    """Return gains with intervals over test crystals, by dataset; see `resampling.gains`."""
    found = numbers("test_crystals")
    return found[found["compared"] == compared].set_index("dataset")

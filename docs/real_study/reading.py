"""What the study has found, read from its tables in resources/compact."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from crystal_transfer.experiments.config_files import merge, read_config
from crystal_transfer.experiments.study import Study, load_study, with_defaults
from crystal_transfer.figures import transfer_gains
from crystal_transfer.results import tables
from crystal_transfer.results.metrics import FEWEST_TRIALS
from crystal_transfer.runs import Run

ROOT = Path(__file__).parents[2]
TABLES = ROOT / "resources/compact"
CONFIG = ROOT / "config/compact.yaml"
PUBLISHED_CONFIG = ROOT / "config/published.yaml"  # on the published samples, as the paper trained
SIZE = 200  # crystals, of the pairs
PAIRS = ("pairwise", "pairwise_sizes")  # experiments
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
    """Return the cells of experiments that have enough trials: of fewer nothing is claimed."""
    cells = tables.cells(runs_of(*experiments))
    return cells[cells["trials"] >= FEWEST_TRIALS]


def numbers(name: str) -> pd.DataFrame:
    """Read the numbers behind a figure."""
    return tables.read_cells(TABLES / f"{name}.csv")


def constant(ours: Study) -> pd.Series:
    """Return the MAE of predicting the median of the sample, by dataset and size."""
    cells = cells_of(*ours.config.baselines)
    return cells[cells["network"] == "median"].set_index(["dataset", "size"])["mae_mean"]


def gains_against(experiment: str, way: str) -> pd.DataFrame:
    """Return what transfer gains against scratch, as usual and as an experiment trained it.

    All on the samples of the experiment, so that each is a mean over the same trials.

    Parameters
    ----------
    experiment
        Its name.
    way
        What it trained otherwise, max_lr or epochs: the index has it, after dataset and size.
    """
    sample = ["dataset", "size", "trial"]
    trained = whole_runs_of(experiment)[sample]
    runs = whole_runs_of("scratch", experiment, *PAIRS).merge(trained)
    return transfer_gains.gains(runs).set_index(["dataset", "size", way]).sort_index()


def ordered(ours: Study, codes: Iterable[str]) -> list[str]:
    """Sort datasets as the study names them, each once."""
    return sorted(set(codes), key=list(ours.used_datasets).index)


def unit(ours: Study, code: str) -> str:
    """Return the unit of a dataset's targets."""
    return ours.quantities[code]["unit"] or "1"

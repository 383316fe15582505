"""What the study has found, read from its tables in resources/compact."""

from pathlib import Path
from typing import NamedTuple

import pandas as pd

from crystal_transfer.experiments.config_files import merge, read_config
from crystal_transfer.experiments.study import Study, load_study, with_defaults
from crystal_transfer.results import tables
from crystal_transfer.results.metrics import FEWEST_TRIALS
from crystal_transfer.runs import Run

ROOT = Path(__file__).parents[2]
TABLES = ROOT / "resources/compact"
CONFIG = ROOT / "config/compact.yaml"
PUBLISHED_CONFIG = ROOT / "config/published.yaml"  # on the published samples, as the paper trained
SIZE = 200  # crystals, of the pairs
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
    return runs[runs.groupby(tables.CELL)["id"].transform("size") >= FEWEST_TRIALS]


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


class AtSize(NamedTuple):
    """What the models of one dataset at one size reach: MAEs, means over trials.

    Attributes
    ----------
    pairs
        By PT dataset.
    scratch
        Cells by learning rate.
    """

    pairs: pd.Series
    scratch: pd.DataFrame

    def gain(self, rate: float, mae: float) -> float:
        """Return by how many % a MAE is below that of scratch at a rate."""
        return float(100 * (1 - mae / self.scratch.loc[rate, "mae_mean"]))


def at_sizes() -> dict[tuple[str, int], AtSize]:
    """Return scratch at both rates beside the pairs, by dataset and size."""
    cells = cells_of("scratch", "scratch_rates", "pairwise")
    found = {}
    for key, here in cells.groupby(["dataset", "size"]):
        tuned = here[here["kind"] == "finetune"].set_index("source")["mae_mean"]
        scratch = here[here["kind"] == "scratch"].set_index("max_lr")
        found[key] = AtSize(tuned, scratch)
    return found


def ordered(ours: Study, cells: pd.Index) -> list[tuple[str, int]]:
    """Sort datasets and sizes as the study names them."""
    codes = list(ours.used_datasets)
    return sorted(cells, key=lambda cell: (codes.index(cell[0]), cell[1]))


def unit(ours: Study, code: str) -> str:
    """Return the unit of a dataset's targets."""
    return ours.quantities[code]["unit"] or "1"

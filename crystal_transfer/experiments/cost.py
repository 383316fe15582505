"""What runs cost before they have run: time, memory and disk, from measured throughput."""

import math
from dataclasses import dataclass
from pathlib import Path

import yaml

from crystal_transfer.datasets.splits import VALIDATION_FRACTION, pool_share
from crystal_transfer.experiments.runs import TESTED_AT_ONCE, Run

USUAL_ATOMS = 10.0  # per crystal, where a dataset's entry does not say
WEIGHT_BYTES = 4.03e6 * 4  # the network's parameters in float32
PREDICTION_BYTES = 90  # a row of predictions.csv
USUAL_ROWS = 1000  # of a dataset whose entry does not say, to estimate time
UNKNOWN_ROWS = 20_000  # of such a dataset, so that its jobs get enough
LEAST_MINUTES = 10  # asked for: schedulers are coarse, and shared file systems slow at times
MARGIN = 2.0  # of time and memory asked for, over what is expected
LARGE_BATCH = 1.5  # atoms in a batch of large crystals, over those in a usual one


@dataclass(frozen=True)
class Throughput:
    """Seconds and MB that parts of a training take; see resources/throughput.yaml."""

    start: float
    step: float
    atom: float
    predicted_atom: float
    memory: float
    batch_atom_memory: float
    stored_atom_memory: float
    source: str


@dataclass(frozen=True)
class Workload:
    """How much there is to do in a run.

    Attributes
    ----------
    steps
        Training steps.
    trained
        Atoms of all crystals that pass forward and backward, over all epochs.
    predicted
        Atoms of all crystals that are predicted: validation of every epoch, and the test set.
    tested
        Crystals in the test set.
    batch
        Atoms in a batch.
    stored
        Atoms of all crystals that are in memory at once: sample, and a part of the test set.
    """

    steps: int
    trained: float
    predicted: float
    tested: int
    batch: float
    stored: float


def workload(run: Run, datasets: dict[str, dict], test_fraction: float) -> Workload:
    """Count what a run does.

    Parameters
    ----------
    run
        Any run.
    datasets
        Registry entries: ``rows`` and ``atoms`` of each dataset.
    test_fraction
        Share of a dataset that is its test set.
    """
    codes = run.properties or (run.dataset,)
    rows = {code: _rows(datasets[code]) for code in codes}
    atoms = sum(rows[code] * _atoms(datasets[code]) for code in codes) / sum(rows.values())
    tested = sum(rows.values()) - sum(pool_share(n, test_fraction) for n in rows.values())
    size = run.size
    if run.kind == "pretrain":
        size = pool_share(run.size, test_fraction)
    elif run.properties:
        # nearly all crystals of the small datasets are in the largest one too
        size = pool_share(max(rows.values()), test_fraction)
    how = run.hyperparameters
    n_validation = max(1, round(VALIDATION_FRACTION * size))
    n_training = max(1, size - n_validation)
    steps = max(1, n_training // how.batch_size)
    batch = min(how.batch_size, n_training) * atoms
    return Workload(
        steps=steps * how.epochs,
        trained=steps * batch * how.epochs,
        predicted=(n_validation * how.epochs + tested) * atoms,
        tested=tested,
        batch=batch,
        stored=(size + min(tested, TESTED_AT_ONCE)) * atoms,
    )


@dataclass(frozen=True)
class DataThroughput:
    """Seconds and MB that jobs on whole datasets take; see resources/throughput.yaml."""

    crystal: float
    memory: float
    crystal_memory: float
    source: str


def read_throughput(path: str | Path, device: str) -> tuple[Throughput, DataThroughput]:
    """Read the expected throughput of trainings and of jobs on whole datasets.

    Trainings are those on ``cpu``, or on CUDA for any other device.
    """
    content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    training = content["cpu" if device == "cpu" else "cuda"]
    return Throughput(**training), DataThroughput(**content["data"])


def data_minutes(entries: list[dict], speed: DataThroughput) -> int:
    """Give the time to ask a cluster for, for a job on whole datasets."""
    return _minutes_to_ask_for(_crystals(entries) * speed.crystal)


def data_memory_mb(entries: list[dict], speed: DataThroughput) -> int:
    """Give the memory to ask a cluster for in MB, for a job on whole datasets."""
    return _mb_to_ask_for(speed.memory, _crystals(entries) * speed.crystal_memory)


def seconds(work: Workload, speed: Throughput) -> float:
    """Estimate how long a run takes."""
    return (
        speed.start
        + work.steps * speed.step
        + work.trained * speed.atom
        + work.predicted * speed.predicted_atom
    )


def minutes(work: Workload, speed: Throughput) -> int:
    """Give the time to ask a cluster for, with a margin."""
    return _minutes_to_ask_for(seconds(work, speed))


def memory_mb(work: Workload, speed: Throughput) -> int:
    """Give the memory to ask a cluster for in MB, with a margin on what depends on the data."""
    data = LARGE_BATCH * work.batch * speed.batch_atom_memory
    data += work.stored * speed.stored_atom_memory
    return _mb_to_ask_for(speed.memory, data)


def stored_bytes(work: Workload) -> float:
    """Estimate what a run leaves on the disk."""
    return WEIGHT_BYTES + work.tested * PREDICTION_BYTES


def _minutes_to_ask_for(seconds: float) -> int:
    return math.ceil(LEAST_MINUTES + MARGIN * seconds / 60)


def _mb_to_ask_for(fixed: float, of_the_data: float) -> int:
    return math.ceil((fixed + MARGIN * of_the_data) / 100) * 100


def _rows(entry: dict, unknown: int = USUAL_ROWS) -> int:
    return entry.get("rows", entry.get("crystals", unknown))


def _crystals(entries: list[dict]) -> int:
    return sum(_rows(entry, UNKNOWN_ROWS) for entry in entries)


def _atoms(entry: dict) -> float:
    return entry.get("atoms", USUAL_ATOMS)

"""What runs cost before they have run: time, memory and disk, from measured throughput."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from crystal_transfer.datasets.registry import Dataset
from crystal_transfer.datasets.splits import VALIDATION_FRACTION, pool_share
from crystal_transfer.experiments.planner import known_pool
from crystal_transfer.experiments.study import Study
from crystal_transfer.experiments.throughput import TrainingThroughput
from crystal_transfer.models.sizes import Sizes
from crystal_transfer.runs import Hyperparameters, Run, RunKind
from crystal_transfer.training.settings import TESTED_AT_ONCE, Device

USUAL_ATOMS = 10.0  # per crystal, where a dataset's entry does not say
PREDICTION_BYTES = 90  # a row of predictions.csv
USUAL_ROWS = 1000  # of a dataset whose entry does not say, to estimate time
UNKNOWN_ROWS = 20_000  # of such a dataset, so that its jobs get enough
LEAST_MINUTES = 10  # asked for: schedulers are coarse, and shared file systems slow at times
# Of time and memory asked for, over what is expected. Chosen, not measured: the tests see that jobs
# get along with it, tables/usage.csv shows how closely.
MARGIN = 2.0
# Atoms in a batch of large crystals, over those in a usual one; chosen, like MARGIN.
LARGE_BATCH = 1.5


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


def workload(study: Study, run: Run) -> Workload:
    """Count what a run does."""
    datasets, test_fraction = study.datasets, study.test_fraction
    codes = run.properties or (run.dataset,)
    rows = {code: rows_of(datasets[code]) for code in codes}
    atoms = sum(rows[code] * atoms_of(datasets[code]) for code in codes) / sum(rows.values())
    tested = sum(rows.values()) - sum(pool_share(n, test_fraction) for n in rows.values())
    size = run.size
    if run.kind is RunKind.PRETRAIN:
        size = min(run.size, known_pool(datasets[run.dataset], study.config) or run.size)
    elif run.properties:
        # nearly all crystals of the small datasets are in the largest one too
        size = pool_share(max(rows.values()), test_fraction)
    assert run.hyperparameters is not None, "a checkpoint is not trained"
    return workload_of(run.hyperparameters, size, tested, atoms)


def workload_of(how: Hyperparameters, size: int, tested: int, atoms: float) -> Workload:
    """Count what a training does on a sample of so many crystals, with so many atoms each."""
    n_validation = max(1, round(VALIDATION_FRACTION * size))
    n_training = max(1, size - n_validation)
    steps = max(1, n_training // how.batch_size)
    batch = min(how.batch_size, n_training) * atoms
    # the published trainings with patience ended within twice of it
    epochs = how.epochs if how.patience is None else min(how.epochs, 2 * how.patience)
    return Workload(
        steps=steps * epochs,
        trained=steps * batch * epochs,
        predicted=(n_validation * epochs + tested) * atoms,
        tested=tested,
        batch=batch,
        stored=(size + min(tested, TESTED_AT_ONCE)) * atoms,
    )


def data_minutes(study: Study, codes: Iterable[str]) -> int:
    """Return the time to ask a cluster for, for a job on whole datasets."""
    return minutes_to_ask_for(_crystals(study, codes) * study.throughput.data.crystal)


def data_memory_mb(study: Study, codes: Iterable[str]) -> int:
    """Return the memory to ask a cluster for in MB, for a job on whole datasets."""
    measured = study.throughput.data
    return _mb_to_ask_for(measured.memory, _crystals(study, codes) * measured.crystal_memory)


def seconds(study: Study, run: Run) -> float:
    """Estimate how long a run takes."""
    sizes = study.config.model.sizes_of(run.network)
    return seconds_of(study.throughput.training, workload(study, run), sizes)


def seconds_of(measured: TrainingThroughput, work: Workload, sizes: Sizes) -> float:
    """Estimate how long so much work takes with a network of these sizes."""
    atoms = work.trained * measured.atom + work.predicted * measured.predicted_atom
    return measured.start + work.steps * measured.step + relative_cost(sizes) * atoms


def minutes(study: Study, run: Run) -> int:
    """Return the time to ask a cluster for, with a margin."""
    return minutes_to_ask_for(seconds(study, run))


def memory_mb(study: Study, run: Run) -> int:
    """Return the memory to ask a cluster for in MB, with a margin on what depends on the data."""
    return memory_of(study.throughput.training, workload(study, run))


def memory_of(measured: TrainingThroughput, work: Workload) -> int:
    """Return the memory to ask a cluster for in MB, for so much work."""
    data = LARGE_BATCH * work.batch * measured.batch_atom_memory
    data += work.stored * measured.stored_atom_memory
    return _mb_to_ask_for(measured.memory, data)


def gpu_request(study: Study) -> dict[str, int | str]:
    """Return the resources by which a training asks for a GPU or for its share of one."""
    config = study.config
    if config.training.device is Device.CPU:
        return {}
    if config.runs_per_gpu == 1:
        return {"gpu": 1}
    return {"gres": f"shard:{config.shards_per_gpu // config.runs_per_gpu}"}


def stored_bytes(study: Study, run: Run) -> float:
    """Estimate what a run leaves on the disk."""
    weights = 4 * n_parameters(study.config.model.sizes_of(run.network))
    return weights + workload(study, run).tested * PREDICTION_BYTES


def n_parameters(sizes: Sizes) -> int:
    """Estimate the parameters of a network from its sizes.

    Counted from the layers: a convolution of width h has five linear layers of h x h and two norms.
    """
    h = sizes.width
    return sizes.convolutions * (5 * h * h + 9 * h) + 92 * h + 2 * 64 * h


def relative_cost(sizes: Sizes) -> float:
    """Estimate the time of a step of a network over that of the published sizes.

    Fitted to steps of 64 crystals of seven datasets on one core: widths 256, 128 and 64 with 4 + 4,
    2 + 2 and 2 + 2 layers took 3260, 535 and 231 ms, and width 64 with 4 + 4 layers 375. Part of it
    grows with the width, as passes over memory do, part with its square, as matrix products do.
    """
    width = sizes.width / 256
    return 0.03 + sizes.convolutions / 12 * (0.16 * width + 0.81 * width**2)


def minutes_to_ask_for(seconds: float) -> int:
    """Return the time to ask a cluster for, with a margin."""
    return math.ceil(LEAST_MINUTES + MARGIN * seconds / 60)


def _mb_to_ask_for(fixed: float, of_the_data: float) -> int:
    return math.ceil((fixed + MARGIN * of_the_data) / 100) * 100


def rows_of(entry: Dataset, unknown: int = USUAL_ROWS) -> int:
    """Return how many crystals a dataset has, or what is taken for it where nothing says so."""
    return entry.size or unknown


def _crystals(study: Study, codes: Iterable[str]) -> int:
    return sum(rows_of(study.datasets[code], UNKNOWN_ROWS) for code in codes)


def atoms_of(entry: Dataset) -> float:
    """Return how many atoms its crystals have in the mean."""
    return entry.atoms or USUAL_ATOMS

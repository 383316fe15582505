"""What runs cost before they have run: time and disk, from measured throughput."""

from dataclasses import dataclass

from crystal_transfer.datasets.splits import VALIDATION_FRACTION, pool_share
from crystal_transfer.experiments.runs import Run

USUAL_ATOMS = 10.0  # per crystal, where a dataset's entry does not say
WEIGHT_BYTES = 4.03e6 * 4  # the network's parameters in float32
PREDICTION_BYTES = 90  # a row of predictions.csv


@dataclass(frozen=True)
class Throughput:
    """Seconds that parts of a training take; see resources/throughput.yaml."""

    start: float
    step: float
    atom: float
    predicted_atom: float
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
    """

    steps: int
    trained: float
    predicted: float
    tested: int


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
    return Workload(
        steps=steps * how.epochs,
        trained=steps * min(how.batch_size, n_training) * atoms * how.epochs,
        predicted=(n_validation * how.epochs + tested) * atoms,
        tested=tested,
    )


def seconds(work: Workload, speed: Throughput) -> float:
    """Estimate how long a run takes."""
    return (
        speed.start
        + work.steps * speed.step
        + work.trained * speed.atom
        + work.predicted * speed.predicted_atom
    )


def stored_bytes(work: Workload) -> float:
    """Estimate what a run leaves on the disk."""
    return WEIGHT_BYTES + work.tested * PREDICTION_BYTES


def _rows(entry: dict) -> int:
    return entry.get("rows", entry.get("crystals", 1000))


def _atoms(entry: dict) -> float:
    return entry.get("atoms", USUAL_ATOMS)

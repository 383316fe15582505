"""What the members of a bundle ask a cluster for, before their crystals are read."""

from crystal_transfer.bundles.names import is_file, published
from crystal_transfer.bundles.plan import SCRATCH_SIZES, usual_epochs, usual_hyperparameters
from crystal_transfer.experiments.study import Study
from crystal_transfer.models.sizes import AlignnSizes
from crystal_transfer.operations import cost
from crystal_transfer.operations.cost import Workload


def minutes(study: Study, name: str) -> int:
    """Return the time to ask for, for a member of an experiment of kind finetune."""
    source = study.config.bundles[name].source
    # weights from elsewhere may be of any size: as large as the published ones, most likely
    sizes = AlignnSizes() if is_file(source) or source in published() else SCRATCH_SIZES
    measured = study.throughput.training
    return cost.minutes_to_ask_for(cost.seconds_of(measured, _workload(study, name), sizes))


def memory_mb(study: Study, name: str) -> int:
    """Return the memory to ask for in MB."""
    return cost.memory_of(study.throughput.training, _workload(study, name))


def _workload(study: Study, name: str) -> Workload:
    block = study.config.bundles[name]
    entry = study.datasets[block.dataset]
    rows = cost.rows_of(entry, cost.UNKNOWN_ROWS)
    epochs = block.epochs or usual_epochs(rows, block.folds)
    held_out = rows // block.folds
    return cost.workload_of(
        usual_hyperparameters(epochs), rows - held_out, held_out, cost.atoms_of(entry)
    )

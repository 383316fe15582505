"""From crystals and a source to a bundle."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from crystal_transfer.bundles.assembly import assemble
from crystal_transfer.bundles.begin import begin, settle
from crystal_transfer.bundles.bundle import Bundle
from crystal_transfer.bundles.data import Crystals
from crystal_transfer.bundles.guards import (
    finished_model,
    require_free,
    require_tested,
    require_unknown,
)
from crystal_transfer.bundles.paths import WORK
from crystal_transfer.bundles.plan import Options, Part, Plan
from crystal_transfer.bundles.side_by_side import train_parts
from crystal_transfer.bundles.work import Work
from crystal_transfer.datasets.crystals import CrystalTable


def finetune(
    crystals: Crystals,
    options: Options,
    folder: str | Path,
    processes: int = 1,
    test: CrystalTable | None = None,
    tell: Callable[[int], None] = lambda batches: None,
) -> Bundle:
    """Fine-tune an ensemble to a property, compare it with baselines and write a bundle.

    Called again after an interruption, `KeyboardInterrupt` for one, it goes on where it stopped;
    called again when it has finished, it returns what is there.

    Parameters
    ----------
    crystals
        Labelled crystals, see `bundles.data`.
    options
        What to do.
    folder
        Where to write the bundle.
    processes
        Trainings at once.
    test
        Labelled crystals that are predicted in the end, for the report; None for none.
    tell
        Takes the number of batches so far, those of earlier calls included, now and then.

    Raises
    ------
    InputError
        If the folder holds something else, a test crystal is trained on, or a training fails.
    """
    folder = Path(folder)
    work = Work(folder / WORK)
    if test is not None:
        require_unknown(test, crystals.table)
    beginning = settle(crystals.table, options)
    if finished := finished_model(folder, beginning.start):
        require_tested(folder, finished, test)
        return finished
    require_free(work, beginning.start)
    begin(work, beginning, processes)
    plan, n = beginning.start.plan, len(crystals.table)
    before = training_batches(plan, n, [part for part in plan.parts() if work.is_done(part)])
    train_parts(work, plan.parts(), processes, lambda batches: tell(before + batches))
    bundle = assemble(crystals, folder, processes, test)
    shutil.rmtree(work.folder)
    return bundle


def training_batches(plan: Plan, n_crystals: int, parts: Sequence[Part]) -> int:
    """Return how many batches trainings of a plan have together, nearly."""
    inside = n_crystals * (plan.folds - 1) / plan.folds
    return sum(
        plan.epochs_of(part) * max(1, int(part.share * inside) // plan.how.batch_size)
        for part in parts
    )

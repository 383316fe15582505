"""From crystals and a source to a bundle."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from crystal_transfer.bundles.assembly import assemble
from crystal_transfer.bundles.begin import Beginning, begin, settle
from crystal_transfer.bundles.bundle import Bundle
from crystal_transfer.bundles.data import Crystals
from crystal_transfer.bundles.guards import (
    finished_model,
    require_free,
    require_tested,
    require_unknown,
)
from crystal_transfer.bundles.paths import LOCK, WORK
from crystal_transfer.bundles.plan import Options, Part, Plan
from crystal_transfer.bundles.side_by_side import train_parts
from crystal_transfer.bundles.start import Start
from crystal_transfer.bundles.work import Work
from crystal_transfer.datasets.crystals import CrystalTable
from crystal_transfer.files import require_folder
from crystal_transfer.training.interruption import only_one


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
    if test is not None:
        require_unknown(test, crystals.table)
    beginning = settle(crystals.table, options)
    if finished := _what_is_there(folder, beginning.start, test):
        return finished
    require_folder(folder)
    work = Work(folder / WORK)
    with only_one(folder / LOCK, "makes a model in this folder"):
        # again: who had the lock before has left something
        if finished := _what_is_there(folder, beginning.start, test):
            return finished
        begin(work, beginning, processes)
        train_parts(work, beginning.start.plan.parts(), processes, _counted(work, beginning, tell))
        bundle = assemble(crystals.rejected, folder, processes, test)
        shutil.rmtree(work.folder)
    return bundle


def _what_is_there(folder: Path, start: Start, test: CrystalTable | None) -> Bundle | None:
    """Return the model if it is finished, None if it is not; raise as `finetune` says."""
    finished = finished_model(folder, start)
    if finished is None:
        require_free(Work(folder / WORK), start)
    else:
        require_tested(folder, finished, test)
    return finished


def _counted(
    work: Work, beginning: Beginning, tell: Callable[[int], None]
) -> Callable[[int], None]:
    """Return what tells the batches of this call together with those of earlier ones."""
    plan = beginning.start.plan
    done = [part for part in plan.parts() if work.is_done(part)]
    before = training_batches(plan, len(beginning.table), done)
    return lambda batches: tell(before + batches)


def training_batches(plan: Plan, n_crystals: int, parts: Sequence[Part]) -> int:
    """Return how many batches trainings of a plan have together, nearly."""
    inside = n_crystals * (plan.folds - 1) / plan.folds
    return sum(
        plan.epochs_of(part) * max(1, int(part.share * inside) // plan.how.batch_size)
        for part in parts
    )

"""What must hold before the first training: nothing of the user is overwritten, nothing leaks."""

from dataclasses import replace
from pathlib import Path

from crystal_transfer.arrays import digest
from crystal_transfer.bundles.bundle import Bundle, load_bundle
from crystal_transfer.bundles.paths import DESCRIPTION, LOCK
from crystal_transfer.bundles.start import Start, differences
from crystal_transfer.bundles.work import Work
from crystal_transfer.datasets.crystals import CrystalTable
from crystal_transfer.datasets.overlap import occurring_in
from crystal_transfer.errors import InputError


def finished_model(folder: Path, start: Start) -> Bundle | None:
    """Return the model of a folder if it is that of a start; None if there is none.

    Raises
    ------
    InputError
        If the folder holds another model.
    """
    if not (folder / DESCRIPTION).is_file():
        return None
    found = load_bundle(folder)
    plan = replace(found.plan, device=start.plan.device)  # no model depends on it
    before = Start(plan, found.source, found.crystals, found.training.folds)
    if other := differences(before, start):
        raise InputError(
            f"{folder}: holds another model ({', '.join(other)}); name another folder or delete it."
        )
    return found


def require_free(work: Work, start: Start) -> None:
    """See that a folder is empty, or has the unfinished trainings of the same start.

    Raises
    ------
    InputError
        If it holds something else.
    """
    folder = work.folder.parent
    if not work.remark.is_file():
        others = (path for path in folder.rglob("*") if path.is_file() and path.name != LOCK)
        if any(others):
            raise InputError(f"{folder}: is not empty; name a new folder for the model.")
        return
    begun = work.description.exists()
    if begun and (other := differences(work.load_start(), start)):
        raise InputError(
            f"{folder}: has the unfinished training of another model ({', '.join(other)}); give "
            "the same options and crystals, name another folder, or delete this one."
        )


def require_unknown(test: CrystalTable, table: CrystalTable) -> None:
    """See that no test crystal is among those to train on.

    Raises
    ------
    InputError
        For the first that is.
    """
    if known := occurring_in(test, table):
        raise InputError(
            f"test crystal '{known[0]}': is among the crystals to train on ({len(known)} of "
            f"{len(test)} are); take it out of one of them."
        )


def require_tested(folder: Path, bundle: Bundle, test: CrystalTable | None) -> None:
    """See that a finished model was tested on these very crystals and targets, if on any.

    Raises
    ------
    InputError
        If it was not.
    """
    if test is not None and bundle.tested != digest(test):
        raise InputError(
            f"{folder}: the model is finished, and was not tested on these crystals with these "
            "targets; predict them with `crystal-transfer predict`, or make the model anew in "
            "another folder."
        )

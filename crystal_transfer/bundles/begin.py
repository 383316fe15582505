"""Before the first training: source and folds are chosen, graphs are built."""

import shutil
from dataclasses import dataclass

from crystal_transfer.arrays import digest
from crystal_transfer.baselines.chgnet_features import require_chgnet
from crystal_transfer.bundles.folds import folds_of, groups_of
from crystal_transfer.bundles.plan import Options, plan_of
from crystal_transfer.bundles.sources import find_source
from crystal_transfer.bundles.start import Start, plain
from crystal_transfer.bundles.work import Work
from crystal_transfer.datasets import crystals as tables
from crystal_transfer.datasets.cells import in_primitive_cells
from crystal_transfer.datasets.crystals import CrystalTable
from crystal_transfer.files import read_sealed_json, write_sealed_json, write_text
from crystal_transfer.graphs.build import build
from crystal_transfer.models.saved import SavedModel, save_model
from crystal_transfer.models.strategies import STRATEGIES
from crystal_transfer.models.transfer import require_output
from crystal_transfer.protocols import BondRule


@dataclass(frozen=True)
class Beginning:
    """A start, and the crystals and the network that it names.

    Attributes
    ----------
    start
        What decides the model.
    table
        The crystals, in primitive cells.
    model
        What members start from; None to start from nothing.
    """

    start: Start
    table: CrystalTable
    model: SavedModel | None


def settle(table: CrystalTable, options: Options) -> Beginning:
    """Choose plan, source and folds.

    Raises
    ------
    InputError
        If the options do not fit the crystals or each other, or name what there is not; if
        CHGNet's features are wanted without its package.
    """
    plan = plan_of(options, len(table))
    if plan.chgnet:
        require_chgnet()
    folds = folds_of(groups_of(table, plan.group_by), plan.folds, plan.seed)
    source = find_source(plan.source)
    if source.model is not None:
        require_output(source.model, STRATEGIES[plan.strategy], source.name)
    described = {"name": source.name, "sha256": source.sha256, "licence": source.licence,
                 "learned": ", ".join(source.learned)}  # fmt: skip
    start = Start(plan, described, digest(table), folds)
    return Beginning(start, in_primitive_cells(table), source.model)


def _empty(work: Work) -> None:
    """Delete all files but the remark, which says until the end whose folder this is."""
    write_text(
        work.remark, "Files of a fine-tuning under way: the same command goes on with them.\n"
    )
    for path in work.folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path != work.remark:
            path.unlink()


def begin(work: Work, beginning: Beginning, processes: int) -> None:
    """Write what the trainings read; what is there already of the same beginning stays.

    Parameters
    ----------
    work
        The folder; one that holds files of another beginning is emptied first.
    beginning
        What is trained.
    processes
        Worker processes that build graphs.
    """
    if work.description.exists() and read_sealed_json(work.description) == plain(beginning.start):
        return
    _empty(work)
    tables.save(beginning.table, work.crystals)
    model = beginning.model
    if model is not None:
        save_model(model, work.source)
    rule = model.bond_rule if model else BondRule.SHELL.value
    build(work.crystals, work.graphs, rule, compress=True, processes=processes)
    write_sealed_json(work.description, plain(beginning.start))

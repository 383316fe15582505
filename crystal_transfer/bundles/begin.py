"""Before the first training: source and folds are chosen, graphs are built."""

import shutil
from dataclasses import dataclass

from crystal_transfer.arrays import digest
from crystal_transfer.baselines.chgnet_features import require_chgnet
from crystal_transfer.bundles.folds import folds_of, groups_of
from crystal_transfer.bundles.names import AUTO, shipped
from crystal_transfer.bundles.plan import Options, plan_of
from crystal_transfer.bundles.sources import find_source
from crystal_transfer.bundles.start import Start, plain
from crystal_transfer.bundles.work import Work
from crystal_transfer.datasets import crystals as tables
from crystal_transfer.datasets.crystals import CrystalTable
from crystal_transfer.files import read_sealed_json, write_sealed_json, write_text
from crystal_transfer.graphs.build import build
from crystal_transfer.models.saved import SavedModel, save_model
from crystal_transfer.protocols import BondRule


@dataclass(frozen=True)
class Beginning:
    """A start, and the crystals and the network that it names.

    Attributes
    ----------
    start
        What decides the model.
    table
        The crystals.
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
        If the options do not fit the crystals, or name what there is not; if CHGNet's features are
        wanted without its package.
    """
    plan = plan_of(options, len(table))
    if plan.chgnet:
        require_chgnet()
    folds = folds_of(groups_of(table, plan.group_by), plan.folds, plan.seed)
    source = find_source(_named(plan.source))
    described = {"name": source.name, "sha256": source.sha256, "licence": source.licence,
                 "learned": ", ".join(source.learned)}  # fmt: skip
    return Beginning(Start(plan, described, digest(table), folds), table, source.model)


def _named(source: str) -> str:
    """Return the name of a source: `AUTO` stands for the weights that ship."""
    return shipped()[0] if source == AUTO else source


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
    if work.folder.exists():
        shutil.rmtree(work.folder)
    work.inputs.mkdir(parents=True)
    write_text(
        work.remark, "Files of a fine-tuning under way: the same command goes on with them.\n"
    )
    tables.save(beginning.table, work.crystals)
    model = beginning.model
    if model is not None:
        save_model(model, work.source)
    rule = model.bond_rule if model else BondRule.SHELL.value
    build(work.crystals, work.graphs, rule, compress=True, processes=processes)
    write_sealed_json(work.description, plain(beginning.start))

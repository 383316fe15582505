"""Before the first training: source and folds are chosen, graphs are built."""

import shutil

import numpy as np

from crystal_transfer.arrays import digest
from crystal_transfer.bundles.comparison import RIDGE, out_of_fold
from crystal_transfer.bundles.data import Crystals
from crystal_transfer.bundles.folds import folds_of, groups_of
from crystal_transfer.bundles.names import AUTO, shipped
from crystal_transfer.bundles.plan import Options, Plan, plain, plan_of
from crystal_transfer.bundles.predict import frozen_features
from crystal_transfer.bundles.sources import Source, find_source
from crystal_transfer.bundles.work import Start, Work
from crystal_transfer.datasets import crystals as tables
from crystal_transfer.datasets.crystals import CrystalTable
from crystal_transfer.files import read_sealed_json, write_sealed_json
from crystal_transfer.graphs.build import build
from crystal_transfer.models.saved import save_model
from crystal_transfer.protocols import BondRule


def settle(crystals: Crystals, options: Options, work: Work, processes: int = 1) -> Start:
    """Choose source and folds, and write what the trainings read; parameters as of `finetune`."""
    table, plan = crystals.table, plan_of(options, len(crystals.table))
    folds = folds_of(groups_of(table, plan.group_by), plan.folds, plan.seed)
    name = best_source(table, folds, plan, processes) if plan.source == AUTO else plan.source
    return begin(work, plan, table, find_source(name), folds, processes)


def best_source(table: CrystalTable, folds: np.ndarray, plan: Plan, processes: int) -> str:
    """Return the shipped source on whose frozen features a ridge regression errs least."""
    names = shipped()

    def error(name: str) -> float:
        model = find_source(name).model
        assert model is not None
        features = frozen_features(model, table, processes=processes)
        predicted = out_of_fold(RIDGE, features, table.targets, folds, plan.seed)
        return float(np.abs(predicted - table.targets).mean())

    return min(names, key=error) if len(names) > 1 else names[0]


def begin(
    work: Work, plan: Plan, table: CrystalTable, source: Source, folds: np.ndarray, processes: int
) -> Start:
    """Write what the trainings read; what is there already of the same plan stays.

    Parameters
    ----------
    work
        The folder; one that holds another plan's files is emptied first.
    plan, table, source, folds
        What is trained: the plan, the crystals, the network to start from, and the fold of each
        crystal, [n_crystals].
    processes
        Worker processes that build graphs.
    """
    content = {
        "plan": plain(plan),
        "source": {"name": source.name, "sha256": source.sha256, "licence": source.licence},
        "crystals": digest(table),
        "folds": folds.tolist(),
    }
    if not work.description.exists() or read_sealed_json(work.description) != content:
        if work.folder.exists():
            shutil.rmtree(work.folder)
        work.inputs.mkdir(parents=True)
        tables.save(table, work.crystals)
        if source.model is not None:
            save_model(source.model, work.source)
        rule = source.model.bond_rule if source.model else BondRule.SHELL.value
        build(work.crystals, work.graphs, rule, compress=True, processes=processes)
        write_sealed_json(work.description, content)
    return work.load_start()

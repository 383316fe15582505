"""Before the first training: source and folds are chosen, graphs are built."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from crystal_transfer.arrays import digest
from crystal_transfer.baselines.chgnet_features import require_chgnet
from crystal_transfer.bundles.folds import folds_of, groups_of
from crystal_transfer.bundles.names import AUTO, shipped
from crystal_transfer.bundles.plan import Options, Plan, plain, plan_of
from crystal_transfer.bundles.sources import Source, find_source
from crystal_transfer.bundles.work import Work
from crystal_transfer.datasets import crystals as tables
from crystal_transfer.datasets.crystals import CrystalTable
from crystal_transfer.files import read_sealed_json, write_sealed_json, write_text
from crystal_transfer.graphs.build import build
from crystal_transfer.models.saved import save_model
from crystal_transfer.protocols import BondRule


@dataclass(frozen=True)
class Beginning:
    """What is settled before anything is trained.

    Attributes
    ----------
    plan
        How members are trained.
    table
        The crystals.
    source
        What they start from.
    folds
        Fold of each crystal, [n_crystals].
    """

    plan: Plan
    table: CrystalTable
    source: Source
    folds: np.ndarray

    @property
    def content(self) -> dict[str, Any]:
        """All that decides the model, as plain data; crystals and weights by their checksums."""
        source = self.source
        return {
            "plan": plain(self.plan),
            "source": {"name": source.name, "sha256": source.sha256, "licence": source.licence,
                       "learned": ", ".join(source.learned)},
            "crystals": digest(self.table),
            "folds": self.folds.tolist(),
        }  # fmt: skip


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
    return Beginning(plan, table, find_source(_named(plan.source)), folds)


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
    if work.description.exists() and read_sealed_json(work.description) == beginning.content:
        return
    if work.folder.exists():
        shutil.rmtree(work.folder)
    work.inputs.mkdir(parents=True)
    write_text(
        work.remark, "Files of a fine-tuning under way: the same command goes on with them.\n"
    )
    tables.save(beginning.table, work.crystals)
    model = beginning.source.model
    if model is not None:
        save_model(model, work.source)
    rule = model.bond_rule if model else BondRule.SHELL.value
    build(work.crystals, work.graphs, rule, compress=True, processes=processes)
    write_sealed_json(work.description, beginning.content)


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Name what is different in two beginnings; see `Beginning.content`."""
    was, wanted = (_flat(content) for content in (before, now))
    named = [
        f"{name} {was.get(name)!r}, now {value!r}"
        for name, value in wanted.items()
        if was.get(name) != value
    ]
    others = [
        f"other {name}"
        for name, differ in (
            ("crystals", before["crystals"] != now["crystals"]),
            ("weights to start from", before["source"]["sha256"] != now["source"]["sha256"]),
            ("groups", before["folds"] != now["folds"]),
        )
        if differ
    ]
    return named or others


def _flat(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the plan of a beginning, hyperparameters beside the rest."""
    plan = dict(content["plan"])
    return plan | dict(plan.pop("how"))

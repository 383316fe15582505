"""A user's own crystals: read, cleaned, and nothing dropped without a reason."""

import csv
import math
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import NamedTuple

from crystal_transfer.datasets.cleaning import Rejected, clean, examples
from crystal_transfer.datasets.crystals import CrystalTable, Record, tabulate
from crystal_transfer.datasets.overlap import occurring_in
from crystal_transfer.datasets.scaling import fault_of
from crystal_transfer.datasets.sources.file import read_file
from crystal_transfer.datasets.sources.unlabelled import read_structures
from crystal_transfer.errors import InputError
from crystal_transfer.files import write_csv

FEWEST = 10  # labelled crystals; with fewer no fold has more than one


class Crystals(NamedTuple):
    """Clean crystals, and the rows that were left out."""

    table: CrystalTable
    rejected: list[Rejected]


def read_labelled(path: str | Path, column: str | None = None, id: str | None = None) -> Crystals:
    """Read crystals with a property to train on, in any layout of docs/datasets.md.

    Raises
    ------
    InputError
        If the layout is none of those, or too few rows are usable.
    """
    found = Crystals(*clean(read_file(path, column, id)))
    _require(found, path, FEWEST, "a model needs")
    if fault := fault_of(found.table.targets):
        raise InputError(f"{path}: {fault}; check the column of the property, and its unit.")
    return found


def read_test(path: str | Path, column: str | None = None, id: str | None = None) -> Crystals:
    """Read crystals with a property to test on; parameters as of `read_labelled`.

    Raises
    ------
    InputError
        If no row is usable.
    """
    found = Crystals(*clean(read_file(path, column, id)))
    _require(found, path, 1, "a test needs")
    return found


def parted(
    table: CrystalTable, test_ids: Collection[str] | None
) -> tuple[CrystalTable, CrystalTable]:
    """Divide a table into the crystals to train on and those to test on, which may be none."""
    chosen = set(test_ids or ())
    return (
        tabulate(crystal for crystal in table if crystal.id not in chosen),
        tabulate(crystal for crystal in table if crystal.id in chosen),
    )


def without_known(test: Crystals, table: CrystalTable) -> Crystals:
    """Leave out test crystals that match one to train on; `overlap.occurring_in` says how."""
    known = set(occurring_in(test.table, table))
    left = tabulate(crystal for crystal in test.table if crystal.id not in known)
    rejected = [
        Rejected(id, "same structure as a crystal to train on")
        for id in test.table.ids.tolist()
        if id in known
    ]
    return Crystals(left, [*test.rejected, *rejected])


def read_unlabelled(path: str | Path, id: str | None = None, processes: int = 1) -> Crystals:
    """Read crystals to predict; their targets are 0.

    Raises
    ------
    InputError
        If no structure can be used.
    """
    found = Crystals(*clean(map(_without_target, read_structures(path, id, processes))))
    _require(found, path, 1, "a prediction needs")
    return found


def _require(found: Crystals, path: str | Path, fewest: int, needs: str) -> None:
    """Stop if too few rows are usable, and name the first of the others."""
    n = len(found.table)
    if n < fewest:
        why = f": {examples(found.rejected)}; mend the data." if found.rejected else "."
        raise InputError(
            f"{path}: {n} of {n + len(found.rejected)} rows are usable, {needs} {fewest}{why}"
        )


def write_rejected(rejected: Iterable[Rejected], path: str | Path) -> None:
    """Write the rows that were left out, with their reasons."""
    write_csv(path, Rejected._fields, rejected)


def _without_target(record: Record) -> Record:
    return record._replace(target=0.0) if math.isnan(record.target) else record


def read_rejected(path: str | Path) -> list[Rejected]:
    """Read what `write_rejected` wrote."""
    with Path(path).open(newline="", encoding="utf-8") as handle:
        return [Rejected(row["id"], row["reason"]) for row in csv.DictReader(handle)]

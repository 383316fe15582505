"""JARVIS and ALIGNN JSON: a list of rows with an `atoms` dict each."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from crystal_transfer.datasets.crystals import Record
from crystal_transfer.datasets.sources.text import read_compressed_json
from crystal_transfer.errors import InputError


def read_jarvis(path: str | Path, column: str = "target", id: str = "jid") -> Iterator[Record]:
    """Read `[{id, column, "atoms": {lattice_mat, coords, elements, cartesian}}, ...]`.

    Parameters
    ----------
    path
        The file; JARVIS publishes zipped ones.
    column
        Key of the property.
    id
        Key of the name.

    Raises
    ------
    InputError
        If it is no list of such rows.
    """
    rows = rows_of(path)
    if not any(column in row for row in rows):
        found = ", ".join(sorted(rows[0])[:12])
        raise InputError(
            f"{path}: no row has the key '{column}' (the first has {found}); correct `column`."
        )
    for number, row in enumerate(rows):
        yield record(str(row.get(id, number)), row.get(column), row.get("atoms"))


def rows_of(path: str | Path) -> list[dict]:
    """Read a JSON list of dicts."""
    rows = read_compressed_json(path)
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise InputError(
            f"{path}: is not a list of rows like {{jid, target, atoms}}; see docs/datasets.md."
        )
    return rows


def record(id: str, target: Any, atoms: Any) -> Record:
    """Make a record of a name, a value and jarvis's dict of a structure."""
    try:
        return Record(
            id,
            number(target),
            list(atoms["elements"]),
            np.array(atoms["lattice_mat"], dtype=np.float64),
            np.array(atoms["coords"], dtype=np.float64),
            _truth(atoms.get("cartesian", False)),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return unreadable(id, target, f"structure cannot be read ({type(error).__name__}: {error})")


def number(value: Any) -> float:
    """Turn a cell of a table into a number; NaN where it is none (JARVIS writes "na")."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")


def unreadable(id: str, target: Any, problem: str) -> Record:
    """Make the record of a row whose structure could not be read."""
    return Record(id, number(target), [], np.zeros((3, 3)), np.empty((0, 3)), problem=problem[:200])


def _truth(value: Any) -> bool:
    return value.lower() == "true" if isinstance(value, str) else bool(value)

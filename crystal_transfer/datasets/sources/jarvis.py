"""JARVIS and ALIGNN JSON: a list of rows with an `atoms` dict each."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from crystal_transfer.datasets.crystals import Record
from crystal_transfer.datasets.records import (
    Fault,
    Structure,
    numbers,
    record,
    require_same_cell,
    unreadable,
)
from crystal_transfer.datasets.sources.layouts import ID
from crystal_transfer.datasets.text import COLUMN, read_compressed_json
from crystal_transfer.errors import InputError


def read_jarvis(
    path: str | Path, column: str = "target", id: str | None = None
) -> Iterator[Record]:
    """Read `[{id, column, "atoms": {lattice_mat, coords, elements, cartesian}}, ...]`.

    Parameters
    ----------
    path
        The file; JARVIS publishes zipped ones.
    column
        Key of the property.
    id
        Key of the name; by default ``jid``, and the row's place from 0 where no row has it.

    Raises
    ------
    InputError
        If it is no list of such rows.
    """
    return records_of(path, rows_of(path), column, id)


def records_of(
    path: str | Path, rows: list[Any], column: str = "target", id: str | None = None
) -> Iterator[Record]:
    """Return the records of the rows of a JARVIS file, see `read_jarvis`."""
    for key in (column, id):
        if key is not None and not any(key in row for row in rows if isinstance(row, dict)):
            found = ", ".join(sorted(map(str, rows[0]))[:12]) if isinstance(rows[0], dict) else ""
            raise InputError(
                f"{path}: no row has the key '{key}' (the first has {found}); correct "
                f"{COLUMN if key == column else '`id`'}."
            )
    named = id is not None or any(ID in row for row in rows if isinstance(row, dict))
    return (_record(place, row, column, (id or ID) if named else None) for place, row in
            enumerate(rows))  # fmt: skip


def _record(place: int, row: Any, column: str, id: str | None) -> Record:
    if not isinstance(row, dict):
        return unreadable(f"row {place}", "row is not an object with keys")
    if id is not None and id not in row:
        return unreadable(f"row {place}", f"row has no key '{id}'")
    return record(
        place if id is None else row[id],
        row.get(column),
        lambda: structure_of_jarvis(row.get("atoms")),
    )


def rows_of(path: str | Path) -> list[Any]:
    """Read a JSON list of rows, of which the first is a dict."""
    rows = read_compressed_json(path)
    if not isinstance(rows, list) or not any(isinstance(row, dict) for row in rows):
        raise InputError(
            f"{path}: is not a list of rows like {{jid, target, atoms}}; see docs/datasets.md."
        )
    return rows


def structure_of_jarvis(atoms: Any) -> Structure:
    """Return the structure of jarvis's dict.

    Raises
    ------
    Fault
        If it is no such dict.
    """
    if not isinstance(atoms, dict):
        raise Fault("structure cannot be read: `atoms` is missing or not an object")
    elements = atoms["elements"]
    if not isinstance(elements, list) or not all(isinstance(e, str) for e in elements):
        raise Fault("structure has elements that are not a list of symbols")
    read = Structure(
        [element.strip() for element in elements],  # jarvis keeps the spaces of some writers
        numbers(atoms["lattice_mat"], 3, "lattice vectors"),
        numbers(atoms["coords"], 3, "coordinates"),
        _truth(atoms["cartesian"]),
    )
    lengths, angles = atoms.get("abc"), atoms.get("angles")
    if read.lattice.shape == (3, 3) and isinstance(lengths, list) and isinstance(angles, list):
        require_same_cell(read.lattice, [*lengths, *angles], "lattice_mat")
    return read


def _truth(value: Any) -> bool:
    """Return whether coordinates are Cartesian; JARVIS has some files with text."""
    truths = {"true": True, "false": False, "1": True, "0": False}
    try:
        return truths[str(value).strip().lower()]
    except KeyError:
        raise Fault("structure does not say whether coordinates are `cartesian`") from None

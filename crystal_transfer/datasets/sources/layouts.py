"""Layouts of JSON that say the same in other words, brought to a list of rows."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from crystal_transfer.errors import InputError

Row = dict[str, Any]

STRUCTURE, ATOMS, ID = "structure", "atoms", "jid"
OTHER_NAMES = ("final_structure", "initial_structure")  # of a structure; the first that a row has


def is_structure(value: Any) -> bool:
    """Tell whether a value is pymatgen's dict of a structure."""
    return isinstance(value, dict) and isinstance(value.get("sites"), list) and "lattice" in value


def is_atoms(value: Any) -> bool:
    """Tell whether a value is jarvis's dict of a structure."""
    return isinstance(value, dict) and "lattice_mat" in value and "coords" in value


def simplified(path: str | Path, content: Any) -> Any:
    """Return a list of rows where the content of a JSON file is one in another layout.

    These are: structures alone, one row alone, rows under a key ``data`` (what web interfaces
    answer) or under their names, rows whose structure is called `OTHER_NAMES`, and any of pandas'
    orients with a column ``atoms``. Anything else is returned as it is.

    Raises
    ------
    InputError
        If it is a database of ASE.
    """
    if isinstance(content, dict):
        if {"ids", "nextid"} <= content.keys():
            raise InputError(
                f"{path}: is a database of ASE; write extended xyz, "
                "ase.io.write('crystals.extxyz', frames)."
            )
        content = _rows_of_object(content)
    return list(map(_row, content)) if isinstance(content, list) else content


def _rows_of_object(content: Mapping[str, Any]) -> Any:
    alone = is_structure(content) or is_atoms(content)
    if alone or _has_structure(content) or is_atoms(content.get(ATOMS)):
        return [content]
    data, values = content.get("data"), list(content.values())
    names = content.get("columns")
    if isinstance(data, list) and names is None:
        rows_have_atoms = any(isinstance(row, dict) and is_atoms(row.get(ATOMS)) for row in data)
        return data if "schema" not in content or rows_have_atoms else content
    if isinstance(names, list) and isinstance(data, list) and ATOMS in names:
        return [dict(zip(names, row, strict=False)) for row in data]
    if values and all(isinstance(row, dict) and is_atoms(row.get(ATOMS)) for row in values):
        return [{ID: name} | row for name, row in content.items()]
    return list(_rows_of_columns(content)) if _are_atoms(content.get(ATOMS)) else content


def _are_atoms(column: Any) -> bool:
    values = list(column.values()) if isinstance(column, dict) else column
    return isinstance(values, list) and any(map(is_atoms, values))


def _rows_of_columns(content: Mapping[str, Any]) -> Iterator[Row]:
    """Yield the rows of a list, or of an object by labels, per column."""
    columns = {
        name: column if isinstance(column, dict) else dict(enumerate(column))
        for name, column in content.items() if isinstance(column, dict | list)
    }  # fmt: skip
    for label in dict.fromkeys(label for column in columns.values() for label in column):
        yield {name: column[label] for name, column in columns.items() if label in column}


def _has_structure(row: Mapping[str, Any]) -> bool:
    return any(is_structure(row.get(name)) for name in (STRUCTURE, *OTHER_NAMES))


def _row(row: Any) -> Any:
    if is_structure(row):
        return {STRUCTURE: row}
    if is_atoms(row):
        return {ATOMS: row}
    if isinstance(row, dict) and STRUCTURE not in row:
        for name in OTHER_NAMES:
            if is_structure(row.get(name)):
                return row | {STRUCTURE: row[name]}
    return row

"""Layouts of JSON that say the same in other words, brought to a list of rows."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from crystal_transfer.errors import InputError

Row = dict[str, Any]

STRUCTURE, ATOMS, ID = "structure", "atoms", "jid"
RELAXED = "final_structure"
OTHER_NAMES = (RELAXED, "initial_structure")  # of a structure; the first that any row has
MOLECULES = ("Molecule", "IMolecule")  # classes of pymatgen


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
        If it is a database of ASE, an answer of OPTIMADE or a molecule, or columns do not fit
        each other.
    """
    if isinstance(content, dict):
        if {"ids", "nextid"} <= content.keys():
            raise InputError(
                f"{path}: is a database of ASE; write extended xyz, "
                "ase.io.write('crystals.extxyz', frames)."
            )
        if _is_optimade(content):
            raise InputError(
                f"{path}: is an answer of OPTIMADE; write pymatgen's structures in a table with "
                "the property, see docs/datasets.md (pymatgen.ext.optimade reads such databases)."
            )
        if content.get("@class") in MOLECULES:
            raise InputError(f"{path}: is a molecule, which has no lattice; give crystals.")
        content = _rows_of_object(path, _renamed_columns(path, content))
    if isinstance(content, list):
        return _rows(path, content)
    if isinstance(content, dict) and isinstance(content.get("data"), list):
        return content | {"data": _rows(path, content["data"])}
    if isinstance(content, dict):
        return dict(zip(content, _rows(path, list(content.values())), strict=True))
    return content


def _rows_of_object(path: str | Path, content: Row) -> Any:
    alone = is_structure(content) or is_atoms(content)
    if alone or _has_structure(content) or is_atoms(content.get(ATOMS)):
        return [content]
    _require_no_other(path, content)
    data, values, names = content.get("data"), list(content.values()), content.get("columns")
    if isinstance(data, list) and names is None:
        return _rows_of_schema(content, data) if "schema" in content else data
    if isinstance(names, list) and isinstance(data, list) and ATOMS in names:
        return list(_rows_of_split(path, content))
    rows = [row for row in values if isinstance(row, dict)]
    if len(rows) == len(values) and any(is_atoms(row.get(ATOMS)) for row in rows):
        return [{ID: name} | row for name, row in content.items()]
    return list(_rows_of_columns(path, content)) if _are_atoms(content.get(ATOMS)) else content


def _rows_of_schema(content: Row, data: list[Any]) -> Any:
    """Return the rows of pandas' orient ``table`` if they have atoms; it is read elsewhere else."""
    if not any(isinstance(row, dict) and is_atoms(row.get(ATOMS)) for row in data):
        return content
    schema = content["schema"]
    key = schema.get("primaryKey") if isinstance(schema, dict) else None
    index = key[0] if isinstance(key, list) and len(key) == 1 else None
    return [
        {ID: row[index]} | row if isinstance(row, dict) and index in row else row for row in data
    ]


def _rows_of_split(path: str | Path, content: Row) -> Iterator[Any]:
    names = content["columns"]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"{path}: has several columns '{twice}'; rename them.")
    for label, row in labelled_rows(path, content):
        whole = isinstance(row, list) and len(row) == len(names)
        # what is no row is left as it is: whoever reads it says so
        yield {ID: label} | dict(zip(names, row, strict=True)) if whole else row


def labelled_rows(path: str | Path, content: Row) -> Iterator[tuple[Any, Any]]:
    """Yield the rows of pandas' orient ``split``, each with its label, which may be its place.

    Raises
    ------
    InputError
        If there are not as many labels as rows.
    """
    data, index = content["data"], content.get("index")
    labels = list(range(len(data))) if index is None else index
    if not isinstance(labels, list) or len(labels) != len(data):
        raise InputError(
            f"{path}: has an index of another length than its {len(data)} rows; export it again."
        )
    return zip(labels, data, strict=True)


def _are_atoms(column: Any) -> bool:
    values = list(column.values()) if isinstance(column, dict) else column
    return isinstance(values, list) and any(map(is_atoms, values))


def _rows_of_columns(path: str | Path, content: Row) -> Iterator[Row]:
    """Yield the rows of a list, or of an object by labels, per column."""
    lengths = {len(column) for column in content.values() if isinstance(column, list)}
    if len(lengths) > 1:
        raise InputError(f"{path}: has columns of different lengths; export it again.")
    columns = {
        name: column if isinstance(column, dict) else dict(enumerate(column))
        for name, column in content.items() if isinstance(column, dict | list)
    }  # fmt: skip
    for label in dict.fromkeys(label for column in columns.values() for label in column):
        row = {name: column[label] for name, column in columns.items() if label in column}
        yield {ID: label} | row


def _is_optimade(content: Row) -> bool:
    """Tell whether the content is a list of structures as databases with that interface answer."""
    data = content.get("data")
    rows = data if isinstance(data, list) else [data]
    return any(
        isinstance(row, dict)
        and isinstance(row.get("attributes"), dict)
        and "cartesian_site_positions" in row["attributes"]
        for row in rows
    )


def _has_structure(row: Mapping[str, Any]) -> bool:
    return any(is_structure(row.get(name)) for name in (STRUCTURE, *OTHER_NAMES))


def _renamed_columns(path: str | Path, content: Row) -> Row:
    """Call a column of structures `STRUCTURE`, if it is one of `OTHER_NAMES` and no other is."""
    names = content.get("columns")
    listed = names if isinstance(names, list) else list(content)
    other = next((name for name in OTHER_NAMES if name in listed), None)
    if other is None or STRUCTURE in listed:
        _require_one_structure(path, _first_row(content))
        return content
    renamed = [STRUCTURE if name == other else name for name in listed]
    if isinstance(names, list):
        return content | {"columns": renamed}
    return dict(zip(renamed, content.values(), strict=True))


def _require_no_other(path: str | Path, content: Row) -> None:
    """Stop where another key than ``data`` holds rows, which would be left out."""
    for name, value in content.items():
        rows = list(value.values()) if isinstance(value, dict) else value
        if name == "data" or not isinstance(rows, list):
            continue
        if any(isinstance(row, dict) and any(map(_is_crystal, row.values())) for row in rows):
            raise InputError(
                f"{path}: has rows under '{name}', where none are read; write them as a list, in a "
                "file of their own."
            )


def _is_crystal(value: Any) -> bool:
    is_text = isinstance(value, str) and value.lstrip().startswith("{")  # as some write it
    return is_text or is_structure(value) or is_atoms(value)


def _require_one_structure(path: str | Path, row: Mapping[str, Any]) -> None:
    """Stop where a row has two structures; ``initial`` beside another is that before relaxing."""
    found = [name for name in (STRUCTURE, ATOMS, RELAXED) if _is_crystal(row.get(name))]
    if len(found) > 1:
        raise InputError(
            f"{path}: has rows with two structures, '{found[0]}' and '{found[1]}'; leave out the "
            "one that the property is not of."
        )


def _first_row(content: Row) -> Row:
    """Return the first row of columns, or of pandas' orient ``split``; empty without one."""
    names, data = content.get("columns"), content.get("data")
    if isinstance(names, list) and isinstance(data, list):
        rows = [row for row in data if isinstance(row, list) and len(row) == len(names)]
        return dict(zip(names, rows[0], strict=True)) if rows else {}
    columns = {
        name: list(column.values()) if isinstance(column, dict) else column
        for name, column in content.items()
    }
    return {name: own[0] for name, own in columns.items() if isinstance(own, list) and own}


def _rows(path: str | Path, rows: list[Any]) -> list[Any]:
    """Bring rows to one form; all take their structure from one key, missing there or not."""
    found = [row for row in rows if isinstance(row, dict)]
    for row in found:
        _require_one_structure(path, row)
    has_own = any(STRUCTURE in row for row in found)
    other = next((name for name in OTHER_NAMES if any(_has(row, name) for row in found)), None)
    return [_row(row, None if has_own else other) for row in rows]


def _has(row: Row, name: str) -> bool:
    return is_structure(row.get(name)) or isinstance(row.get(name), str)


def _row(row: Any, other: str | None) -> Any:
    if is_structure(row):
        return {STRUCTURE: row}
    if is_atoms(row):
        return {ATOMS: row}
    if other is not None and isinstance(row, dict) and other in row:
        return row | {STRUCTURE: row[other]}
    return row

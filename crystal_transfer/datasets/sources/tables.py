"""matminer and pandas JSON: a table with a structure and a property per row.

Structures are read as plain numbers, not as pymatgen objects, of which 132,752 need minutes and
tens of gigabytes.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from crystal_transfer.datasets.crystals import Record
from crystal_transfer.datasets.sources.jarvis import number, record, rows_of, unreadable
from crystal_transfer.datasets.sources.text import read_compressed_json
from crystal_transfer.errors import InputError


def read_table(path: str | Path, column: str, structure: str = "structure") -> Iterator[Record]:
    """Read a table with structures; the name of a row is its index.

    Parameters
    ----------
    path
        JSON of pandas' orient ``split`` (matminer's format) or ``columns``.
    column
        Column of the property.
    structure
        Column of the structures, pymatgen's `Structure.as_dict`.

    Raises
    ------
    InputError
        If the file is no such table or lacks a column.
    """
    for index, row in _rows(path, (column, structure)):
        yield structure_record(str(index), row[column], row[structure])


def read_joined_table(
    path: str | Path, column: str, key: str, structures: dict[str, Record]
) -> Iterator[Record]:
    """Read a table without structures, whose rows name one.

    Rows that name none are not of the dataset; rows whose structure is missing are records
    with a problem.

    Parameters
    ----------
    path
        JSON as for `read_table`.
    column
        Column of the property.
    key
        Column that names the structure.
    structures
        Structures by name; their targets are ignored.
    """
    for index, row in _rows(path, (column, key)):
        name = row[key]
        if not isinstance(name, str) or not name:
            continue
        found = structures.get(name)
        if found is None:
            yield unreadable(str(index), row[column], f"structure {name} is not in the source")
        else:
            yield found._replace(id=str(index), target=number(row[column]))


def structures_of_jarvis(path: str | Path, id: str, names: set[str]) -> dict[str, Record]:
    """Read the structures of the given names from a JARVIS file."""
    rows = (row for row in rows_of(path) if str(row.get(id)) in names)
    return {str(row[id]): record(str(row[id]), None, row.get("atoms")) for row in rows}


def names_in(path: str | Path, key: str) -> set[str]:
    """Collect the structures that a table names."""
    return {row[key] for _, row in _rows(path, (key,)) if isinstance(row[key], str) and row[key]}


def structure_record(id: str, target: Any, structure: Any) -> Record:
    """Make a record of a name, a value and pymatgen's dict of a structure."""
    try:
        sites = structure["sites"]
        elements = []
        for site in sites:
            species = site["species"]
            if len(species) != 1 or species[0].get("occu", 1) != 1:
                return unreadable(id, target, "structure is disordered (partial occupancy)")
            elements.append(_symbol(species[0]["element"]))
        return Record(
            id,
            number(target),
            elements,
            np.array(structure["lattice"]["matrix"], dtype=np.float64),
            np.array([site["abc"] for site in sites], dtype=np.float64).reshape(-1, 3),
        )
    except (KeyError, TypeError, ValueError, IndexError) as error:
        return unreadable(id, target, f"structure cannot be read ({type(error).__name__}: {error})")


def _symbol(species: str) -> str:
    """Give the element of a species string such as Fe3+ or D."""
    return species.rstrip("0123456789+-.")


def _rows(path: str | Path, columns: tuple[str, ...]) -> Iterator[tuple[Any, dict]]:
    content = read_compressed_json(path)
    if not isinstance(content, dict):
        raise InputError(f"{path}: is not a table written by matminer or pandas; see docs.")
    if {"columns", "data"} <= content.keys():
        found = content["columns"]
        _require(path, columns, found)
        index = content.get("index", range(len(content["data"])))
        places = {name: found.index(name) for name in columns}
        for name, values in zip(index, content["data"], strict=True):
            yield name, {column: values[place] for column, place in places.items()}
        return
    _require(path, columns, list(content))
    for name in content[columns[0]]:
        yield name, {column: content[column].get(name) for column in columns}


def _require(path: str | Path, columns: tuple[str, ...], found: list[str]) -> None:
    for column in columns:
        if column not in found:
            names = ", ".join(map(str, found))
            raise InputError(
                f"{path}: has no column '{column}' (it has {names}); correct the dataset's "
                "`column`."
            )

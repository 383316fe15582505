"""matminer and pandas JSON: a table with a structure and a property per row.

Structures are read as plain numbers, not as pymatgen objects, of which 132,752 need minutes and
tens of gigabytes.
"""

import contextlib
import json
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from crystal_transfer.datasets.crystals import Record
from crystal_transfer.datasets.records import (
    Fault,
    Structure,
    name,
    number,
    numbers,
    record,
    require_periodic,
    require_same_cell,
    unreadable,
)
from crystal_transfer.datasets.sources.jarvis import rows_of, structure_of_jarvis
from crystal_transfer.datasets.sources.layouts import MOLECULES, STRUCTURE, labelled_rows
from crystal_transfer.datasets.text import COLUMN, read_compressed_json
from crystal_transfer.errors import InputError

SAME_PLACE = 0.05  # Å
SAME_VOLUME = 0.03  # relative, of three lengths within 1 %

# its name, and its values by column or what is wrong with it
Row = tuple[Any, dict[str, Any] | str]


def read_table(path: str | Path, column: str) -> Iterator[Record]:
    """Read a table with structures.

    Parameters
    ----------
    path
        JSON of pandas' orients ``split`` (matminer's format), ``columns``, ``index``, ``records``
        or ``table``, or an object with a list per column. Column `structure` has pymatgen's
        `Structure.as_dict`, the index is the name.
    column
        Column of the property.

    Raises
    ------
    InputError
        If the file is no such table or lacks a column.
    """
    return records_of(path, read_compressed_json(path), column)


def records_of(
    path: str | Path, content: Any, column: str, id: str | None = None
) -> Iterator[Record]:
    """Return the records of the content of a table; column `id` has the names, else the index."""
    columns = (column, STRUCTURE) if id is None else (column, STRUCTURE, id)
    for index, row in _rows(path, content, columns):
        if isinstance(row, str):
            yield unreadable(index, row)
        else:
            yield structure_record(index if id is None else row[id], row[column], row[STRUCTURE])


def structures_of(path: str | Path, content: Any, id: str | None = None) -> Iterator[Record]:
    """Return the structures of a table's content alone, their targets NaN; see `read_table`."""
    columns = (STRUCTURE,) if id is None else (STRUCTURE, id)
    for index, row in _rows(path, content, columns):
        if isinstance(row, str):
            yield unreadable(index, row)
        else:
            yield structure_record(index if id is None else row[id], None, row[STRUCTURE])


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
    for index, row in _rows(path, read_compressed_json(path), (column, key)):
        if isinstance(row, str):
            yield unreadable(index, row)
        elif isinstance(row[key], str) and row[key]:
            yield _joined(index, row[column], row[key], structures)


def _joined(index: Any, target: Any, key: str, structures: dict[str, Record]) -> Record:
    try:
        found = structures.get(key)
        if found is None:
            raise Fault(f"structure {key} is not in the source")
        return found._replace(id=name(index), target=number(target))
    except Fault as fault:
        return unreadable(index, str(fault))


def structures_of_jarvis(path: str | Path, id: str, names: set[str]) -> dict[str, Record]:
    """Read the structures of the given names from a JARVIS file."""
    found = {}
    for row in rows_of(path):
        if isinstance(row, dict) and str(row.get(id)) in names:
            atoms = row.get("atoms")
            found[str(row[id])] = record(row[id], None, partial(structure_of_jarvis, atoms))
    return found


def names_in(path: str | Path, key: str) -> set[str]:
    """Collect the structures that a table names."""
    rows = _rows(path, read_compressed_json(path), (key,))
    values = (row[key] for _, row in rows if isinstance(row, dict))
    return {value for value in values if isinstance(value, str) and value}


def structure_record(id: Any, target: Any, structure: Any) -> Record:
    """Return the record of a name, a value and pymatgen's dict of a structure."""
    return record(id, target, lambda: structure_of_pymatgen(structure))


def structure_of_pymatgen(structure: Any) -> Structure:
    """Return the structure of pymatgen's dict.

    Raises
    ------
    Fault
        If it is no such dict, or disordered.
    """
    if isinstance(structure, str):  # as some write it in a table
        with contextlib.suppress(ValueError):
            structure = json.loads(structure)
    if not isinstance(structure, dict):
        raise Fault("structure cannot be read: it is not an object as pymatgen writes it")
    if structure.get("@class") in MOLECULES:
        raise Fault("structure is a molecule, which has no lattice")
    sites, lattice = structure["sites"], structure["lattice"]
    if not isinstance(sites, list) or not isinstance(lattice, dict):
        raise Fault("structure cannot be read: `sites` or `lattice` is not as pymatgen writes it")
    read = Structure(
        [_element(site["species"]) for site in sites],
        numbers(lattice["matrix"], 3, "lattice vectors"),
        numbers([site["abc"] for site in sites], 3, "coordinates"),
    )
    periodic = lattice.get("pbc", (True, True, True))
    if len(periodic) != 3 or not all(isinstance(value, bool) for value in periodic):
        raise Fault("structure has a `pbc` that is not three times true or false")
    require_periodic(periodic, read)
    _require_own_word(lattice, sites, read)
    return read


def _require_own_word(lattice: dict[str, Any], sites: list[Any], read: Structure) -> None:
    """Stop where pymatgen's second copy of the cell or the positions says otherwise."""
    said = [lattice.get(key) for key in ("a", "b", "c", "alpha", "beta", "gamma")]
    require_same_cell(read.lattice, said, "matrix")
    volume = lattice.get("volume")
    own = abs(np.linalg.det(read.lattice))
    if isinstance(volume, int | float) and not abs(volume - own) <= SAME_VOLUME * own:
        raise Fault("structure has a lattice `volume` that is not that of its `matrix`")
    places = {place: site["xyz"] for place, site in enumerate(sites) if site.get("xyz") is not None}
    if places:
        positions = numbers(list(places.values()), 3, "positions")
        apart = positions - read.coordinates[list(places)] @ read.lattice
        apart -= np.round(apart @ np.linalg.pinv(read.lattice)) @ read.lattice  # whole cells
        if np.abs(apart).max(initial=0) > SAME_PLACE:
            raise Fault("structure has sites whose `abc` and `xyz` are two places")


def _element(species: list[dict[str, Any]]) -> str:
    """Return the element of a site; Fe3+ is Fe."""
    if not isinstance(species, list):
        raise Fault("structure has a site without a list of species")
    if len(species) != 1 or species[0].get("occu", 1) != 1:
        raise Fault("structure is disordered (partial occupancy)")
    symbol = species[0]["element"]
    if not isinstance(symbol, str):
        raise Fault("structure has elements that are not symbols")
    match = re.fullmatch(r"([A-Za-z]+)(\d*\.?\d*[+-])?", symbol)
    if not match:
        raise Fault(f"structure has '{symbol[:20]}' for an element, which is no symbol")
    return match[1]


def _rows(path: str | Path, content: Any, columns: tuple[str, ...]) -> Iterator[Row]:
    """Read the rows of a table in any of the orients that pandas writes."""
    if isinstance(content, list):
        yield from _rows_of_records(path, list(enumerate(content)), columns)
    elif not isinstance(content, dict):
        raise InputError(f"{path}: is not a table written by matminer or pandas; see docs.")
    elif isinstance(content.get("columns"), list) and isinstance(content.get("data"), list):
        yield from _rows_of_split(path, content, columns)
    elif isinstance(content.get("schema"), dict) and isinstance(content.get("data"), list):
        yield from _rows_of_schema(path, content, columns)
    elif set(columns) <= content.keys():
        yield from _rows_of_columns(path, content, columns)
    elif content and all(isinstance(row, dict) for row in content.values()) and any(
        columns[0] in row for row in content.values()
    ):  # fmt: skip
        yield from _rows_of_records(path, list(content.items()), columns)
    else:
        _require(path, columns, list(content))


def _rows_of_split(
    path: str | Path, content: dict[str, Any], columns: tuple[str, ...]
) -> Iterator[Row]:
    found = content["columns"]
    _require(path, columns, found)
    places = {column: found.index(column) for column in columns}
    for label, values in labelled_rows(path, content):
        if not isinstance(values, list):
            yield label, "row is not a list of values"
        elif len(values) != len(found):
            yield label, f"row has {len(values)} values for {len(found)} columns"
        else:
            yield label, {column: values[place] for column, place in places.items()}


def _rows_of_schema(
    path: str | Path, content: dict[str, Any], columns: tuple[str, ...]
) -> Iterator[Row]:
    """Read pandas' orient ``table``, whose rows carry the index under a key of its own."""
    key = content["schema"].get("primaryKey")
    index = key[0] if isinstance(key, list) and len(key) == 1 else None
    rows = [
        (row[index] if isinstance(row, dict) and index in row else place, row)
        for place, row in enumerate(content["data"])
    ]
    yield from _rows_of_records(path, rows, columns)


def _rows_of_records(
    path: str | Path, rows: list[tuple[Any, Any]], columns: tuple[str, ...]
) -> Iterator[Row]:
    first = next((row for _, row in rows if isinstance(row, dict)), None)
    if first is None:
        raise InputError(f"{path}: is a list without names of columns; use orient='split'.")
    for column in columns:
        if not any(column in row for _, row in rows if isinstance(row, dict)):
            _require(path, (column,), list(first))
    for label, row in rows:
        if not isinstance(row, dict):
            yield label, "row is not an object with keys"
        elif missing := [column for column in columns if column not in row]:
            yield label, f"row has no value in column '{missing[0]}'"
        else:
            yield label, row


def _rows_of_columns(
    path: str | Path, content: dict[str, Any], columns: tuple[str, ...]
) -> Iterator[Row]:
    """Read pandas' orient ``columns``, or a list per column."""
    parts = [content[column] for column in columns]
    if all(isinstance(part, list) for part in parts):
        if len({len(part) for part in parts}) > 1:
            raise InputError(f"{path}: has columns of different lengths; export it again.")
        yield from enumerate(
            dict(zip(columns, row, strict=True)) for row in zip(*parts, strict=True)
        )
        return
    if not all(isinstance(part, dict) for part in parts):
        raise InputError(
            f"{path}: has columns that are neither lists nor objects; use orient='split'."
        )
    for label in dict.fromkeys(label for part in parts for label in part):
        missing = [column for column in columns if label not in content[column]]
        if missing:
            yield label, f"row has no value in column '{missing[0]}'"
        else:
            yield label, {column: content[column][label] for column in columns}


def _require(path: str | Path, columns: tuple[str, ...], found: list[str]) -> None:
    """Stop unless every column is there, once."""
    names = ", ".join(map(str, found[:12])) + (", ..." if len(found) > 12 else "")
    for column in columns:
        if found.count(column) != 1:
            fault = f"has several columns '{column}'" if column in found else (
                f"has no column '{column}' (it has {names})"
            )  # fmt: skip
            raise InputError(f"{path}: {fault}; correct {COLUMN}.")

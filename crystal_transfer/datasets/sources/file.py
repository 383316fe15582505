"""A user's own data: the layout is told from the file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from crystal_transfer.datasets.crystals import Record
from crystal_transfer.datasets.sources import extxyz, jarvis, tables
from crystal_transfer.datasets.sources.folder import TABLE, read_folder
from crystal_transfer.datasets.sources.layouts import ATOMS, STRUCTURE, simplified
from crystal_transfer.datasets.text import COLUMN, OTHER_KINDS, read_compressed_json
from crystal_transfer.errors import InputError

SINGLE = (".cif", ".vasp", ".poscar")  # structures alone, which have no value


def read_file(
    path: str | Path, column: str | None = None, id: str | None = None
) -> Iterator[Record]:
    """Read ALIGNN JSON, a matminer/pandas table, extended xyz, or a folder with `id_prop.csv`.

    Parameters
    ----------
    path
        File or folder.
    column
        Key or column of the property. ALIGNN JSON has ``target`` by default, a folder its second
        column; a table and extended xyz need it.
    id
        Key or column of the names. ALIGNN JSON has ``jid`` by default, a table its index, a
        folder its first column, extended xyz the number of the frame.

    Raises
    ------
    InputError
        If the layout is none of these.
    """
    path = Path(path)
    if path.name == TABLE:
        path = path.parent
    if path.is_dir():
        return read_folder(path, column, id)
    if path.suffix.lower() in extxyz.SUFFIXES:
        if column is None:
            raise InputError(
                f"{path}: has no property of a known name; name the key of its frames in {COLUMN}."
            )
        return extxyz.read_extxyz(path, column, id)
    if path.name.lower().endswith((*OTHER_KINDS, *SINGLE)):
        raise InputError(
            f"{path}: is of a kind that is not read with a property: give JSON (.json, .jsonl, "
            ".json.gz, .zip), extended xyz, or a folder of structure files with id_prop.csv. "
            "A table is saved by pandas: frame.to_json('crystals.json', orient='split')."
        )
    content = simplified(path, read_compressed_json(path))
    if isinstance(content, list) and not _are_records(content):
        if not any(isinstance(row, dict) for row in content):
            raise InputError(
                f"{path}: is not a list of rows like {{jid, target, atoms}}; see docs/datasets.md."
            )
        return jarvis.records_of(path, content, column or "target", id)
    if column is None:
        raise InputError(f"{path}: is a table; name the property's column in {COLUMN}.")
    return tables.records_of(path, content, column, id)


def _are_records(rows: list[Any]) -> bool:
    """Tell whether a list is pandas' orient ``records``, with structures as pymatgen writes."""
    objects = [row for row in rows if isinstance(row, dict)]
    has_atoms = any(isinstance(row.get(ATOMS), dict) for row in objects)
    return not has_atoms and any(STRUCTURE in row for row in objects)

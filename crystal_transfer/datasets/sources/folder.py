"""`id_prop.csv` beside structure files, the layout of CGCNN and ALIGNN."""

import os
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from crystal_transfer.datasets.crystals import Record
from crystal_transfer.datasets.csv_rows import csv_rows
from crystal_transfer.datasets.records import MISSING, NUMBER, Fault, record, unreadable
from crystal_transfer.datasets.sources.structures import read_structure
from crystal_transfer.datasets.text import COLUMN
from crystal_transfer.errors import InputError

SUFFIXES = (".cif", ".vasp", ".poscar", ".xyz", ".extxyz")  # in small letters or capitals
TABLE = "id_prop.csv"
LOOKED_AT = 100  # rows, to tell whether a column names files
# First cells that say that a row is a header. Any other first row is a row: a header that is not
# known costs a rejected row with its reason, a row taken for a header would be lost silently.
HEADERS = {
    "id", "ids", "index", "key", "name", "names", "label", "jid", "mpid", "mp_id", "mp-id", "file",
    "files", "filename", "file_name", "path", "cif", "cif_id", "poscar", "structure", "structures",
    "structure_file", "formula", "sample", "sample_id", "material", "material_id", "materials_id",
    "crystal", "crystal_id",
}  # fmt: skip


def read_folder(
    path: str | Path, column: str | None = None, id: str | None = None
) -> Iterator[Record]:
    """Read `id_prop.csv` and the files it names.

    Parameters
    ----------
    path
        The folder. A row's name may be a file's whole name or its stem.
    column
        Column of the property. Without it, the table has two columns, name and value, and its
        first row may be a header such as ``file,gap``; with it, the first row must be one.
    id
        Column of the names, by default the first; needs `column`.

    Raises
    ------
    InputError
        If the folder has no `id_prop.csv`, or it is no such table.
    """
    folder = Path(path)
    table = folder / TABLE
    if id is not None and column is None:
        raise InputError(f"{table}: `id` names a column; name the property's in {COLUMN} too.")
    rows = csv_rows(table) if table.exists() else []
    if not rows:
        fault = "is empty" if table.exists() else "missing"
        raise InputError(f"{table}: {fault}; write one line 'file,value' per crystal.")
    first = rows[0][1]
    _require_commas(folder, first)
    _names_in.cache_clear()  # files may have come since another reading
    if column is None:
        _require_two_columns(table, first)
        columns = Columns(2, name=0, value=1)
        has_header = _is_header(folder, first)
    else:
        columns = _columns(table, first, column, id)
        has_header = True
        if _candidates(folder, first[columns.name]) and NUMBER.fullmatch(first[columns.value]):
            raise InputError(
                f"{table}: its first row names a file, {first[columns.name]}, so that it is no "
                f"header; write one, or name no column in {COLUMN}."
            )
    rows = rows[1:] if has_header else rows
    if not rows:
        raise InputError(f"{table}: has no rows; write one line 'file,value' per crystal.")
    if id is None:
        _require_one_naming(folder, rows[:LOOKED_AT], first, columns)
    files = Files(folder)
    return (_record(line, row, columns, files) for line, row in rows)


@dataclass(frozen=True)
class Columns:
    """Where a row has what.

    Attributes
    ----------
    number
        Of the cells of a row.
    name, value
        Places of the file's name and of the property.
    """

    number: int
    name: int
    value: int


@dataclass(frozen=True)
class Files:
    """The files of a folder, each read under one name."""

    folder: Path
    _names: dict[str, str] = field(default_factory=dict)  # file -> the name it was asked by

    def of(self, name: str) -> Path:
        """Return the file of a name, which no name before has meant."""
        file = _file(self.folder, name)
        before = self._names.setdefault(os.path.normpath(file), name)
        if before != name:
            raise Fault(f"file {file.name} was named before, as {before}; which value is its?")
        return file


def _is_header(folder: Path, row: list[str]) -> bool:
    """Tell whether the first row of a table with two columns can only be a header."""
    if len(row) != 2:
        return False
    name, value = row
    return (
        name.lower() in HEADERS
        and value.lower() not in MISSING
        and not NUMBER.fullmatch(value)
        and not _candidates(folder, name)
    )


def _require_two_columns(table: Path, row: list[str]) -> None:
    """Stop unless the first row can be one of a table with a name and a value per row."""
    if len(row) > 2:
        raise InputError(
            f"{table}: has {len(row)} columns ({', '.join(row[:6])}"
            f"{', ...' if len(row) > 6 else ''}); name the property's column in {COLUMN}, which "
            "needs a header row; numbers have points, no commas."
        )


def _require_commas(folder: Path, row: list[str]) -> None:
    """Stop where the first row has other characters between its cells, decimal commas or not."""
    other = next((character for character in ";\t" if character in row[0]), None)
    if other and not _candidates(folder, row[0]):
        named = "tabs" if other == "\t" else "semicolons"
        raise InputError(
            f"{folder / TABLE}: has {named} between its cells; write commas, and points in numbers."
        )


def _columns(table: Path, header: list[str], column: str, id: str | None) -> Columns:
    """Return where a row has its name and its value."""
    named = [name for name in header if name]
    twice = next((name for name in named if named.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"{table}: has several columns '{twice}'; rename them.")
    for key, wanted in (("column", column), ("id", id)):
        if wanted is not None and wanted not in header:
            raise InputError(
                f"{table}: has no column '{wanted}' (its first row is {', '.join(header[:8])}); "
                f"correct `{key}`, which needs a header row."
            )
    name_place = 0 if id is None else header.index(id)
    value_place = header.index(column)
    if name_place == value_place:
        raise InputError(
            f"{table}: column '{column}' has the names; name the property's in {COLUMN}."
        )
    return Columns(len(header), name_place, value_place)


def _require_one_naming(
    folder: Path, rows: list[tuple[int, list[str]]], header: list[str], columns: Columns
) -> None:
    """Stop where another column names files, beside the first one or instead: of pandas' index.

    Raises
    ------
    InputError
        If each of its rows does.
    """
    for place in range(columns.number):
        cells = [row[place] for _, row in rows if len(row) == columns.number]
        if place in (columns.name, columns.value) or not cells:
            continue
        if all(_candidates(folder, cell) for cell in cells):
            raise InputError(
                f"{folder / TABLE}: column '{header[place]}' names files, and the first column is "
                f"taken for their names; say which one has them in `id` (--id of the command)."
            )


def _record(line: int, row: list[str], columns: Columns, files: Files) -> Record:
    if len(row) != columns.number:
        what = "no value" if len(row) == 1 else f"{len(row)} cells instead of {columns.number}"
        return unreadable(row[0] or f"line {line}", f"line {line} of {TABLE} has {what}")
    name = row[columns.name]
    if not name:
        return unreadable(f"line {line}", f"line {line} of {TABLE} names no file")
    return record(name, row[columns.value], lambda: read_structure(files.of(name)))


def _candidates(folder: Path, name: str) -> list[Path]:
    """List the files that a name may mean; none where it leaves the folder."""
    path = Path(name)
    if not path.name or path.is_absolute() or ".." in path.parts or name.endswith(("/", "/.")):
        return []
    try:
        asked = folder / name
        same = _names_in(asked.parent).get(_composed(asked.name), [])
        # the very name first, then other spellings of it, then the names that it is the stem of
        ranked = sorted(
            same,
            key=lambda file: (file != asked.name, _composed(file) != _composed(asked.name), file),
        )
        files = [asked.parent / file for file in ranked]
        return [file for file in files if file.exists() and not file.is_dir()]
    except (OSError, ValueError):  # too long, or with characters that no file name has
        return []


@lru_cache(maxsize=8)
def _names_in(folder: Path) -> dict[str, list[str]]:
    """Return the names of a folder's files by all that may be written for them: name and stem."""
    found = defaultdict(list)
    for file in folder.iterdir() if folder.is_dir() else ():
        name = _composed(file.name)
        found[name].append(file.name)
        stem, dot, suffix = name.rpartition(".")
        if (dot + suffix).lower() in SUFFIXES:
            found[stem].append(file.name)
    return found


def _composed(name: str) -> str:
    """Write a name as most keyboards do: macOS keeps the accents of file names apart."""
    return unicodedata.normalize("NFC", name)


def _file(folder: Path, name: str) -> Path:
    files = _candidates(folder, name)
    if not files:
        raise Fault(f"file {name} named in {TABLE} does not exist")
    if len(files) > 1 and files[0].name != Path(name).name:
        raise Fault(f"{name} may be {' or '.join(file.name for file in files)}")
    return files[0]

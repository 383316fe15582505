"""`id_prop.csv` beside structure files, the layout of CGCNN and ALIGNN."""

import csv
from collections.abc import Iterator
from pathlib import Path

import ase.io
import numpy as np

from crystal_transfer.datasets.crystals import Record
from crystal_transfer.datasets.sources.jarvis import number, unreadable
from crystal_transfer.errors import InputError

SUFFIXES = ("", ".cif", ".vasp", ".poscar", ".POSCAR", ".xyz", ".extxyz")
TABLE = "id_prop.csv"


def read_folder(path: str | Path) -> Iterator[Record]:
    """Read `id_prop.csv` (name, value; a header line is allowed) and the files it names.

    A name may be a file's whole name or its stem.

    Raises
    ------
    InputError
        If the folder has no `id_prop.csv` or it has no rows.
    """
    folder = Path(path)
    table = folder / TABLE
    if not table.is_file():
        raise InputError(f"{table}: missing; write one line 'file,value' per crystal.")
    with table.open(newline="", encoding="utf-8-sig") as handle:
        rows = [row for row in csv.reader(handle) if any(cell.strip() for cell in row)]
    if rows and len(rows[0]) > 1 and np.isnan(number(rows[0][1])) and _is_header(folder, rows[0]):
        rows = rows[1:]
    if not rows:
        raise InputError(f"{table}: is empty; write one line 'file,value' per crystal.")
    for line, row in enumerate(rows, start=1):
        name = row[0].strip()
        if len(row) < 2:
            yield unreadable(name or f"row {line}", None, f"row {line} of {TABLE} has no value")
        else:
            yield _record(folder, name, row[1])


def _is_header(folder: Path, row: list[str]) -> bool:
    return _file(folder, row[0].strip()) is None


def _file(folder: Path, name: str) -> Path | None:
    candidates = (folder / f"{name}{suffix}" for suffix in SUFFIXES)
    return next((file for file in candidates if name and file.is_file()), None)


def _record(folder: Path, name: str, value: str) -> Record:
    file = _file(folder, name)
    if file is None:
        return unreadable(name, value, f"file {name} named in {TABLE} does not exist")
    try:
        if file.stat().st_size == 0:
            return unreadable(name, value, f"file {file.name} is empty")
        atoms = ase.io.read(file, format=_format(file))
    except Exception as error:  # ASE's readers raise whatever the damage leads to
        return unreadable(name, value, f"{file.name} cannot be read ({type(error).__name__})")
    occupancy = atoms.info.get("occupancy") or {}
    if any(sum(site.values()) != 1 or len(site) > 1 for site in occupancy.values()):
        return unreadable(name, value, "structure is disordered (partial occupancy)")
    return Record(
        name,
        number(value),
        atoms.get_chemical_symbols(),
        np.array(atoms.cell),
        atoms.get_scaled_positions(wrap=False) if atoms.cell.rank == 3 else atoms.positions,
        cartesian=atoms.cell.rank != 3,
    )


def _format(file: Path) -> str | None:
    """Name the format where ASE cannot tell it from the file's name."""
    poscar = file.suffix.lower() in (".poscar", ".vasp") or file.name.startswith("POSCAR")
    return "vasp" if poscar else None

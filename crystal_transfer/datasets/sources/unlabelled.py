"""Structures without a property, to predict: files of a folder, or rows of a table."""

import re
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from tqdm.contrib.concurrent import process_map

from crystal_transfer.datasets.crystals import Record
from crystal_transfer.datasets.records import record, unreadable
from crystal_transfer.datasets.sources import extxyz, jarvis, tables
from crystal_transfer.datasets.sources.folder import TABLE as LABELS
from crystal_transfer.datasets.sources.layouts import ATOMS, simplified
from crystal_transfer.datasets.sources.structures import read_structure
from crystal_transfer.datasets.text import OTHER_KINDS, read_compressed_json
from crystal_transfer.errors import InputError

STRUCTURE_FILE = re.compile(r"(?i)(poscar|contcar).*|.*\.(cif|vasp|poscar|xyz|extxyz)")
FILES_AT_ONCE = 16  # handed to a worker process
NAMES = ".cif, .vasp, .poscar, .xyz, .extxyz, POSCAR*, CONTCAR*"
TABLE_FILE = re.compile(r"(?i).*\.((json|jsonl|ndjson)(\.gz)?|zip)")


def read_structures(
    path: str | Path, id: str | None = None, processes: int = 1
) -> Iterable[Record]:
    """Read structures; the targets of the records are NaN.

    Parameters
    ----------
    path
        A structure file; extended xyz with many structures; a folder, of which all files are read
        whose names are those of structure files, and all others are records with that problem; or
        a table as for training, whose property is not read.
    id
        Key or column of the names, where rows have any; files have their own names.
    processes
        Worker processes that read files.

    Raises
    ------
    InputError
        If there is no structure.
    """
    path = Path(path)
    is_folder = path.is_dir()
    if path.suffix.lower() in extxyz.SUFFIXES and not is_folder:
        return extxyz.read_extxyz(path, None, id)
    if TABLE_FILE.fullmatch(path.name) and not is_folder:
        return _of_table(path, read_compressed_json(path), id)
    if id is not None:
        raise InputError(f"{path}: files have their own names; leave out `id` (--id).")
    if is_folder:
        return _of_folder(path, processes)
    if path.name.lower().endswith(OTHER_KINDS):
        raise InputError(
            f"{path}: is of a kind that is not read; give a structure file ({NAMES}), a folder of "
            "them, or a table (.json, .jsonl, .json.gz, .zip)."
        )
    return iter([_of_file(path)])


def _of_folder(folder: Path, processes: int) -> Iterable[Record]:
    files, others = [], []
    for entry in sorted(folder.iterdir()):
        # neither the labels of a folder to train on nor what file managers leave is anyone's loss
        if entry.name == LABELS or entry.name.startswith("."):
            continue
        if STRUCTURE_FILE.fullmatch(entry.name):
            files.append(entry)
        else:
            problem = f"its name is not that of a structure file ({NAMES})"
            others.append(unreadable(entry.name, problem))
    if not files:
        raise InputError(f"{folder}: has no structure file ({NAMES}); name another folder.")
    if processes == 1 or len(files) < FILES_AT_ONCE:
        return chain(map(_of_file, files), others)
    found: list[Record] = process_map(
        _of_file, files, max_workers=processes, chunksize=FILES_AT_ONCE, unit="file", desc="read",
        mininterval=1.0,
    )  # fmt: skip
    return found + others


def _of_file(file: Path) -> Record:
    return record(file.name, None, lambda: read_structure(file))


def _of_table(path: Path, content: Any, id: str | None) -> Iterator[Record]:
    content = simplified(path, content)
    if isinstance(content, list) and any(
        isinstance(row, dict) and isinstance(row.get(ATOMS), dict) for row in content
    ):
        rows = [row | {"target": None} if isinstance(row, dict) else row for row in content]
        return jarvis.records_of(path, rows, "target", id)
    return tables.structures_of(path, content, id)

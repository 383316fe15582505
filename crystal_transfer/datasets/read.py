"""Read any dataset of the registry."""

import os
from collections.abc import Iterable, Iterator, Set
from itertools import chain

from crystal_transfer.datasets.crystals import Record
from crystal_transfer.datasets.registry import (
    Dataset,
    EmtDataset,
    FileDataset,
    JarvisDataset,
    Join,
    MatminerDataset,
)
from crystal_transfer.datasets.sources import tables
from crystal_transfer.datasets.sources.emt import read_emt
from crystal_transfer.datasets.sources.file import read_file
from crystal_transfer.datasets.sources.jarvis import read_jarvis
from crystal_transfer.datasets.sources.materials_project import structures_of_materials_project
from crystal_transfer.errors import InputError

TEST_PREFIX = "test-"  # of ids of a separate test file: both files may count from 1


def read_dataset(
    entry: Dataset, files: list[str], processes: int = 1
) -> tuple[Iterable[Record], list[str] | None]:
    """Read a dataset by its registry entry.

    Parameters
    ----------
    entry
        What is known of it.
    files
        Where its downloaded files lie, in the order of the entry.
    processes
        Worker processes, where properties are computed.

    Returns
    -------
    records
        Its rows.
    test_ids
        Names of the rows of a separate test file, or None.

    Raises
    ------
    InputError
        If a file cannot be read.
    """
    match entry:
        case EmtDataset():
            return read_emt(entry.property, entry.crystals, entry.seed, processes), None
        case JarvisDataset():
            return read_jarvis(files[0], entry.column), None
        case MatminerDataset():
            if entry.join is None:
                return tables.read_table(files[0], entry.column), None
            return _joined(entry.column, entry.join, files), None
        case FileDataset():
            return _own(entry)


def _own(entry: FileDataset) -> tuple[Iterable[Record], list[str] | None]:
    """Read a user's own files; rows of a separate test file come last, under names of their own."""
    records = read_file(entry.path, entry.column, entry.id)
    if entry.test_path is None:
        return records, None
    tested = [
        record._replace(id=f"{TEST_PREFIX}{record.id}")
        for record in read_file(entry.test_path, entry.column, entry.id)
    ]
    names = [record.id for record in tested]
    return chain(_without(records, set(names), entry), tested), names


def _without(records: Iterable[Record], names: Set[str], entry: FileDataset) -> Iterator[Record]:
    """Pass rows on that are not named as those of the test file are."""
    for record in records:
        if record.id in names:
            raise InputError(
                f"{entry.path}: row '{record.id}' is named as '{record.id[len(TEST_PREFIX) :]}' of "
                f"{entry.test_path} is, whose rows get '{TEST_PREFIX}' before their names; rename "
                "one of them."
            )
        yield record


def _joined(column: str, join: Join, files: list[str]) -> Iterable[Record]:
    names = tables.names_in(files[0], join.key)
    if join.structures == "materials_project":
        structures = structures_of_materials_project(names, os.environ.get("MP_API_KEY"))
    else:
        structures = tables.structures_of_jarvis(files[1], join.id, names)
    return tables.read_joined_table(files[0], column, join.key, structures)

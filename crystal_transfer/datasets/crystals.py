"""The table of crystals of one dataset, as plain arrays in one file."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from crystal_transfer.arrays import load_arrays, save_arrays


class Record(NamedTuple):
    """One row of a source, before anything is checked.

    `problem` is empty, or says in a few words why the row could not be read;
    the other fields may then be empty.
    """

    id: str
    target: float
    elements: list[str]
    lattice: np.ndarray  # [3, 3], Å, rows are the lattice vectors
    coordinates: np.ndarray  # [n_atoms, 3], fractional, or Å if `cartesian`
    cartesian: bool = False
    problem: str = ""


class Crystal(NamedTuple):
    """One clean crystal."""

    id: str
    target: float
    numbers: np.ndarray  # [n_atoms], atomic numbers
    lattice: np.ndarray  # [3, 3], Å
    coordinates: np.ndarray  # [n_atoms, 3], fractional, or Å if `cartesian`
    cartesian: bool


@dataclass(frozen=True)
class CrystalTable:
    """All crystals of a dataset; atoms of crystal i are rows offsets[i]:offsets[i + 1].

    Attributes
    ----------
    ids
        Unique names, [n_crystals].
    targets
        The property in physical units, [n_crystals].
    lattices
        Lattice vectors as rows in Å, [n_crystals, 3, 3].
    cartesian
        Whether the coordinates are in Å (else fractional), [n_crystals].
    offsets
        Where the atoms of each crystal begin, [n_crystals + 1].
    numbers
        Atomic numbers, [n_atoms].
    coordinates
        As the source gave them, since round-off decides ties between neighbours, [n_atoms, 3].
    """

    ids: np.ndarray
    targets: np.ndarray
    lattices: np.ndarray
    cartesian: np.ndarray
    offsets: np.ndarray
    numbers: np.ndarray
    coordinates: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> Crystal:
        atoms = slice(self.offsets[index], self.offsets[index + 1])
        return Crystal(
            str(self.ids[index]),
            float(self.targets[index]),
            self.numbers[atoms],
            self.lattices[index],
            self.coordinates[atoms],
            bool(self.cartesian[index]),
        )

    def __iter__(self) -> Iterator[Crystal]:
        return (self[index] for index in range(len(self)))


def tabulate(crystals: Iterable[Crystal]) -> CrystalTable:
    """Put crystals into one table, in their order."""
    rows = list(crystals)
    sizes = [len(row.numbers) for row in rows]
    return CrystalTable(
        ids=np.array([row.id for row in rows], dtype=np.str_),
        targets=np.array([row.target for row in rows], dtype=np.float64),
        lattices=np.array([row.lattice for row in rows], dtype=np.float64).reshape(-1, 3, 3),
        cartesian=np.array([row.cartesian for row in rows], dtype=np.bool_),
        offsets=np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]).astype(np.int64),
        numbers=np.concatenate([row.numbers for row in rows] or [np.empty(0)]).astype(np.uint8),
        coordinates=np.concatenate([row.coordinates for row in rows] or [np.empty((0, 3))]),
    )


def save(table: CrystalTable, path: str | Path) -> None:
    """Write the table to an `.npz` file; equal tables give equal bytes."""
    save_arrays(table, path)


def load(path: str | Path) -> CrystalTable:
    """Read a table written by `save`.

    Raises
    ------
    InputError
        If the file is no such table.
    """
    return load_arrays(CrystalTable, path, "not a table of crystals")

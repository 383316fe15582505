"""One description of every crystal: a graph, and so a prediction, depends on how it is described.

An atom that is bonded to its own image has that bond in both directions, and in a supercell, where
the image is another atom, only once. Databases of calculations have primitive cells, and so have
the crystals that the weights that ship have learned from; files of experiments and of supercells
have others. And digits that a file lacks tell apart distances that are equal by symmetry, so that
a shell of neighbours is cut.
"""

import os
from typing import Any

import numpy as np
import spglib
from ase.geometry import minkowski_reduce

from crystal_transfer.datasets.crystals import Crystal, CrystalTable, tabulate
from crystal_transfer.datasets.fingerprints import formula
from crystal_transfer.datasets.geometry import fractional_coordinates

# what it says is for its developers: where it fails it tries again with another tolerance
os.environ.setdefault("SPGLIB_WARNING", "OFF")

SYMPREC = 0.01  # Å; usual of pymatgen's SpacegroupAnalyzer, and more than a file's digits lose
DECIMALS = 9  # beyond, two descriptions of one crystal differ by round-off
SAME_DENSITY = 0.01  # relative difference of atoms per volume


def in_primitive_cells(table: CrystalTable) -> CrystalTable:
    """Return the same crystals, each in a primitive cell that has its symmetry exactly."""
    return tabulate(map(primitive, table))


def primitive(crystal: Crystal) -> Crystal:
    """Return the same crystal in a primitive cell that has its symmetry exactly.

    Atoms and lattice vectors change by less than `SYMPREC`, so smaller distortions and strains are
    lost, and the crystal may be turned. One whose symmetry is not found stays as it is.
    """
    # spglib gives up on cells that are very skew
    reduced, operation = minkowski_reduce(crystal.lattice)
    coordinates = fractional_coordinates(crystal) @ np.linalg.inv(operation)
    cell: Any = (np.array(reduced), coordinates - np.floor(coordinates), crystal.numbers)
    found = spglib.standardize_cell(cell, to_primitive=True, no_idealize=False, symprec=SYMPREC)
    if found is None:
        return crystal
    described = crystal._replace(
        lattice=np.around(found[0], DECIMALS),
        coordinates=np.around(found[1], DECIMALS),
        numbers=np.array(found[2], dtype=crystal.numbers.dtype),
        cartesian=False,
    )
    return described if _alike(described, crystal) else crystal


def _alike(one: Crystal, other: Crystal) -> bool:
    """Return whether two crystals have the same elements in the same shares, and one density."""
    density, others = (len(c.numbers) / abs(np.linalg.det(c.lattice)) for c in (one, other))
    return formula(one) == formula(other) and abs(density / others - 1) < SAME_DENSITY

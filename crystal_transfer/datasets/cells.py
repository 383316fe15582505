"""One choice of cell for every crystal: a graph, and so a prediction, depends on the cell.

An atom that is bonded to its own image has that bond in both directions, and in a supercell, where
the image is another atom, only once. Databases of calculations have primitive cells, and so have
the crystals that the weights that ship have learned from; files of experiments and of supercells
have others.
"""

from typing import Any

import numpy as np
import spglib
from ase.geometry import minkowski_reduce

from crystal_transfer.datasets.crystals import Crystal, CrystalTable, tabulate
from crystal_transfer.datasets.geometry import fractional_coordinates

SYMPREC = 0.01  # Å; usual of pymatgen's SpacegroupAnalyzer, and more than a file's digits lose


def in_primitive_cells(table: CrystalTable) -> CrystalTable:
    """Return the same crystals, each in a primitive cell."""
    return tabulate(map(primitive, table))


def primitive(crystal: Crystal) -> Crystal:
    """Return the same crystal in a primitive cell, to the bit as it is if it is in one already.

    Atoms that translations of the crystal bring within `SYMPREC` of each other are one. The new
    cell has the orientation of the old one.
    """
    # spglib gives up on cells that are very skew
    reduced, operation = minkowski_reduce(crystal.lattice)
    coordinates = fractional_coordinates(crystal) @ np.linalg.inv(operation)
    cell: Any = (np.array(reduced), coordinates - np.floor(coordinates), crystal.numbers)
    found = spglib.standardize_cell(cell, to_primitive=True, no_idealize=True, symprec=SYMPREC)
    if found is None or len(found[2]) >= len(crystal.numbers):
        return crystal
    return crystal._replace(
        lattice=np.array(found[0]),
        coordinates=np.array(found[1]),
        numbers=np.array(found[2], dtype=crystal.numbers.dtype),
        cartesian=False,
    )

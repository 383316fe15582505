"""A frame of extended xyz: its words are checked, then ASE and pymatgen read it."""

import io
import re

import ase.io
import numpy as np

from crystal_transfer.datasets.records import Fault, Structure
from crystal_transfer.datasets.sources.agreement import of_ase, tried
from crystal_transfer.datasets.sources.xyz_comment import canonical
from crystal_transfer.datasets.text import has_numbers, lines_of
from crystal_transfer.species import ATOMIC_NUMBERS


def read_xyz(text: str) -> Structure:
    """Read the text of an xyz file with one frame and a lattice in its second line.

    Raises
    ------
    Fault
        If it has several frames, no lattice, or is damaged.
    """
    from pymatgen.io.xyz import XYZ

    lines = lines_of(text)
    symbols = _xyz_symbols(lines)
    comment = canonical(lines[1])
    extended = "\n".join([lines[0].strip(), comment, *lines[2 : 2 + len(symbols)]]) + "\n"
    plain = "\n".join([lines[0].strip(), "", *lines[2 : 2 + len(symbols)]]) + "\n"
    read = of_ase(tried("ASE", "xyz", lambda: ase.io.read(
        io.StringIO(extended), format="extxyz", index=":")))  # fmt: skip
    molecule = tried("pymatgen", "xyz", lambda: XYZ.from_str(plain).molecule)
    positions = read.coordinates @ read.lattice if not read.cartesian else read.coordinates
    if read.elements != symbols or not np.allclose(positions, molecule.cart_coords, atol=1e-6):
        raise Fault("ASE and pymatgen find different atoms in the xyz file")
    return read


def _xyz_symbols(lines: list[str]) -> list[str]:
    head = lines[0].strip()
    if not re.fullmatch("[0-9]{1,6}", head) or len(lines) < 2:
        raise Fault("xyz file does not begin with the number of atoms")
    n = int(head)
    atoms = lines[2 : 2 + n]
    if len(atoms) < n or not all(has_numbers(" ".join(line.split()[1:]), 3) for line in atoms):
        raise Fault(f"xyz file has fewer positions than its {n} atoms")
    if any(line.strip() for line in lines[2 + n :]):
        raise Fault("xyz file holds several structures, or more atoms than it says")
    symbols = [line.split()[0] for line in atoms]
    for symbol in symbols:
        if symbol not in ATOMIC_NUMBERS:
            raise Fault(f"xyz file names '{symbol[:20]}', which is no known element")
    return symbols

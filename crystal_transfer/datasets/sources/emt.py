"""Alloys whose properties are computed here: real physics without a download, for the demo.

Ordered and random alloys of Al, Cu, Ag, Au, Ni, Pd, Pt on fcc, bcc and hcp lattices, at the
volume where the pressure vanishes, described by ASE's effective medium theory potential
(Jacobsen, Stoltze & Norskov, Surf. Sci. 366, 394 (1996)).
"""

import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from typing import Any

import numpy as np
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.data import atomic_numbers, covalent_radii

from crystal_transfer.datasets.crystals import Record
from crystal_transfer.errors import InputError

ELEMENTS = ("Al", "Cu", "Ag", "Au", "Ni", "Pd", "Pt")
LATTICES = ("fcc", "bcc", "hcp")
REPEATS = {
    "fcc": [(1, 1, 1), (2, 1, 1)],
    "bcc": [(1, 1, 1), (2, 1, 1), (2, 2, 1)],
    "hcp": [(1, 1, 1), (2, 1, 1), (2, 2, 1)],
}
STRAIN = 2e-3  # for elastic constants; small enough for Hooke's law, large against round-off
MAX_DRAWS = 20  # per crystal that is asked for
DISPLACEMENT = 0.01  # Å, for the Hessian
PRESSURE_TOLERANCE = 1e-3  # GPa
TO_WAVENUMBER = 1 / units.invcm  # eV -> 1/cm


def read_emt(property: str, crystals: int, seed: int, processes: int = 1) -> Iterator[Record]:
    """Compute a dataset.

    Parameters
    ----------
    property
        One of `PROPERTIES`.
    crystals
        How many.
    seed
        Other seeds give other alloys; equal ones equal datasets.
    processes
        Number of worker processes; changes nothing but time.

    Raises
    ------
    InputError
        If the property is unknown.
    """
    if property not in PROPERTIES:
        raise InputError(
            f"EMT has no property '{property}'; use one of {', '.join(sorted(PROPERTIES))}."
        )
    draws = _distinct(property, seed, crystals)
    if processes == 1:
        yield from map(_record, draws)
        return
    with ProcessPoolExecutor(processes) as pool:
        yield from pool.map(_record, draws, chunksize=8)


def _distinct(property: str, seed: int, crystals: int) -> Iterator[tuple[str, str, Atoms]]:
    """Draw alloys until there are enough that differ from each other.

    Two alloys are one crystal if they have the same species and the same energy, however their
    cells were chosen.
    """
    seen: set[tuple[Any, ...]] = set()
    for number in range(MAX_DRAWS * crystals):
        if len(seen) == crystals:
            return
        key = zlib.crc32(f"{property} {seed} {number}".encode())
        atoms = alloy(np.random.default_rng(key))
        energy = round(atoms.get_potential_energy() / len(atoms), 6)
        signature = (tuple(sorted(set(atoms.symbols))), energy)
        if signature not in seen:
            seen.add(signature)
            atoms.calc = None  # cannot be sent to another process
            yield property, f"{property}-{seed}-{number:05d}", atoms
    raise InputError(
        f"EMT: there are only {len(seen)} distinct alloys in {MAX_DRAWS * crystals} draws, not "
        f"{crystals}; ask for fewer `crystals`."
    )


def _record(draw: tuple[str, str, Atoms]) -> Record:
    property, id, atoms = draw
    atoms.calc = EMT()
    atoms = relaxed(atoms)
    return Record(
        id,
        PROPERTIES[property](atoms),
        atoms.get_chemical_symbols(),
        np.array(atoms.cell),
        atoms.get_scaled_positions(),
    )


def alloy(rng: np.random.Generator) -> Atoms:
    """Draw an alloy of one to three elements on a small cell of a close-packed lattice."""
    lattice = LATTICES[rng.integers(len(LATTICES))]
    repeat = REPEATS[lattice][rng.integers(len(REPEATS[lattice]))]
    species = rng.choice(ELEMENTS, size=rng.integers(1, 4), replace=False)
    cell = bulk("Cu", lattice, a=1.0, c=1.633, cubic=lattice != "hcp")
    atoms = cell.repeat(repeat)
    atoms.symbols = [str(symbol) for symbol in rng.choice(species, size=len(atoms))]
    radius = np.mean([covalent_radii[atomic_numbers[symbol]] for symbol in atoms.symbols])
    nearest = {"fcc": np.sqrt(0.5), "bcc": np.sqrt(0.75), "hcp": 1.0}[lattice]
    atoms.set_cell(atoms.cell * (2.05 * radius / nearest), scale_atoms=True)
    atoms.calc = EMT()
    return atoms


def relaxed(atoms: Atoms) -> Atoms:
    """Scale the cell to zero pressure; positions stay on the lattice."""
    for _ in range(30):
        pressure = -np.trace(atoms.get_stress(voigt=False)) / 3 / units.GPa
        if abs(pressure) < PRESSURE_TOLERANCE:
            break
        step = np.clip(pressure / (3 * 150.0), -0.03, 0.03)  # 150 GPa: a metal's bulk modulus
        atoms.set_cell(atoms.cell * (1 + step), scale_atoms=True)
    return atoms


@cache
def _element_energy(symbol: str) -> float:
    """Energy per atom of the fcc element at zero pressure, eV."""
    atoms = bulk(symbol, "fcc", cubic=True)
    atoms.calc = EMT()
    return relaxed(atoms).get_potential_energy() / len(atoms)


def formation_energy(atoms: Atoms) -> float:
    """Energy per atom against the fcc elements, eV/atom."""
    elements = sum(_element_energy(symbol) for symbol in atoms.get_chemical_symbols())
    return (atoms.get_potential_energy() - elements) / len(atoms)


def stiffness(atoms: Atoms) -> np.ndarray:
    """Clamped-ion elastic constants from strained cells, Voigt notation, [6, 6] in GPa."""
    constants = np.empty((6, 6))
    for column in range(6):
        strain = np.zeros(6)
        strain[column] = STRAIN
        difference = _stress(atoms, strain) - _stress(atoms, -strain)
        constants[column] = difference / (2 * STRAIN) / units.GPa
    return (constants + constants.T) / 2


def _stress(atoms: Atoms, strain: np.ndarray) -> np.ndarray:
    xx, yy, zz, yz, xz, xy = strain
    half = np.array([[xx, xy / 2, xz / 2], [xy / 2, yy, yz / 2], [xz / 2, yz / 2, zz]])
    strained = atoms.copy()
    strained.calc = EMT()
    strained.set_cell(atoms.cell @ (np.eye(3) + half), scale_atoms=True)
    return strained.get_stress()


def bulk_modulus(atoms: Atoms) -> float:
    """Voigt average, GPa."""
    return float(stiffness(atoms)[:3, :3].mean())


def shear_modulus(atoms: Atoms) -> float:
    """Voigt average, GPa."""
    c = stiffness(atoms)
    stretch = c[0, 0] + c[1, 1] + c[2, 2] - c[0, 1] - c[0, 2] - c[1, 2]
    return float((stretch + 3 * (c[3, 3] + c[4, 4] + c[5, 5])) / 15)


def highest_frequency(atoms: Atoms) -> float:
    """Highest zone-centre phonon of the cell from its Hessian, 1/cm; 0 for a one-atom cell."""
    n = len(atoms)
    moved = atoms.copy()
    moved.calc = EMT()
    hessian = np.empty((3 * n, 3 * n))
    for row in range(3 * n):
        atom, axis = divmod(row, 3)
        forces = []
        for sign in (1, -1):
            moved.positions[atom, axis] = atoms.positions[atom, axis] + sign * DISPLACEMENT
            forces.append(moved.get_forces().ravel())
        moved.positions[atom, axis] = atoms.positions[atom, axis]
        hessian[row] = (forces[1] - forces[0]) / (2 * DISPLACEMENT)
    weight = np.repeat(atoms.get_masses() ** -0.5, 3)
    squared = np.linalg.eigvalsh((hessian + hessian.T) / 2 * weight[:, None] * weight).max()
    per_ev = units._hbar * 1e10 / np.sqrt(units._e * units._amu)  # sqrt(eV/Å^2/amu) -> eV
    return float(np.sqrt(max(squared, 0.0)) * per_ev * TO_WAVENUMBER)


PROPERTIES: dict[str, Callable[[Atoms], float]] = {
    "formation_energy": formation_energy,
    "bulk_modulus": bulk_modulus,
    "shear_modulus": shear_modulus,
    "highest_frequency": highest_frequency,
}

"""Which crystals of different datasets are the same one: by a fingerprint of the structure.

The datasets describe the same compounds with other cells, origins and slightly other lattice
constants. A fingerprint does not depend on any of these: the reduced formula, and per pair of
species the distances from one to the nearest atoms of the other, averaged over the atoms and
divided by the cube root of the volume per atom. Enough neighbours are taken to tell most polytypes
apart, whose first two shells are alike; those of many layers (of SiC, ZnS, CdI2) may be taken for
one crystal: 13 of 3,289 pairs of the paper's datasets that pymatgen's StructureMatcher tells apart.
"""

import math
from collections import Counter
from typing import Any

import numba
import numpy as np

from crystal_transfer.datasets.crystals import Crystal, CrystalTable
from crystal_transfer.datasets.geometry import images_within, positions, searchable

N_NEIGHBOURS = 24  # of each species
FIRST_RADIUS = 6.0  # Å; only speed depends on it
WIDER = 1.4  # the next radius: 2.7 times the volume; only speed depends on it
TOLERANCE = 0.02  # largest difference of two fingerprints of one crystal, see above
SAME_VOLUME = 0.15  # largest relative difference of their volumes per atom

Formula = tuple[tuple[int, int], ...]


def formula(crystal: Crystal) -> Formula:
    """Return the reduced composition as sorted (atomic number, count) pairs."""
    counts = Counter(crystal.numbers.tolist())
    divisor = math.gcd(*counts.values())
    return tuple(sorted((number, count // divisor) for number, count in counts.items()))


def fingerprint(crystal: Crystal) -> np.ndarray:
    """Describe the neighbourhoods of each species, [1 + 24 n_species^2].

    Returns
    -------
    The volume per atom in Å^3, then the scaled distances, pairs of species in order of their
    atomic numbers.
    """
    crystal = searchable(crystal, FIRST_RADIUS)
    fractional, cartesian = positions(crystal, crystal.lattice)
    species, kind = np.unique(crystal.numbers, return_inverse=True)
    radius = FIRST_RADIUS
    while True:
        images = images_within(crystal.lattice, fractional, radius)
        distances = _nearest(cartesian, kind, len(species), images @ crystal.lattice, radius)
        if np.isfinite(distances).all():
            break
        radius *= WIDER
    volume = abs(np.linalg.det(crystal.lattice)) / len(crystal.numbers)
    means = [distances[kind == number].mean(axis=0).ravel() for number in range(len(species))]
    return np.concatenate([[volume], np.concatenate(means) / np.cbrt(volume)])


@numba.njit(cache=True)
def _nearest(
    cartesian: np.ndarray, kind: np.ndarray, n_kinds: int, shifts: np.ndarray, radius: float
) -> np.ndarray:
    """Compute each atom's sorted distances to the nearest of each kind, in Å.

    [n_atoms, n_kinds, 24]; infinity where there are fewer within the radius.
    """
    n_atoms = cartesian.shape[0]
    found = np.full((n_atoms, n_kinds, N_NEIGHBOURS), np.inf)
    for m in range(shifts.shape[0]):
        for j in range(n_atoms):
            for i in range(n_atoms):
                dx = shifts[m, 0] + cartesian[j, 0] - cartesian[i, 0]
                dy = shifts[m, 1] + cartesian[j, 1] - cartesian[i, 1]
                dz = shifts[m, 2] + cartesian[j, 2] - cartesian[i, 2]
                d = math.sqrt(dx * dx + dy * dy + dz * dz)
                nearest = found[i, kind[j]]
                if d > radius or d < 1e-3 or d >= nearest[N_NEIGHBOURS - 1]:
                    continue
                place = N_NEIGHBOURS - 1
                while place > 0 and nearest[place - 1] > d:
                    nearest[place] = nearest[place - 1]
                    place -= 1
                nearest[place] = d
    return found


def group(tables: list[CrystalTable]) -> list[np.ndarray]:
    """Return each distinct crystal of several tables a number.

    Crystals of one table are distinct by that table's word, so that each group has at most one of
    every table; a crystal joins the group whose first member is most like it.

    Returns
    -------
    Per table the number of each crystal's group, [n_crystals] int64, numbered by first occurrence.
    """
    groups: dict[Formula, list[tuple[int, np.ndarray, set[int]]]] = {}
    n_groups = 0
    result = []
    for place, table in enumerate(tables):
        numbers = np.empty(len(table), dtype=np.int64)
        for index, crystal in enumerate(table):
            own = fingerprint(crystal)
            candidates = groups.setdefault(formula(crystal), [])
            likeness = [
                (_difference(own, other), number, members)
                for number, other, members in candidates
                if place not in members
            ]
            difference, number, members = min(likeness, default=(np.inf, 0, set()), key=_first)
            if difference > TOLERANCE:
                number, members = n_groups, set()
                candidates.append((number, own, members))
                n_groups += 1
            members.add(place)
            numbers[index] = number
        result.append(numbers)
    return result


def _first(triple: tuple[Any, ...]) -> Any:
    return triple[0]


def _difference(one: np.ndarray, other: np.ndarray) -> float:
    """Return the largest difference of scaled distances; infinity for unlike volumes."""
    if abs(one[0] / other[0] - 1) > SAME_VOLUME:
        return np.inf
    return float(np.abs(one[1:] - other[1:]).max())

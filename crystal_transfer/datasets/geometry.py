"""Where the atoms of a crystal and of its periodic images are."""

import math

import numba
import numpy as np
from ase.geometry import minkowski_reduce

from crystal_transfer.datasets.crystals import Crystal

SAME_SITE = 0.15  # Å; jarvis-tools' `bond_tol`: closer atoms count as one site
ROUNDED_DECIMALS = 5  # jarvis.core.lattice.Lattice rounds the lattice it computes coordinates with

# Cells beyond these are replaced by their reduced form, which describes the same crystal. All of
# 29,850 crystals of the Materials Project and JARVIS are within: skewness up to 110, 2,457 images.
MOST_SKEW = 200.0  # product of the lengths of the lattice vectors over the volume; 1 for a cuboid
MOST_IMAGES = 20_000  # of the cell within the radius of a search
MOST_CELLS = 50  # along one lattice vector; `graphs.neighbours` has room for 1,023

# No dataset has such long vectors; beyond, round-off nears the tolerance of `shell`.
LONGEST_VECTOR = 1e6  # Å
# Beyond, round-off of a coordinate nears the tolerance of `shell`: whatever the file said is lost.
FARTHEST_CELL = 1e6  # cells from the origin


def rounded(lattice: np.ndarray) -> np.ndarray:
    """Round a lattice in Å as `jarvis.core.lattice.Lattice` does before it uses it."""
    return np.around(lattice, decimals=ROUNDED_DECIMALS)


def positions(crystal: Crystal, lattice: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute coordinates in the order of operations of `jarvis.core.atoms.Atoms`.

    Parameters
    ----------
    crystal
        The crystal.
    lattice
        Its lattice, or that `rounded`, in Å, [3, 3].

    Returns
    -------
    fractional, cartesian
        [n_atoms, 3], and [n_atoms, 3] in Å.
    """
    if crystal.cartesian:
        return np.dot(crystal.coordinates, np.linalg.inv(lattice)), crystal.coordinates
    return crystal.coordinates, np.dot(crystal.coordinates, lattice)


def fractional_coordinates(crystal: Crystal) -> np.ndarray:
    """Compute fractional coordinates in the lattice as it was given, [n_atoms, 3]."""
    if crystal.cartesian:
        return np.linalg.solve(crystal.lattice.T, crystal.coordinates.T).T
    return crystal.coordinates


def searchable(crystal: Crystal, radius: float, outside: int = 1) -> Crystal:
    """Return the same crystal, described so that a search needs few images of its cell.

    Ordinary crystals are returned as they are, to the bit. A cell that is very skew is reduced,
    and atoms that lie farther outside of the cell than `outside` are moved into it.

    Parameters
    ----------
    crystal
        Any crystal with a lattice of positive volume.
    radius
        Of the search in Å.
    outside
        Whole cells that an atom may lie outside of the cell before all atoms are moved.
    """
    lattice = crystal.lattice
    odd_cell, odd_atoms = _oddities(
        lattice, crystal.coordinates, crystal.cartesian, radius, float(outside)
    )
    if not (odd_cell or odd_atoms):
        return crystal
    fractional = fractional_coordinates(crystal)
    cells = np.floor(fractional)
    if odd_cell:
        reduced, operation = minkowski_reduce(lattice)
        # atoms are moved first: where they are far away, the operation would enlarge their error
        inside = (fractional - cells) @ np.linalg.inv(operation)
        return crystal._replace(
            lattice=np.array(reduced), coordinates=inside - np.floor(inside), cartesian=False
        )
    moved = cells @ lattice if crystal.cartesian else cells
    return crystal._replace(coordinates=crystal.coordinates - moved)


@numba.njit(cache=True)
def _oddities(
    lattice: np.ndarray,
    coordinates: np.ndarray,
    cartesian: bool,
    radius: float,
    outside: float,
) -> tuple[bool, bool]:
    """Tell whether a cell is so skew or thin, and atoms so far outside, that a search suffers."""
    reciprocal = np.empty((3, 3))  # column i belongs to lattice vector i
    for i in range(3):
        reciprocal[:, i] = np.cross(lattice[(i + 1) % 3], lattice[(i + 2) % 3])
    volume = (lattice[0] * reciprocal[:, 0]).sum()
    reciprocal /= volume
    skew, images, reach = 1.0 / abs(volume), 1.0, 0.0
    for i in range(3):
        cells = (radius + SAME_SITE) * math.sqrt((reciprocal[:, i] ** 2).sum())
        skew *= math.sqrt((lattice[i] ** 2).sum())
        images *= 2 * np.floor(cells + 1) + 1
        reach = max(reach, cells)
    odd_cell = skew > MOST_SKEW or images > MOST_IMAGES or reach > MOST_CELLS
    for atom in range(coordinates.shape[0]):
        for i in range(3):
            place = coordinates[atom, i]
            if cartesian:
                place = (coordinates[atom] * reciprocal[:, i]).sum()
            if abs(np.floor(place)) > outside:
                return odd_cell, True
    return odd_cell, False


def images_within(lattice: np.ndarray, fractional: np.ndarray, radius: float) -> np.ndarray:
    """List the cell images that can hold a neighbour within `radius`, [n_images, 3] int64.

    They are relative to the atoms, so that it does not matter in which cell the atoms lie.
    """
    spread = fractional.max(axis=0) - fractional.min(axis=0)
    return _grid(np.floor(_reach(lattice, radius) + spread).astype(np.int64))


def _reach(lattice: np.ndarray, radius: float) -> np.ndarray:
    """Compute how many cells the radius spans along each lattice vector, [3]."""
    return (radius + SAME_SITE) * np.linalg.norm(np.linalg.inv(lattice), axis=0)


def _n_images(lattice: np.ndarray, radius: float) -> float:
    """Count the images for atoms within one cell; not an integer, since it may be huge."""
    return float(np.prod(2 * np.floor(_reach(lattice, radius) + 1) + 1))


@numba.njit(cache=True)
def _grid(most: np.ndarray) -> np.ndarray:
    """List all integer triples from `-most` to `most`."""
    sizes = 2 * most + 1
    grid = np.empty((sizes.prod(), 3), np.int64)
    row = 0
    for i in range(-most[0], most[0] + 1):
        for j in range(-most[1], most[1] + 1):
            for k in range(-most[2], most[2] + 1):
                grid[row] = i, j, k
                row += 1
    return grid


def nearest_distances(crystal: Crystal, limit: float) -> np.ndarray:
    """Compute the distance of each atom's nearest neighbour in Å, [n_atoms].

    Infinity beyond `limit`. Unlike `graphs.neighbours.bonds` it also counts atoms on (nearly) the
    same site.
    """
    crystal = searchable(crystal, limit)
    if _n_images(crystal.lattice, limit) > MOST_IMAGES:
        # reduced and still too thin: an atom's own image is the nearest
        shortest = np.linalg.norm(crystal.lattice, axis=1).min()
        return np.full(len(crystal.numbers), shortest)
    fractional, cartesian = positions(crystal, crystal.lattice)
    images = images_within(crystal.lattice, fractional, limit)
    return _nearest(cartesian, images @ crystal.lattice, limit)


@numba.njit(cache=True)
def _nearest(cartesian: np.ndarray, shifts: np.ndarray, limit: float) -> np.ndarray:
    n_atoms = cartesian.shape[0]
    nearest = np.full(n_atoms, np.inf)
    for m in range(shifts.shape[0]):
        home = (shifts[m] == 0.0).all()
        for j in range(n_atoms):
            for i in range(n_atoms):
                if home and i == j:
                    continue
                dx = shifts[m, 0] + cartesian[j, 0] - cartesian[i, 0]
                dy = shifts[m, 1] + cartesian[j, 1] - cartesian[i, 1]
                dz = shifts[m, 2] + cartesian[j, 2] - cartesian[i, 2]
                d = math.sqrt(dx * dx + dy * dy + dz * dz)
                if d < nearest[i] and d <= limit:
                    nearest[i] = d
    return nearest

"""Where the atoms of a crystal and of its periodic images are."""

import math

import numba
import numpy as np

from crystal_transfer.datasets.crystals import Crystal

SAME_SITE = 0.15  # Å; jarvis-tools' `bond_tol`: closer atoms count as one site
ROUNDED_DECIMALS = 5  # jarvis.core.lattice.Lattice rounds the lattice it computes coordinates with


def positions(crystal: Crystal) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give fractional and Cartesian coordinates as `jarvis.core.atoms.Atoms` computes them.

    Returns
    -------
    fractional, cartesian, lattice
        [n_atoms, 3], [n_atoms, 3] in Å, and the rounded lattice [3, 3] in Å that relates them.
    """
    lattice = np.around(crystal.lattice, decimals=ROUNDED_DECIMALS)
    if crystal.cartesian:
        return np.dot(crystal.coordinates, np.linalg.inv(lattice)), crystal.coordinates, lattice
    return crystal.coordinates, np.dot(crystal.coordinates, lattice), lattice


def images_within(lattice: np.ndarray, fractional: np.ndarray, radius: float) -> np.ndarray:
    """Give the cell images that can hold a neighbour within `radius`, [n_images, 3] int64."""
    reciprocal = 2 * np.pi * np.linalg.inv(lattice).T
    reach = np.ceil((radius + SAME_SITE) * np.linalg.norm(reciprocal, axis=1) / (2 * math.pi))
    lowest = np.floor(fractional.min(axis=0)) - reach
    highest = np.ceil(fractional.max(axis=0)) + reach
    return _grid(lowest.astype(np.int64), highest.astype(np.int64))


@numba.njit(cache=True)
def _grid(lowest, highest):
    """List all integer triples from `lowest` to below `highest`."""
    sizes = highest - lowest
    grid = np.empty((sizes.prod(), 3), np.int64)
    row = 0
    for i in range(lowest[0], highest[0]):
        for j in range(lowest[1], highest[1]):
            for k in range(lowest[2], highest[2]):
                grid[row] = i, j, k
                row += 1
    return grid


def nearest_distances(crystal: Crystal, limit: float) -> np.ndarray:
    """Give the distance of each atom's nearest neighbour in Å, [n_atoms]; infinity beyond `limit`.

    Unlike `graphs.neighbours.bonds` it also counts atoms on (nearly) the same site.
    """
    fractional, cartesian, _ = positions(crystal)
    images = images_within(crystal.lattice, fractional, limit)
    return _nearest(cartesian, images @ crystal.lattice, limit)


@numba.njit(cache=True)
def _nearest(cartesian, shifts, limit):
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

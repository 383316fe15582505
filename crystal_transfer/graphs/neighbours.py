"""Bonds of a crystal: its k nearest neighbours, with the whole shell of the k-th.

The rule is that of `alignn.graphs.nearest_neighbor_edges(use_canonize=True)`: every atom is
joined to its `k` nearest neighbours and to all others as far away as the k-th; a bond found
from both sides is one bond. Each bond is kept once, from the lower to the higher atom index.

How exactly "as far away" is compared matters, because round-off breaks the ties between
symmetry-equivalent neighbours. Two modes:

alignn
    compared without tolerance and computed in jarvis-tools' order of operations, so that the
    bonds are the very ones that alignn finds, dropped symmetric neighbours included.
shell
    compared with a tolerance of 1e-5 Å, so that a shell is kept or left as a whole: the graph
    then has the symmetry of the crystal and does not depend on its orientation.
"""

import numba
import numpy as np

from crystal_transfer.datasets.crystals import Crystal
from crystal_transfer.datasets.geometry import SAME_SITE, images_within, positions

N_NEIGHBOURS = 12  # design of ALIGNN: Choudhary & DeCost, npj Comput. Mater. 7, 185 (2021)
SHELL_TOLERANCE = {"alignn": 0.0, "shell": 1e-5}  # Å
FIRST_RADIUS = 4.5  # Å; most crystals have 12 neighbours within; only speed depends on it


@numba.njit(cache=True, fastmath=False)
def _neighbours_within(cartesian, shifts, radius):
    """Give (atom, neighbour, image, distance) of all pairs within `radius`, grouped by atom.

    The sums run in the order in which numpy runs them in jarvis-tools.
    """
    n_atoms = cartesian.shape[0]
    counts = np.zeros(n_atoms, np.int64)
    capacity = 64
    neighbour = np.empty((n_atoms, capacity), np.int32)
    image = np.empty((n_atoms, capacity), np.int32)
    distance = np.empty((n_atoms, capacity), np.float64)
    limit = radius * radius * 1.0000001
    for m in range(shifts.shape[0]):
        for j in range(n_atoms):
            x = shifts[m, 0] + cartesian[j, 0]
            y = shifts[m, 1] + cartesian[j, 1]
            z = shifts[m, 2] + cartesian[j, 2]
            for i in range(n_atoms):
                dx = x - cartesian[i, 0]
                dy = y - cartesian[i, 1]
                dz = z - cartesian[i, 2]
                squared = (dx * dx + dy * dy) + dz * dz
                if squared > limit:
                    continue
                d = squared**0.5
                if d <= radius and d > SAME_SITE:
                    if counts[i] == capacity:
                        grown_neighbour = np.empty((n_atoms, 2 * capacity), np.int32)
                        grown_image = np.empty((n_atoms, 2 * capacity), np.int32)
                        grown_distance = np.empty((n_atoms, 2 * capacity), np.float64)
                        grown_neighbour[:, :capacity] = neighbour
                        grown_image[:, :capacity] = image
                        grown_distance[:, :capacity] = distance
                        neighbour, image, distance = grown_neighbour, grown_image, grown_distance
                        capacity *= 2
                    neighbour[i, counts[i]] = j
                    image[i, counts[i]] = m
                    distance[i, counts[i]] = d
                    counts[i] += 1
    return counts, neighbour, image, distance


@numba.njit(cache=True)
def _nearest_shells(counts, neighbour, image, distance, k, tolerance):
    """Keep the neighbours as far as the k-th, [n_kept, 3] of (atom, neighbour, image)."""
    n_atoms = counts.shape[0]
    reach = np.empty(n_atoms)
    total = 0
    for i in range(n_atoms):
        reach[i] = np.partition(distance[i, : counts[i]], k - 1)[k - 1] + tolerance
        for t in range(counts[i]):
            if distance[i, t] <= reach[i]:
                total += 1
    kept = np.empty((total, 3), np.int64)
    row = 0
    for i in range(n_atoms):
        for t in range(counts[i]):
            if distance[i, t] <= reach[i]:
                kept[row, 0] = i
                kept[row, 1] = neighbour[i, t]
                kept[row, 2] = image[i, t]
                row += 1
    return kept


def bonds(
    crystal: Crystal, mode: str = "alignn", k: int = N_NEIGHBOURS
) -> tuple[np.ndarray, np.ndarray]:
    """Find the bonds of a crystal.

    Parameters
    ----------
    crystal
        A clean crystal: positive volume, no two atoms on one site.
    mode
        ``alignn`` or ``shell``, see the module's description.
    k
        Number of nearest neighbours.

    Returns
    -------
    pairs : [n_bonds, 2] int64
        Atom indices, the lower one first; an atom bonded to its own image appears with both
        that image and its opposite, as in alignn.
    vectors : [n_bonds, 3] float64
        Displacement from the first to the second atom in Å.
    """
    tolerance = SHELL_TOLERANCE[mode]
    fractional, cartesian, rounded = positions(crystal)
    radius = FIRST_RADIUS
    while True:
        images = images_within(crystal.lattice, fractional, radius)
        shifts = (
            images[:, 0:1] * crystal.lattice[0] + images[:, 1:2] * crystal.lattice[1]
        ) + images[:, 2:3] * crystal.lattice[2]
        found = _neighbours_within(cartesian, shifts, radius + 2 * tolerance)
        counts, distance = found[0], found[3]
        enough = counts.min() >= k
        # with a tolerance, the k-th must lie well inside the radius that was searched whole
        if enough and (tolerance == 0 or (_kth(counts, distance, k) <= radius).all()):
            break
        radius *= 1.4
    kept = _nearest_shells(*found, k, tolerance)
    return _canonical(kept[:, 0], kept[:, 1], images[kept[:, 2]], fractional, rounded)


@numba.njit(cache=True)
def _kth(counts, distance, k):
    """Give the distance of the k-th neighbour of each atom, [n_atoms] in Å."""
    result = np.empty(counts.shape[0])
    for i in range(counts.shape[0]):
        result[i] = np.partition(distance[i, : counts[i]], k - 1)[k - 1]
    return result


def _canonical(first, second, image, fractional, lattice):
    """Keep each bond once, from the lower to the higher atom index, in a fixed order."""
    swapped = second < first
    low, high = np.where(swapped, second, first), np.where(swapped, first, second)
    image = np.where(swapped[:, None], -image, image)
    rows = np.column_stack([low, high, image.astype(np.int64)])
    rows = rows[np.lexsort(rows.T[::-1])]
    if len(rows) > 1:
        rows = rows[np.concatenate([[True], (rows[1:] != rows[:-1]).any(axis=1)])]
    pairs, image = rows[:, :2], rows[:, 2:]
    # the order of operations of alignn.graphs.build_undirected_edgedata
    apart = (fractional[pairs[:, 1]] + image) - fractional[pairs[:, 0]]
    return pairs, np.dot(apart, lattice)

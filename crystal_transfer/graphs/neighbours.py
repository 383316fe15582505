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
    then has the symmetry of the crystal and does not depend on its orientation or on how skew
    its cell is.

In both modes a bond of an atom to its own image is there in both directions, as in alignn: a
supercell, in which the image is another atom, has it once. What is to be compared must be in cells
of one kind, see `datasets.cells`.

With ``-doubled`` behind the mode, a bond between two different atoms that both of them find is
there twice, as in alignn with `use_canonize=False`.
"""

import numba
import numpy as np

from crystal_transfer.datasets.crystals import Crystal
from crystal_transfer.datasets.geometry import (
    SAME_SITE,
    images_within,
    positions,
    rounded,
    searchable,
)
from crystal_transfer.protocols import BondRule, Neighbours

N_NEIGHBOURS = 12  # design of ALIGNN: Choudhary & DeCost, npj Comput. Mater. 7, 185 (2021)
SHELL_TOLERANCE = {Neighbours.ALIGNN: 0.0, Neighbours.SHELL: 1e-5}  # Å
# cells outside of which all atoms are moved into the cell: `alignn` keeps the numbers that its
# ties are decided with as far as alignn itself finds all neighbours
OUTSIDE = {Neighbours.ALIGNN: 3, Neighbours.SHELL: 1}
FIRST_RADIUS = 4.5  # Å; most crystals have 12 neighbours within; only speed depends on it
WIDER = 1.4  # the next radius: 2.7 times the volume; only speed depends on it


@numba.njit(cache=True, fastmath=False)
def _neighbours_within(
    cartesian: np.ndarray, shifts: np.ndarray, radius: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return (atom, neighbour, image, distance) of all pairs within `radius`, grouped by atom.

    The sums run in the order in which numpy runs them in jarvis-tools.
    """
    n_atoms = cartesian.shape[0]
    xs, ys, zs = cartesian[:, 0].copy(), cartesian[:, 1].copy(), cartesian[:, 2].copy()
    lowest = np.array([xs.min(), ys.min(), zs.min()]) - 1.0001 * radius
    highest = np.array([xs.max(), ys.max(), zs.max()]) + 1.0001 * radius
    counts = np.zeros(n_atoms, np.int64)
    capacity = 64
    neighbour = np.empty((n_atoms, capacity), np.int32)
    image = np.empty((n_atoms, capacity), np.int32)
    distance = np.empty((n_atoms, capacity), np.float64)
    squared = np.empty(n_atoms)
    limit = radius * radius * 1.0000001
    for m in range(shifts.shape[0]):
        for j in range(n_atoms):
            x = shifts[m, 0] + xs[j]
            y = shifts[m, 1] + ys[j]
            z = shifts[m, 2] + zs[j]
            if x < lowest[0] or y < lowest[1] or z < lowest[2]:
                continue
            if x > highest[0] or y > highest[1] or z > highest[2]:
                continue
            for i in range(n_atoms):
                dx, dy, dz = x - xs[i], y - ys[i], z - zs[i]
                squared[i] = (dx * dx + dy * dy) + dz * dz
            for i in range(n_atoms):
                if squared[i] > limit:
                    continue
                d = squared[i] ** 0.5
                if d <= radius and d > SAME_SITE:
                    if counts[i] == capacity:
                        neighbour = _twice_as_wide(neighbour)
                        image = _twice_as_wide(image)
                        distance = _twice_as_wide(distance)
                        capacity *= 2
                    neighbour[i, counts[i]] = j
                    image[i, counts[i]] = m
                    distance[i, counts[i]] = d
                    counts[i] += 1
    return counts, neighbour, image, distance


@numba.njit(cache=True)
def _twice_as_wide(array: np.ndarray) -> np.ndarray:
    wider = np.empty((array.shape[0], 2 * array.shape[1]), array.dtype)
    wider[:, : array.shape[1]] = array
    return wider


@numba.njit(cache=True)
def _displacements(images: np.ndarray, lattice: np.ndarray) -> np.ndarray:
    """Return where images of the cell lie in Å, [n_images, 3], summed as in jarvis-tools."""
    shifts = np.empty(images.shape)
    for m in range(images.shape[0]):
        for axis in range(3):
            shifts[m, axis] = (
                images[m, 0] * lattice[0, axis] + images[m, 1] * lattice[1, axis]
            ) + images[m, 2] * lattice[2, axis]
    return shifts


@numba.njit(cache=True)
def _nearest_shells(
    counts: np.ndarray,
    neighbour: np.ndarray,
    image: np.ndarray,
    distance: np.ndarray,
    k: int,
    tolerance: float,
) -> np.ndarray:
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


def bonds(crystal: Crystal, rule: str = "alignn") -> tuple[np.ndarray, np.ndarray]:
    """Find the bonds of a crystal.

    Parameters
    ----------
    crystal
        A clean crystal: positive volume, no two atoms on one site.
    rule
        See the module's description; a word of `protocols.BondRule`.

    Returns
    -------
    pairs : [n_bonds, 2] int64
        Atom indices, the lower one first; an atom bonded to its own image appears with both
        that image and its opposite, as in alignn.
    vectors : [n_bonds, 3] float64
        Displacement from the first to the second atom in Å.
    """
    how = BondRule(rule)
    tolerance = SHELL_TOLERANCE[how.neighbours]
    crystal = searchable(crystal, FIRST_RADIUS, OUTSIDE[how.neighbours])
    lattice = rounded(crystal.lattice) if how.neighbours is Neighbours.ALIGNN else crystal.lattice
    fractional, cartesian = positions(crystal, lattice)
    radius = FIRST_RADIUS
    while True:
        images = images_within(crystal.lattice, fractional, radius)
        shifts = _displacements(images, crystal.lattice)
        found = _neighbours_within(cartesian, shifts, radius + 2 * tolerance)
        counts, distance = found[0], found[3]
        enough = counts.min() >= N_NEIGHBOURS
        # with a tolerance, the k-th must lie well inside the radius that was searched whole
        if enough and (tolerance == 0 or (_kth(counts, distance, N_NEIGHBOURS) <= radius).all()):
            break
        radius *= WIDER
    kept = _nearest_shells(*found, N_NEIGHBOURS, tolerance)
    codes = _codes(kept, images)
    pairs, image = _decoded(codes if how.doubled else np.unique(codes))
    # the order of operations of alignn.graphs.build_undirected_edgedata
    apart = (fractional[pairs[:, 1]] + image) - fractional[pairs[:, 0]]
    return pairs, np.dot(apart, lattice)


@numba.njit(cache=True)
def _kth(counts: np.ndarray, distance: np.ndarray, k: int) -> np.ndarray:
    """Return the distance of the k-th neighbour of each atom, [n_atoms] in Å."""
    result = np.empty(counts.shape[0])
    for i in range(counts.shape[0]):
        result[i] = np.partition(distance[i, : counts[i]], k - 1)[k - 1]
    return result


@numba.njit(cache=True)
def _codes(kept: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Write each bond as one number, from the lower to the higher atom index, sorted, [n] int64.

    15 bits for each atom, 11 for each component of its image. A bond that both of its atoms find is
    there twice.
    """
    codes = np.empty(kept.shape[0], np.int64)
    for row in range(kept.shape[0]):
        low, high, sign = kept[row, 0], kept[row, 1], 1
        if high < low:
            low, high, sign = high, low, -1
        code = (low << 15) | high
        for axis in range(3):
            shift = sign * images[kept[row, 2], axis]
            if low >= 1 << 15 or high >= 1 << 15 or abs(shift) >= 1 << 10:
                raise ValueError("a cell of more than 32,767 atoms, or far too thin for its bonds")
            code = (code << 11) | (shift + (1 << 10))
        codes[row] = code
    codes.sort()
    return codes


@numba.njit(cache=True)
def _decoded(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Read bonds from their numbers: pairs of atoms [n, 2] and images [n, 3]."""
    pairs = np.empty((codes.shape[0], 2), np.int64)
    image = np.empty((codes.shape[0], 3), np.int64)
    for row in range(codes.shape[0]):
        code = codes[row]
        for axis in range(2, -1, -1):
            image[row, axis] = (code & ((1 << 11) - 1)) - (1 << 10)
            code >>= 11
        pairs[row, 1] = code & ((1 << 15) - 1)
        pairs[row, 0] = code >> 15
    return pairs, image

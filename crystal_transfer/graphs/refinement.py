"""Classes of equivalent atoms and bonds: the coarsest equitable partition of a crystal graph.

Colour refinement (the 1-dimensional Weisfeiler-Leman algorithm) of the crystal graph together
with its line graph. Atoms start with their element as colour, directed bonds with their length;
in every round each colour is replaced by a hash of itself and of the multiset of colours around
it, in the order in which ALIGNN passes messages, until no class splits any more. All members of
a class then receive equal messages in every layer, so a model needs to compute one of them (idea
for graph networks: Bollen et al., arXiv 2304.14793).

Lengths and angles count as equal within a tolerance, since published coordinates are rounded.
"""

import numba
import numpy as np

# Loose enough for coordinates published with six decimals; a model cannot tell closer values
# apart beyond its own round-off (docs/performance.md).
LENGTH_TOLERANCE = 2e-5  # Å
COSINE_TOLERANCE = 2e-5
MAX_CLUSTER_WIDTH = 4  # tolerances; keeps dense values from chaining into one cluster
MAX_ROUNDS = 100

_A = np.uint64(0x9E3779B97F4A7C15)  # odd constants of splitmix64, Steele et al. 2014
_B = np.uint64(0xBF58476D1CE4E5B9)
_C = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31 = np.uint64(30), np.uint64(27), np.uint64(31)


@numba.njit(cache=True, inline="always")
def _mix(x):
    """Hash 64 bits to 64 bits (the finaliser of splitmix64)."""
    x = (x ^ (x >> _S30)) * _B
    x = (x ^ (x >> _S27)) * _C
    return x ^ (x >> _S31)


@numba.njit(cache=True)
def cluster(values, tolerance):
    """Label clusters of nearly equal values, [n]; a gap above `tolerance` starts a new one."""
    order = np.argsort(values)
    labels = np.empty(values.shape[0], np.int64)
    label = 0
    start = previous = values[order[0]] if values.shape[0] else 0.0
    for position in order:
        value = values[position]
        if value - previous > tolerance or value - start > MAX_CLUSTER_WIDTH * tolerance:
            label += 1
            start = value
        labels[position] = label
        previous = value
    return labels


@numba.njit(cache=True)
def _angle_labels(vectors, lengths, first, out, base):
    """Label the angle between every two bonds that leave one atom; see `base` for the layout."""
    n_atoms = first.shape[0] - 1
    half = 0
    for s in range(n_atoms):
        degree = first[s + 1] - first[s]
        half += degree * (degree - 1) // 2
    cosines = np.empty(half)
    position = 0
    for s in range(n_atoms):
        for i in range(first[s], first[s + 1]):
            for j in range(i + 1, first[s + 1]):
                e, f = out[i], out[j]
                dot = (
                    vectors[e, 0] * vectors[f, 0]
                    + vectors[e, 1] * vectors[f, 1]
                    + vectors[e, 2] * vectors[f, 2]
                )
                cosines[position] = dot / (lengths[e] * lengths[f])
                position += 1
    found = cluster(cosines, COSINE_TOLERANCE)
    labels = np.empty(base[n_atoms], np.int64)
    position = 0
    for s in range(n_atoms):
        degree = first[s + 1] - first[s]
        for i in range(degree):
            labels[base[s] + i * degree + i] = -1
            for j in range(i + 1, degree):
                labels[base[s] + i * degree + j] = found[position]
                labels[base[s] + j * degree + i] = found[position]
                position += 1
    return labels


@numba.njit(cache=True)
def _dense(colours):
    """Label colours by first occurrence, [n] int64, and count them."""
    seen = {colours[0]: 0}
    result = np.empty(colours.shape[0], np.int64)
    for i in range(colours.shape[0]):
        colour = colours[i]
        if colour not in seen:
            seen[colour] = len(seen)
        result[i] = seen[colour]
    return result, len(seen)


@numba.njit(cache=True)
def outgoing(source, n_atoms):
    """Sort directed bonds by first atom: where each atom's begin [n_atoms + 1], their order."""
    first = np.zeros(n_atoms + 1, np.int64)
    for e in range(source.shape[0]):
        first[source[e] + 1] += 1
    for s in range(n_atoms):
        first[s + 1] += first[s]
    cursor = first[:-1].copy()
    out = np.empty(source.shape[0], np.int64)
    for e in range(source.shape[0]):
        out[cursor[source[e]]] = e
        cursor[source[e]] += 1
    return first, out


@numba.njit(cache=True)
def equivalence_classes(numbers, source, vectors, first, out):
    """Partition atoms and directed bonds into classes that ALIGNN cannot tell apart.

    Parameters
    ----------
    numbers
        Atomic numbers, [n_atoms].
    source
        First atom of each directed bond, [n_edges]; bonds 2i and 2i + 1 are each other's reverse.
    vectors
        Displacements along the directed bonds in Å, [n_edges, 3].
    first, out
        The bonds sorted by first atom, from `outgoing`.

    Returns
    -------
    atom_class : [n_atoms] int64
        Class of each atom, numbered by first occurrence.
    edge_class : [n_edges] int64
        Class of each directed bond. Bonds of one class have reverses of one class.
    """
    n_atoms, n_edges = numbers.shape[0], source.shape[0]
    lengths = np.empty(n_edges)
    for e in range(n_edges):
        lengths[e] = np.sqrt(vectors[e, 0] ** 2 + vectors[e, 1] ** 2 + vectors[e, 2] ** 2)
    base = np.zeros(n_atoms + 1, np.int64)
    for s in range(n_atoms):
        base[s + 1] = base[s] + (first[s + 1] - first[s]) ** 2
    angle = _angle_labels(vectors, lengths, first, out, base)
    length = cluster(lengths, LENGTH_TOLERANCE)

    atoms = np.empty(n_atoms, np.uint64)
    edges = np.empty(n_edges, np.uint64)
    for s in range(n_atoms):
        atoms[s] = _mix(np.uint64(numbers[s]) + _A)
    for e in range(n_edges):
        edges[e] = _mix(np.uint64(length[e]) + _B)
    messages = np.empty(n_edges, np.uint64)
    next_atoms, next_edges = np.empty_like(atoms), np.empty_like(edges)
    counts = (0, 0)
    for _ in range(MAX_ROUNDS):
        for e in range(n_edges):
            target = source[e ^ 1]
            messages[e] = _mix(
                edges[e] * _A + _mix(atoms[source[e]] * _B + _A) + _mix(atoms[target] * _C + _B)
            )
        for s in range(n_atoms):
            total = np.uint64(0)
            for i in range(first[s], first[s + 1]):
                total += _mix(messages[out[i] ^ 1] + _A)
            next_atoms[s] = _mix(atoms[s] * _A + total)
        for s in range(n_atoms):
            degree = first[s + 1] - first[s]
            for i in range(degree):
                b = out[first[s] + i]
                total = np.uint64(0)
                for j in range(degree):
                    a = out[first[s] + j] ^ 1
                    if a != b:
                        label = np.uint64(angle[base[s] + i * degree + j] + 2)
                        total += _mix(_mix(label * _C + _A) + messages[a] * _B)
                # the reverse keeps classes of bonds and of their reverses in step
                next_edges[b] = _mix(messages[b] * _A + total + _mix(messages[b ^ 1] + _C))
        atoms, next_atoms = next_atoms, atoms
        edges, next_edges = next_edges, edges
        atom_class, n_atom_classes = _dense(atoms)
        edge_class, n_edge_classes = _dense(edges)
        if counts == (n_atom_classes, n_edge_classes):
            return atom_class, edge_class
        counts = (n_atom_classes, n_edge_classes)
    # not stable, in cells of hundreds of layers: classes that are too coarse would lose bonds
    return np.arange(n_atoms), np.arange(n_edges)

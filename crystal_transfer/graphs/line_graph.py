"""Expand stored arcs to the graph and line graph that a model computes on.

In the line graph the directed bonds are the nodes, and every pair of bonds a = (i -> j),
b = (j -> k) is an edge a -> b with the cosine of the angle at j, except a bond with itself
(`dgl.line_graph(backtracking=True)`).
"""

from dataclasses import dataclass

import numpy as np

from crystal_transfer.graphs.store import GraphStore

SAME_ANGLE = 1e-5  # cosines closer than this count as one when equivalent bond pairs are merged


@dataclass(frozen=True)
class Graphs:
    """Graphs of several crystals, one after the other; indices are local to the crystal.

    Edges and triplets are sorted by their destination. A multiplicity says how many edges of
    a class enter each atom of the destination class (for triplets: each bond), so that sums
    over neighbours come out as in the full graph.

    Attributes
    ----------
    species : [n_atoms] int32
        Atomic numbers.
    atom_weight : [n_atoms] float32
        Number of atoms that each stands for.
    source, target : [n_edges] int32
        Atoms of each directed bond.
    distance : [n_edges] float32
        Bond length in Å.
    multiplicity : [n_edges] float32
        Equal bonds that enter one target atom.
    before, after : [n_triplets] int32
        Bonds of each pair a -> b.
    cosine : [n_triplets] float32
        Cosine of the angle between them.
    pair_multiplicity : [n_triplets] float32
        Equal pairs that enter one bond `after`.
    atom_counts, edge_counts, triplet_counts : [n_crystals] int64
        Sizes of the crystals.
    """

    species: np.ndarray
    atom_weight: np.ndarray
    source: np.ndarray
    target: np.ndarray
    distance: np.ndarray
    multiplicity: np.ndarray
    before: np.ndarray
    after: np.ndarray
    cosine: np.ndarray
    pair_multiplicity: np.ndarray
    atom_counts: np.ndarray
    edge_counts: np.ndarray
    triplet_counts: np.ndarray


def ranges(starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Concatenate the ranges start, start + 1, ... of the given lengths, [counts.sum()]."""
    ends = np.cumsum(counts)
    return np.arange(ends[-1] if len(ends) else 0) + np.repeat(starts - (ends - counts), counts)


def expand(store: GraphStore, crystals: np.ndarray) -> Graphs:
    """Expand the graphs of the given crystals.

    Parameters
    ----------
    store
        The open store.
    crystals
        Positions in the store, [n_crystals].
    """
    atom_starts, arc_starts = store.atom_offsets[crystals], store.arc_offsets[crystals]
    atom_counts = store.atom_offsets[crystals + 1] - atom_starts
    arc_counts = store.arc_offsets[crystals + 1] - arc_starts
    edge_counts = store.edge_counts[crystals].astype(np.int64)
    atoms, arcs = ranges(atom_starts, atom_counts), ranges(arc_starts, arc_counts)

    weights = store.weights[atoms].astype(np.int64)
    degrees = store.degrees[atoms].astype(np.int64)
    first_arc = np.cumsum(degrees) - degrees
    owner = np.repeat(np.arange(len(atoms)), degrees)
    vectors = store.vectors[arcs]
    edge_starts = np.cumsum(edge_counts) - edge_counts
    shift = np.repeat(edge_starts, arc_counts)
    forward = store.forward[arcs].astype(np.int64) + shift
    backward = store.backward[arcs].astype(np.int64) + shift

    n_edges = int(edge_counts.sum())
    representative = np.empty(n_edges, dtype=np.int64)
    representative[forward[::-1]] = np.arange(len(arcs))[::-1]
    source = owner[representative]
    target = source[backward[representative]]
    leaving = np.bincount(forward, minlength=n_edges)  # per source atom
    entering = leaving * weights[source] // weights[target]  # per target atom

    order = np.argsort(target, kind="stable")
    rank = np.empty(n_edges, dtype=np.int64)
    rank[order] = np.arange(n_edges)

    lengths = np.linalg.norm(vectors, axis=1)
    before, after, cosine = _bond_pairs(
        representative[order], owner, first_arc, degrees, rank[backward], vectors, lengths,
        _partners(store, arcs),
    )  # fmt: skip
    if bool(store.compressed):
        before, after, cosine, pair_multiplicity = _merge_equal(before, after, cosine, n_edges)
    else:
        pair_multiplicity = np.ones(len(after), dtype=np.float32)

    edge_crystal = np.repeat(np.arange(len(crystals)), edge_counts)
    atom_starts_local = np.cumsum(atom_counts) - atom_counts
    return Graphs(
        species=store.species[atoms].astype(np.int32),
        atom_weight=weights.astype(np.float32),
        source=(source[order] - atom_starts_local[edge_crystal]).astype(np.int32),
        target=(target[order] - atom_starts_local[edge_crystal]).astype(np.int32),
        distance=lengths[representative[order]],
        multiplicity=entering[order].astype(np.float32),
        before=(before - edge_starts[edge_crystal[after]]).astype(np.int32),
        after=(after - edge_starts[edge_crystal[after]]).astype(np.int32),
        cosine=cosine,
        pair_multiplicity=pair_multiplicity,
        atom_counts=atom_counts,
        edge_counts=edge_counts,
        triplet_counts=np.bincount(edge_crystal[after], minlength=len(crystals)),
    )


def _partners(store: GraphStore, arcs: np.ndarray) -> np.ndarray:
    """Give the place of each arc's reverse, where it leaves the same atom, else -1, [n_arcs]."""
    if len(store.loops) == 0:
        return np.full(len(arcs), -1)
    place = np.minimum(np.searchsorted(store.loops, arcs), len(store.loops) - 1)
    return np.where(store.loops[place] == arcs, store.partner[place].astype(np.int64), -1)


def _bond_pairs(chosen, owner, first_arc, degrees, entering, vectors, lengths, partner):
    """Pair each chosen arc b with all bonds that enter the atom it leaves, sorted by b.

    The bonds that enter an atom are the reverses of the arcs that leave it.
    """
    atom = owner[chosen]
    degree = degrees[atom]
    after = np.repeat(np.arange(len(chosen)), degree)
    leaving = ranges(first_arc[atom], degree)
    reverse_of_itself = np.where(partner[chosen] >= 0, first_arc[atom] + partner[chosen], -1)
    keep = leaving != reverse_of_itself[after]
    after, leaving = after[keep], leaving[keep]
    arc = chosen[after]
    dots = np.einsum("ij,ij->i", vectors[leaving], vectors[arc])
    cosine = np.clip(dots / (lengths[leaving] * lengths[arc]), -1, 1).astype(np.float32)
    return entering[leaving], after, cosine


def _merge_equal(before, after, cosine, n_edges):
    """Join pairs of the same two classes at the same angle; count how many there were."""
    n_angles = int(2 / SAME_ANGLE) + 2
    angle = np.rint((cosine.astype(np.float64) + 1) / SAME_ANGLE).astype(np.int64)
    lowest = np.minimum.reduceat(before, np.flatnonzero(np.r_[True, after[1:] != after[:-1]]))
    local = before - np.repeat(lowest, np.bincount(after)[np.unique(after)])
    span = int(local.max(initial=0)) + 1
    key = (after * span + local) * n_angles + angle
    _, kept, counts = np.unique(key, return_index=True, return_counts=True)
    return before[kept], after[kept], cosine[kept], counts.astype(np.float32)

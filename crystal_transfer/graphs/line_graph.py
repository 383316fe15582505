"""Expand stored arcs to the graph and line graph that a model computes on, on its device.

In the line graph the directed bonds are the nodes, and every pair of bonds a = (i -> j),
b = (j -> k) is an edge a -> b with the cosine of the angle at j, except a bond with itself
(`dgl.line_graph(backtracking=True)`).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

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
        Sizes of the crystals; on the CPU, whatever the device, which need not be asked for them.
    weighted
        Whether weights and multiplicities differ from 1.
    """

    species: Tensor
    atom_weight: Tensor
    source: Tensor
    target: Tensor
    distance: Tensor
    multiplicity: Tensor
    before: Tensor
    after: Tensor
    cosine: Tensor
    pair_multiplicity: Tensor
    atom_counts: Tensor
    edge_counts: Tensor
    triplet_counts: Tensor
    weighted: bool

    def __len__(self) -> int:
        return len(self.atom_counts)

    @cached_property
    def counts(self) -> Tensor:
        """Atoms, edges and triplets of each crystal, [3, n_crystals], on the CPU."""
        return torch.stack([self.atom_counts, self.edge_counts, self.triplet_counts])

    @cached_property
    def starts(self) -> Tensor:
        """Where those of each crystal begin, [3, n_crystals], on the CPU."""
        return _starts(self.counts)


def ranges(starts: Tensor, counts: Tensor) -> Tensor:
    """Concatenate the ranges start, start + 1, ... of the given lengths, [counts.sum()]."""
    shift = torch.repeat_interleave(starts - _starts(counts), counts)
    return torch.arange(len(shift), device=starts.device) + shift


def expand(store: GraphStore, crystals: np.ndarray, device: str | torch.device = "cpu") -> Graphs:
    """Expand the graphs of the given crystals.

    Parameters
    ----------
    store
        The open store.
    crystals
        Positions in the store, [n_crystals].
    device
        Where to expand them, and where they shall live.
    """
    atom_starts = torch.from_numpy(store.atom_offsets[crystals])
    arc_starts = torch.from_numpy(store.arc_offsets[crystals])
    atom_counts = torch.from_numpy(store.atom_offsets[crystals + 1]) - atom_starts
    arc_counts = torch.from_numpy(store.arc_offsets[crystals + 1]) - arc_starts
    edge_counts = torch.from_numpy(store.edge_counts[crystals].astype(np.int64))
    atoms, arcs = ranges(atom_starts, atom_counts).numpy(), ranges(arc_starts, arc_counts).numpy()
    n_edges, edge_starts = int(edge_counts.sum()), _starts(edge_counts)

    def moved(values: np.ndarray, dtype: type) -> Tensor:
        return torch.from_numpy(values.astype(dtype)).to(device)

    weights = moved(store.weights[atoms], np.int64)
    degrees = moved(store.degrees[atoms], np.int64)
    vectors = moved(store.vectors[arcs], np.float32)
    shift = torch.repeat_interleave(edge_starts, arc_counts).to(device)
    forward = moved(store.forward[arcs], np.int64) + shift
    backward = moved(store.backward[arcs], np.int64) + shift
    partner = moved(_partners(store, arcs), np.int64)

    first_arc, all_arcs = _starts(degrees), torch.arange(len(arcs), device=device)
    owner = torch.repeat_interleave(torch.arange(len(atoms), device=device), degrees)
    representative = _lowest(all_arcs, forward, n_edges)
    source = owner[representative]
    target = source[backward[representative]]
    leaving = torch.bincount(forward, minlength=n_edges)  # per source atom
    entering = leaving * weights[source] // weights[target]  # per target atom

    order = torch.argsort(target, stable=True)
    rank = torch.empty_like(order)
    rank[order] = torch.arange(n_edges, device=device)

    lengths = torch.linalg.vector_norm(vectors, dim=1)
    before, after, cosine = _bond_pairs(
        representative[order], owner, first_arc, degrees, rank[backward], vectors, lengths, partner
    )
    pair_multiplicity = torch.ones_like(cosine)
    if bool(store.compressed):
        before, after, cosine, pair_multiplicity = _merge_equal(before, after, cosine, n_edges)

    crystal = torch.repeat_interleave(torch.arange(len(crystals)), edge_counts).to(device)
    atom_shift, edge_shift = _starts(atom_counts).to(device)[crystal], edge_starts.to(device)
    edge_shift = edge_shift[crystal][after]
    return Graphs(
        species=moved(store.species[atoms], np.int32),
        atom_weight=weights.float(),
        source=(source[order] - atom_shift).int(),
        target=(target[order] - atom_shift).int(),
        distance=lengths[representative[order]],
        multiplicity=entering[order].float(),
        before=(before - edge_shift).int(),
        after=(after - edge_shift).int(),
        cosine=cosine,
        pair_multiplicity=pair_multiplicity,
        atom_counts=atom_counts,
        edge_counts=edge_counts,
        triplet_counts=torch.bincount(crystal[after], minlength=len(crystals)).cpu(),
        weighted=bool(store.compressed),
    )


def _starts(counts: Tensor) -> Tensor:
    return counts.cumsum(-1) - counts


def _lowest(values: Tensor, groups: Tensor, n_groups: int) -> Tensor:
    """Return the lowest value of each group, [n_groups]."""
    lowest = values.new_full((n_groups,), torch.iinfo(values.dtype).max)
    return lowest.scatter_reduce_(0, groups, values, "amin")


def _partners(store: GraphStore, arcs: np.ndarray) -> np.ndarray:
    """Read the position of each arc's reverse among the arcs of the same atom, [n_arcs].

    It is -1 where the reverse leaves another atom.
    """
    if len(store.loops) == 0:
        return np.full(len(arcs), -1)
    entry = np.minimum(np.searchsorted(store.loops, arcs), len(store.loops) - 1)
    return np.where(store.loops[entry] == arcs, store.partner[entry].astype(np.int64), -1)


def _bond_pairs(
    chosen: Tensor,
    owner: Tensor,
    first_arc: Tensor,
    degrees: Tensor,
    entering: Tensor,
    vectors: Tensor,
    lengths: Tensor,
    partner: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """Pair each chosen arc b with all bonds that enter the atom it leaves, sorted by b.

    The bonds that enter an atom are the reverses of the arcs that leave it.
    """
    atom = owner[chosen]
    degree = degrees[atom]
    after = torch.repeat_interleave(torch.arange(len(chosen), device=chosen.device), degree)
    leaving = ranges(first_arc[atom], degree)
    reverse_of_itself = torch.where(partner[chosen] >= 0, first_arc[atom] + partner[chosen], -1)
    keep = leaving != reverse_of_itself[after]
    after, leaving = after[keep], leaving[keep]
    arc = chosen[after]
    dots = (vectors[leaving] * vectors[arc]).sum(1)
    cosine = (dots / (lengths[leaving] * lengths[arc])).clamp(-1, 1)
    return entering[leaving], after, cosine


def _merge_equal(
    before: Tensor, after: Tensor, cosine: Tensor, n_edges: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Merge pairs of the same two bond classes at the same angle, and count those merged."""
    n_angles = int(2 / SAME_ANGLE) + 2
    angle = ((cosine.double() + 1) / SAME_ANGLE).round().long()
    local = before - _lowest(before, after, n_edges)[after]
    span = int(local.max()) + 1 if len(local) else 1
    key, order = torch.sort((after * span + local) * n_angles + angle, stable=True)
    begins = torch.ones_like(key, dtype=torch.bool)
    begins[1:] = key[1:] != key[:-1]
    first = begins.nonzero().squeeze(1)
    counts = torch.diff(first, append=first.new_tensor([len(key)]))
    kept = order[first]
    return before[kept], after[kept], cosine[kept], counts.float()

"""Batches of a few fixed sizes, filled up with ghosts, so that a GPU can replay a whole step.

Ghost atoms, bonds and bond pairs are joined among themselves only and weigh nothing: means,
statistics of norms, outputs and gradients are those of the batch without them.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from crystal_transfer.graphs.batches import Adjacency, Batch, Distinct, pointers
from crystal_transfer.graphs.line_graph import Graphs

GROWTH = 1.25  # from one size to the next
MULTIPLE = 16  # sizes are multiples of it, for aligned access


class Sizes(NamedTuple):
    """Rows of a batch."""

    atoms: int
    edges: int
    triplets: int


def sizes_for(graphs: Graphs, members: Tensor) -> Sizes:
    """Return the smallest of the fixed sizes that holds these crystals and a ghost of each kind.

    Sizes are those of an average batch, times a power of `GROWTH`: all batches of a training
    share a few.

    Parameters
    ----------
    graphs
        The graphs that batches are drawn from.
    members
        Which crystals, [n_crystals] int64 on the CPU.
    """
    average = graphs.mean_counts.clamp(min=1) * len(members)
    needed = graphs.counts[:, members].sum(1) + 1
    level = math.ceil(math.log(float((needed / average).max())) / math.log(GROWTH))
    size = average * GROWTH**level
    return Sizes(*(MULTIPLE * math.ceil(rows / MULTIPLE) for rows in size.tolist()))


def pad(batch: Batch, sizes: Sizes) -> Batch:
    """Fill a batch up to the given sizes.

    Parameters
    ----------
    batch
        Smaller in all three sizes. Where it has no weights, it gets them.
    sizes
        Rows of the result, in which every scalar counts as a distinct one.
    """
    n_atoms, n_edges = len(batch.bonds.first) - 1, len(batch.bonds.source)
    bonds = _pad_adjacency(batch.bonds, sizes.atoms, sizes.edges)
    pairs = _pad_adjacency(batch.pairs, sizes.edges, sizes.triplets)
    assert n_atoms < sizes.atoms and n_edges < sizes.edges, "no room for ghosts"
    return Batch(
        species=_pad_scalars(batch.species, bonds.node_weight),
        distance=_pad_scalars(batch.distance, bonds.edge_weight),
        cosine=_pad_scalars(batch.cosine, pairs.edge_weight),
        bonds=bonds,
        pairs=pairs,
        mean_over_atoms=torch.nn.functional.pad(batch.mean_over_atoms, (0, sizes.atoms - n_atoms)),
    )


def _pad_adjacency(graph: Adjacency, n_nodes: int, n_edges: int) -> Adjacency:
    n_real, more = len(graph.first) - 1, n_edges - len(graph.source)
    # evenly over the ghosts: a kernel walks through the edges of a node one after the other
    ghosts = torch.arange(more, device=graph.source.device) * (n_nodes - n_real)
    ghosts = (ghosts // max(more, 1) + n_real).int()
    target = torch.cat([graph.target, ghosts])
    return Adjacency(
        source=torch.cat([graph.source, ghosts]),
        target=target,
        first=pointers(target, n_nodes),
        multiplicity=_filled(graph.multiplicity, len(graph.source), n_edges, 1.0, target),
        node_weight=_filled(graph.node_weight, n_real, n_nodes, 0.0, target),
        edge_weight=_filled(graph.edge_weight, len(graph.source), n_edges, 0.0, target),
    )


def _filled(weight: Tensor | None, n: int, n_wanted: int, value: float, like: Tensor) -> Tensor:
    """Append a value to n weights until there are n_wanted; None stands for n ones."""
    weight = torch.ones(n, 1, device=like.device) if weight is None else weight
    return torch.cat([weight, weight.new_full((n_wanted - n, 1), value)])


def _pad_scalars(scalars: Distinct, weight: Tensor | None) -> Distinct:
    assert weight is not None, "padded graphs have weights"
    values = scalars.spread(scalars.values)
    return Distinct(torch.cat([values, values.new_zeros(len(weight) - len(values))]), weight, None)

"""Batches of a few planned sizes, filled up with ghosts, so that a GPU can replay a whole step.

Ghost atoms, bonds and bond pairs are joined among themselves only and weigh nothing: means,
statistics of norms, outputs and gradients are those of the batch without them.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from crystal_transfer.graphs.batches import Adjacency, Batch, Distinct, pointers

BUCKETS = 8  # sizes of a training: each is recorded once
CANDIDATES = 256  # places to divide at
MULTIPLE = 16  # sizes are multiples of it, for aligned access


class PaddedSize(NamedTuple):
    """Rows of a batch."""

    atoms: int
    edges: int
    triplets: int


def plan_sizes(totals: np.ndarray, most: int = BUCKETS) -> list[PaddedSize]:
    """Divide the batches of a training into a few sizes, ascending.

    Batches are sorted by their bond pairs, which take the time, and divided where padding adds the
    fewest pairs in all; each share has the size of its largest batch, with room for a ghost of each
    kind. Atoms and bonds never become fewer from one size to the next, so that the first that holds
    a batch is the smallest.

    Parameters
    ----------
    totals
        Atoms, edges and triplets of every batch, [n_batches, 3].
    most
        Number of sizes.
    """
    ordered = totals[np.argsort(totals[:, 2], kind="stable")]
    shares = np.split(ordered, cheapest_ends(ordered[:, 2], most)[:-1])
    largest = np.maximum.accumulate([share.max(axis=0) for share in shares])
    rounded = MULTIPLE * (largest // MULTIPLE + 1)
    return [PaddedSize(*rows) for rows in dict.fromkeys(map(tuple, rounded.tolist()))]


def cheapest_ends(rows: np.ndarray, most: int) -> list[int]:
    """Divide sorted numbers into shares so that the sum of each share's largest is the least.

    Parameters
    ----------
    rows
        Rows of each batch, ascending, [n_batches].
    most
        Number of shares.

    Returns
    -------
    Where each share ends, ascending; the last is n_batches. Of many batches only `CANDIDATES`
    places, evenly among them, are looked at.
    """
    ends = np.unique(np.linspace(0, len(rows), min(len(rows), CANDIDATES) + 1).round().astype(int))
    largest = np.append(0, rows[ends[1:] - 1])
    # of the share from one end to a later one, by dynamic programming over the number of shares
    cost = np.subtract.outer(-ends, -ends) * largest.astype(float)
    cost[np.tri(len(ends), dtype=bool)] = np.inf
    least, best_start = cost[0], []
    for _ in range(min(most, len(ends) - 1) - 1):
        total = least[:, None] + cost
        best_start.append(total.argmin(0))
        least = total.min(0)
    found = [len(ends) - 1]
    for start in reversed(best_start):
        found.append(int(start[found[-1]]))
    return [int(end) for end in ends[found[::-1]]]


def size_for(totals: tuple[int, int, int], sizes: Sequence[PaddedSize]) -> PaddedSize:
    """Return the first of the sizes that holds a batch and a ghost of each kind."""
    for size in sizes:
        if all(rows < limit for rows, limit in zip(totals, size, strict=True)):
            return size
    raise ValueError(f"no planned size holds a batch of {totals}; was it planned?")


def pad(batch: Batch, sizes: PaddedSize) -> Batch:
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

"""Batches: graphs of several crystals as one, assembled on the device by indexing only.

On a GPU nothing makes the host wait for it.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from crystal_transfer.graphs.line_graph import Graphs, expand
from crystal_transfer.graphs.store import GraphStore

CHUNK = 512  # crystals expanded at once: bounds the memory of the expansion


@dataclass(frozen=True)
class Adjacency:
    """A directed graph with multiplicities, its edges sorted by target.

    Attributes
    ----------
    source, target : [n_edges] int32
        Nodes of each edge.
    first : [n_nodes + 1] int32
        Edges first[i] to first[i + 1] - 1 enter node i.
    multiplicity : [n_edges, 1] or None
        How many equal edges enter the target; None where all are 1.
    node_weight, edge_weight : [n, 1] or None
        How many nodes and edges of the full graph each stands for; None where all are 1.
    """

    source: Tensor
    target: Tensor
    first: Tensor
    multiplicity: Tensor | None
    node_weight: Tensor | None
    edge_weight: Tensor | None

    def tensors(self) -> list[Tensor | None]:
        """List its tensors in a fixed order; None for those it does not have."""
        return [
            self.source, self.target, self.first, self.multiplicity, self.node_weight,
            self.edge_weight,
        ]  # fmt: skip

    def fresh(self) -> "Adjacency":
        """Return the same graph without what has been derived from it."""
        return Adjacency(
            self.source, self.target, self.first, self.multiplicity, self.node_weight,
            self.edge_weight,
        )  # fmt: skip

    @cached_property
    def n_full_nodes(self) -> float:
        """Nodes of the full graph."""
        return len(self.first) - 1 if self.node_weight is None else float(self.node_weight.sum())

    @cached_property
    def n_full_edges(self) -> float:
        """Edges of the full graph."""
        return len(self.source) if self.edge_weight is None else float(self.edge_weight.sum())

    @cached_property
    def into(self) -> Tensor:
        """Matrix that sums edges into targets by multiplicity, [n_nodes, n_edges] CSR."""
        if self.multiplicity is None:
            return self.into_once
        return self._matrix(self.first, self._in_order(), self.multiplicity.squeeze(1))

    @cached_property
    def into_once(self) -> Tensor:
        """The same with every stored edge counted once."""
        return self._matrix(self.first, self._in_order())

    @cached_property
    def out_of(self) -> Tensor:
        """Matrix that sums stored edges into sources, [n_nodes, n_edges] CSR."""
        return self._matrix(self.leaving, self.by_source)

    @cached_property
    def by_source(self) -> Tensor:
        """Edges in the order of their sources, [n_edges] int32."""
        return torch.argsort(self.source, stable=True).int()

    @cached_property
    def leaving(self) -> Tensor:
        """Where the edges of each source begin in that order, [n_nodes + 1] int32."""
        return pointers(self.source[self.by_source], len(self.first) - 1)

    def _in_order(self) -> Tensor:
        return torch.arange(len(self.source), device=self.source.device)

    def _matrix(self, pointers: Tensor, columns: Tensor, values: Tensor | None = None) -> Tensor:
        values = torch.ones(len(columns), device=columns.device) if values is None else values
        return _csr(pointers, columns, values, (len(self.first) - 1, len(columns)))


@dataclass(frozen=True)
class Distinct:
    """Scalars of which many are equal: each distinct value once.

    Attributes
    ----------
    values : [n_values]
        The distinct values.
    weight : [n_values, 1] or None
        How many scalars of the full graph have the value; None where it is one.
    place : [n] int32 or None
        Which value each scalar has; None where each counts as distinct.
    """

    values: Tensor
    weight: Tensor | None
    place: Tensor | None

    def tensors(self) -> list[Tensor | None]:
        """List its tensors in a fixed order; None for those it does not have."""
        return [self.values, self.weight, self.place]

    def spread(self, rows: Tensor) -> Tensor:
        """Return, for each scalar, the row of its distinct value."""
        return rows if self.place is None else rows.index_select(0, self.place)


@dataclass(frozen=True)
class Batch:
    """Crystals that pass through the model together.

    Attributes
    ----------
    species : Distinct
        Atomic number of each atom.
    distance : Distinct
        Length of each bond in Å.
    cosine : Distinct
        Cosine of the angle of each bond pair.
    bonds : Adjacency
        Atoms joined by bonds.
    pairs : Adjacency
        The line graph: bonds joined by bond pairs.
    mean_over_atoms : [n_crystals, n_atoms]
        Mean over the atoms of each crystal.
    """

    species: Distinct
    distance: Distinct
    cosine: Distinct
    bonds: Adjacency
    pairs: Adjacency
    mean_over_atoms: Tensor

    def tensors(self) -> list[Tensor | None]:
        """List its tensors in a fixed order; None for those it does not have."""
        return [
            *self.species.tensors(), *self.distance.tensors(), *self.cosine.tensors(),
            *self.bonds.tensors(), *self.pairs.tensors(), self.mean_over_atoms,
        ]  # fmt: skip

    def fresh(self) -> "Batch":
        """Return the same batch without what has been derived from it."""
        return Batch(
            self.species, self.distance, self.cosine, self.bonds.fresh(), self.pairs.fresh(),
            self.mean_over_atoms,
        )  # fmt: skip


def load_graphs(
    store: GraphStore, crystals: np.ndarray, device: str | torch.device = "cpu"
) -> Graphs:
    """Expand the graphs of the given crystals on the device, and keep them there.

    Parameters
    ----------
    store
        The open graph store.
    crystals
        Positions in the store, [n_crystals]; crystal i of the result is crystals[i].
    device
        Where the tensors are kept.
    """
    starts = range(0, max(len(crystals), 1), CHUNK)
    parts = [expand(store, crystals[start : start + CHUNK], device) for start in starts]
    names = [field.name for field in fields(Graphs) if field.name != "weighted"]
    joined = {name: torch.cat([getattr(part, name) for part in parts]) for name in names}
    return Graphs(**joined, weighted=parts[0].weighted)


class Chosen(NamedTuple):
    """The crystals of a batch, and where their rows lie in the resident arrays.

    Attributes
    ----------
    members : [n_crystals] int64
        Which crystals, on the device of the graphs.
    places : [3, 3, n_crystals] int64
        Of their atoms, edges and triplets: how many, where they begin in the batch, and how much
        farther they lie in the resident arrays; on the device.
    totals
        Atoms, edges and triplets of the batch.
    """

    members: Tensor
    places: Tensor
    totals: tuple[int, int, int]


def choose(graphs: Graphs, batches: Sequence[Tensor]) -> list[Chosen]:
    """Say where the crystals of several batches lie, in one copy to the device.

    A GPU is not waited for: the copy is from pinned memory. An epoch is chosen at once, so that
    its steps copy nothing.

    Parameters
    ----------
    graphs
        The graphs on the device.
    batches
        Of each batch which crystals, [n_crystals] int64 on the CPU.
    """
    if not batches:
        return []
    parts, totals = [], []
    for members in batches:
        counts = graphs.counts[:, members]
        starts = counts.cumsum(1) - counts
        places = torch.stack([counts, starts, graphs.starts[:, members] - starts], dim=1)
        parts.append(torch.cat([members.unsqueeze(0), places.flatten(0, 1)]))
        totals.append(tuple(counts.sum(1).tolist()))
    device = graphs.species.device
    together = torch.cat(parts, dim=1)
    if device.type == "cuda":
        together = together.pin_memory()
    resident = together.to(device, non_blocking=True)
    return [
        Chosen(part[0], part[1:].unflatten(0, (3, 3)), total)
        for part, total in zip(resident.split([len(b) for b in batches], 1), totals, strict=True)
    ]


def assemble(graphs: Graphs, members: Tensor) -> Batch:
    """Assemble one batch.

    Parameters
    ----------
    graphs
        The graphs on the device.
    members
        Which crystals, [n_crystals] int64 on the CPU.
    """
    (chosen,) = choose(graphs, [members])
    return batch_of(graphs, chosen)


def batch_of(graphs: Graphs, chosen: Chosen) -> Batch:
    """Assemble a batch of crystals that were chosen with others; see `choose`."""
    atoms, edges, triplets = _rows(chosen)
    weighted = graphs.weighted

    atom_weight = graphs.atom_weight[atoms.rows].unsqueeze(1)
    bonds = _adjacency(
        graphs.source[edges.rows] + edges.repeat(atoms.starts),
        graphs.target[edges.rows] + edges.repeat(atoms.starts),
        graphs.multiplicity[edges.rows].unsqueeze(1) if weighted else None,
        atom_weight if weighted else None,
        len(atoms.rows),
    )
    pairs = _adjacency(
        graphs.before[triplets.rows] + triplets.repeat(edges.starts),
        graphs.after[triplets.rows] + triplets.repeat(edges.starts),
        graphs.pair_multiplicity[triplets.rows].unsqueeze(1) if weighted else None,
        bonds.edge_weight,
        len(edges.rows),
    )
    return Batch(
        species=_distinct(graphs.species[atoms.rows], bonds.node_weight),
        distance=_distinct(graphs.distance[edges.rows], bonds.edge_weight),
        cosine=_distinct(graphs.cosine[triplets.rows], pairs.edge_weight),
        bonds=bonds,
        pairs=pairs,
        mean_over_atoms=_mean_over(atoms, atom_weight),
    )


class _Rows(NamedTuple):
    """The rows of some crystals in the resident arrays.

    Attributes
    ----------
    rows : [n_rows]
        Where they lie there.
    crystal : [n_rows]
        Which of the crystals each belongs to.
    starts : [n_crystals]
        Where those of each crystal begin in the batch.
    """

    rows: Tensor
    crystal: Tensor
    starts: Tensor

    def repeat(self, values: Tensor) -> Tensor:
        """Return the value of its crystal for every row."""
        return values[self.crystal]


def _rows(chosen: Chosen) -> list[_Rows]:
    """Find the rows of the members' atoms, edges and triplets."""
    return [
        _rows_of(kind[0], kind[1], kind[2], total)
        for kind, total in zip(chosen.places, chosen.totals, strict=True)
    ]


def _rows_of(counts: Tensor, starts: Tensor, shift: Tensor, total: int) -> _Rows:
    crystal = torch.repeat_interleave(counts, output_size=total)
    return _Rows(torch.arange(total, device=counts.device) + shift[crystal], crystal, starts)


def _mean_over(atoms: _Rows, weight: Tensor) -> Tensor:
    """Return the matrix that averages over the atoms of each crystal, [n_crystals, n_atoms]."""
    crystals = torch.arange(len(atoms.starts), device=weight.device)
    of_crystal = torch.where(crystals[:, None] == atoms.crystal, weight.t(), 0.0)
    return of_crystal / of_crystal.sum(1, keepdim=True)


def _adjacency(
    source: Tensor,
    target: Tensor,
    multiplicity: Tensor | None,
    node_weight: Tensor | None,
    n_nodes: int,
) -> Adjacency:
    edge_weight = None
    if multiplicity is not None and node_weight is not None:
        edge_weight = multiplicity * node_weight.index_select(0, target)
    first = pointers(target, n_nodes)
    return Adjacency(source.int(), target.int(), first, multiplicity, node_weight, edge_weight)


def pointers(rows: Tensor, n_rows: int) -> Tensor:
    """Compute CSR row pointers from the sorted row of each entry, [n_rows + 1] int32."""
    every = torch.arange(n_rows + 1, dtype=rows.dtype, device=rows.device)
    return torch.searchsorted(rows, every, out_int32=True)


def _csr(pointers: Tensor, columns: Tensor, values: Tensor, shape: tuple[int, int]) -> Tensor:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        return torch.sparse_csr_tensor(
            pointers, columns.int(), values, shape, check_invariants=False
        )


def _distinct(scalars: Tensor, weight: Tensor | None) -> Distinct:
    """Merge equal scalars; on a GPU each stays, since the host would wait for their number."""
    if scalars.device.type != "cpu":
        return Distinct(scalars, weight, None)
    values, place = torch.unique(scalars, return_inverse=True)
    weight = torch.ones_like(place, dtype=torch.float32).unsqueeze(1) if weight is None else weight
    total = weight.new_zeros(len(values), 1).index_add_(0, place, weight)
    return Distinct(values, total, place.int())

"""Batches: graphs of several crystals as one, assembled on the device by indexing only."""

from dataclasses import dataclass, fields
from functools import cached_property

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
        by_source = torch.argsort(self.source, stable=True)
        return self._matrix(_pointers(self.source, len(self.first) - 1), by_source)

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
    weight : [n_values, 1]
        How many scalars of the full graph have the value.
    place : [n] int32
        Which value each scalar has.
    """

    values: Tensor
    weight: Tensor
    place: Tensor


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
    mean_over_atoms : [n_crystals, n_atoms] CSR
        Mean over the atoms of each crystal.
    """

    species: Distinct
    distance: Distinct
    cosine: Distinct
    bonds: Adjacency
    pairs: Adjacency
    mean_over_atoms: Tensor


@dataclass(frozen=True)
class ResidentGraphs:
    """`Graphs` as tensors on the device.

    Integer tensors are int32; counts and offsets per crystal are int64.
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


def load_graphs(
    store: GraphStore, crystals: np.ndarray, device: str | torch.device = "cpu"
) -> ResidentGraphs:
    """Expand the graphs of the given crystals and keep them on the device.

    Parameters
    ----------
    store
        The open graph store.
    crystals
        Positions in the store, [n_crystals]; crystal i of the result is crystals[i].
    device
        Where the tensors shall live.
    """
    parts = [
        expand(store, crystals[start : start + CHUNK])
        for start in range(0, max(len(crystals), 1), CHUNK)
    ]
    arrays = {
        field.name: np.concatenate([getattr(part, field.name) for part in parts])
        for field in fields(Graphs)
    }
    tensors = {name: torch.from_numpy(array).to(device) for name, array in arrays.items()}
    return ResidentGraphs(**tensors, weighted=bool(store.compressed))


def assemble(graphs: ResidentGraphs, members: Tensor) -> Batch:
    """Assemble a batch.

    Parameters
    ----------
    graphs
        The graphs on the device.
    members
        Which crystals, [n_crystals] int64 on the CPU.
    """
    device = graphs.species.device
    atoms = _Rows(graphs.atom_counts, members.to(device))
    edges = _Rows(graphs.edge_counts, members.to(device))
    triplets = _Rows(graphs.triplet_counts, members.to(device))
    weighted = graphs.weighted

    atom_weight = graphs.atom_weight[atoms.rows].unsqueeze(1)
    bonds = _adjacency(
        graphs.source[edges.rows] + edges.repeat(atoms.starts),
        graphs.target[edges.rows] + edges.repeat(atoms.starts),
        graphs.multiplicity[edges.rows].unsqueeze(1) if weighted else None,
        atom_weight if weighted else None,
        atoms.total,
    )
    pairs = _adjacency(
        graphs.before[triplets.rows] + triplets.repeat(edges.starts),
        graphs.after[triplets.rows] + triplets.repeat(edges.starts),
        graphs.pair_multiplicity[triplets.rows].unsqueeze(1) if weighted else None,
        bonds.edge_weight,
        edges.total,
    )
    crystal_of_atom = atoms.repeat(torch.arange(len(members), device=device))
    n_atoms = _sum_into(crystal_of_atom, atom_weight, len(members))
    return Batch(
        species=_distinct(graphs.species[atoms.rows], bonds.node_weight),
        distance=_distinct(graphs.distance[edges.rows], bonds.edge_weight),
        cosine=_distinct(graphs.cosine[triplets.rows], pairs.edge_weight),
        bonds=bonds,
        pairs=pairs,
        mean_over_atoms=_csr(
            _pointers(crystal_of_atom, len(members)),
            torch.arange(atoms.total, device=device),
            (atom_weight / n_atoms[crystal_of_atom]).squeeze(1),
            (len(members), atoms.total),
        ),
    )


class _Rows:
    """Where the rows of the members lie in the resident arrays, and begin in the batch."""

    def __init__(self, counts: Tensor, members: Tensor):
        all_starts = counts.cumsum(0) - counts
        self.counts = counts[members]
        self.starts = self.counts.cumsum(0) - self.counts
        self.total = int(self.counts.sum())
        offset = self.repeat(all_starts[members] - self.starts)
        self.rows = torch.arange(self.total, device=counts.device) + offset

    def repeat(self, values: Tensor) -> Tensor:
        """Give every row the value of its crystal, [total]."""
        return torch.repeat_interleave(values, self.counts, output_size=self.total)


def _adjacency(source, target, multiplicity, node_weight, n_nodes) -> Adjacency:
    edge_weight = None
    if multiplicity is not None:
        edge_weight = multiplicity * node_weight.index_select(0, target)
    first = _pointers(target, n_nodes)
    return Adjacency(source.int(), target.int(), first, multiplicity, node_weight, edge_weight)


def _pointers(rows: Tensor, n_rows: int) -> Tensor:
    """Give the row pointers of a CSR matrix from the row of each entry, [n_rows + 1] int32."""
    counts = torch.bincount(rows, minlength=n_rows)
    return torch.cat([counts.new_zeros(1), counts.cumsum(0)]).int()


def _csr(pointers: Tensor, columns: Tensor, values: Tensor, shape: tuple[int, int]) -> Tensor:
    return torch.sparse_csr_tensor(pointers, columns.int(), values, shape, check_invariants=False)


def _sum_into(rows: Tensor, values: Tensor, n_rows: int) -> Tensor:
    return values.new_zeros(n_rows, 1).index_add_(0, rows, values)


def _distinct(scalars: Tensor, weight: Tensor | None) -> Distinct:
    values, place = torch.unique(scalars, return_inverse=True)
    weight = torch.ones_like(place, dtype=torch.float32).unsqueeze(1) if weight is None else weight
    return Distinct(values, _sum_into(place, weight, len(values)), place.int())

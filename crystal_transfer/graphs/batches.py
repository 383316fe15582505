"""Batches: graphs of several crystals as one, assembled on the device by indexing only."""

from dataclasses import dataclass, fields

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
    source, target : [n_edges] int
        Nodes of each edge.
    into : [n_nodes, n_edges] CSR
        Sums edges into their targets, each as often as its multiplicity says.
    into_once : [n_nodes, n_edges] CSR
        The same with every stored edge counted once.
    out_of : [n_nodes, n_edges] CSR
        Sums stored edges into their sources.
    multiplicity : [n_edges, 1] or None
        None where all are 1.
    node_weight, edge_weight : [n, 1] or None
        How many nodes and edges of the full graph each stands for; None where all are 1.
    """

    source: Tensor
    target: Tensor
    into: Tensor
    into_once: Tensor
    out_of: Tensor
    multiplicity: Tensor | None
    node_weight: Tensor | None
    edge_weight: Tensor | None


@dataclass(frozen=True)
class Distinct:
    """Scalars of which many are equal: each distinct value once.

    Attributes
    ----------
    values : [n_values]
        The distinct values.
    weight : [n_values, 1]
        How many scalars of the full graph have the value.
    place : [n]
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
    """`Graphs` as tensors on the device, with the order of their edges by source.

    Integer tensors are int32; counts and offsets per crystal are int64.
    """

    species: Tensor
    atom_weight: Tensor
    source: Tensor
    target: Tensor
    distance: Tensor
    multiplicity: Tensor
    by_source: Tensor
    before: Tensor
    after: Tensor
    cosine: Tensor
    pair_multiplicity: Tensor
    by_before: Tensor
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
    arrays["by_source"] = _order_within(arrays["source"], arrays["edge_counts"])
    arrays["by_before"] = _order_within(arrays["before"], arrays["triplet_counts"])
    tensors = {name: torch.from_numpy(array).to(device) for name, array in arrays.items()}
    return ResidentGraphs(**tensors, weighted=bool(store.compressed))


def _order_within(keys: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Sort rows by key within each crystal, [n] int32, indices local to the crystal."""
    crystal = np.repeat(np.arange(len(counts)), counts)
    order = np.lexsort((keys, crystal))
    return (order - np.repeat(np.cumsum(counts) - counts, counts)).astype(np.int32)


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
        graphs.by_source[edges.rows] + edges.repeat(edges.starts),
        graphs.multiplicity[edges.rows].unsqueeze(1) if weighted else None,
        atom_weight if weighted else None,
        atoms.total,
    )
    pairs = _adjacency(
        graphs.before[triplets.rows] + triplets.repeat(edges.starts),
        graphs.after[triplets.rows] + triplets.repeat(edges.starts),
        graphs.by_before[triplets.rows] + triplets.repeat(triplets.starts),
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


def _adjacency(source, target, by_source, multiplicity, node_weight, n_nodes) -> Adjacency:
    n_edges, device = len(source), source.device
    source, target, by_source = source.int(), target.int(), by_source.int()
    shape = (n_nodes, n_edges)
    in_order = torch.arange(n_edges, device=device, dtype=torch.int32)
    ones = torch.ones(n_edges, device=device)
    pointers = _pointers(target, n_nodes)
    into_once = _csr(pointers, in_order, ones, shape)
    if multiplicity is None:
        into, edge_weight = into_once, None
    else:
        into = _csr(pointers, in_order, multiplicity.squeeze(1), shape)
        edge_weight = multiplicity * node_weight.index_select(0, target)
    out_of = _csr(_pointers(source, n_nodes), by_source, ones, shape)
    return Adjacency(
        source, target, into, into_once, out_of, multiplicity, node_weight, edge_weight
    )


def _pointers(sorted_rows_or_any: Tensor, n_rows: int) -> Tensor:
    """Give the row pointers of a CSR matrix from the row of each entry, [n_rows + 1] int32."""
    counts = torch.bincount(sorted_rows_or_any, minlength=n_rows)
    return torch.cat([counts.new_zeros(1), counts.cumsum(0)]).int()


def _csr(pointers: Tensor, columns: Tensor, values: Tensor, shape: tuple[int, int]) -> Tensor:
    return torch.sparse_csr_tensor(pointers, columns.int(), values, shape, check_invariants=False)


def _sum_into(rows: Tensor, values: Tensor, n_rows: int) -> Tensor:
    return values.new_zeros(n_rows, 1).index_add_(0, rows, values)


def _distinct(scalars: Tensor, weight: Tensor | None) -> Distinct:
    values, place = torch.unique(scalars, return_inverse=True)
    weight = torch.ones_like(place, dtype=torch.float32).unsqueeze(1) if weight is None else weight
    return Distinct(values, _sum_into(place, weight, len(values)), place)

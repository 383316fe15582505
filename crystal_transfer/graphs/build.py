"""Build the graph store of a dataset: every crystal once, in parallel, with a progress bar."""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jarvis.core.specie import get_node_attributes
from tqdm import tqdm

from crystal_transfer.datasets import crystals
from crystal_transfer.datasets.crystals import Crystal
from crystal_transfer.graphs.neighbours import bonds
from crystal_transfer.graphs.refinement import equivalence_classes, outgoing
from crystal_transfer.graphs.store import GraphStore, write
from crystal_transfer.species import SYMBOLS

CHUNK = 64  # crystals per task: large enough to hide the cost of passing arrays between processes


class CrystalGraph(NamedTuple):
    """The bonds that leave one representative of each class of atoms; see `graphs.store`."""

    species: np.ndarray
    weights: np.ndarray
    degrees: np.ndarray
    vectors: np.ndarray
    forward: np.ndarray
    backward: np.ndarray
    partner: np.ndarray
    n_edges: int


def crystal_graph(crystal: Crystal, rule: str, compress: bool) -> CrystalGraph:
    """Build the graph of one crystal.

    Parameters
    ----------
    crystal
        A clean crystal.
    rule
        How bonds are found, see `graphs.neighbours`.
    compress
        Keep one representative per class of equivalent atoms; otherwise every atom.
    """
    pairs, displacements = bonds(crystal, rule)
    n_atoms = len(crystal.numbers)
    source = pairs.reshape(-1)  # bonds 2i and 2i + 1: there and back
    vectors = np.repeat(displacements, 2, axis=0)
    vectors[1::2] *= -1
    first, out = outgoing(source, n_atoms)
    if compress:
        atom_class, edge_class = equivalence_classes(crystal.numbers, source, vectors, first, out)
    else:
        atom_class, edge_class = np.arange(n_atoms), np.arange(len(source))
    _, representatives, weights = np.unique(atom_class, return_index=True, return_counts=True)
    degrees = (first[1:] - first[:-1])[representatives]
    arcs = np.concatenate([out[first[atom] : first[atom + 1]] for atom in representatives])
    return CrystalGraph(
        species=crystal.numbers[representatives],
        weights=weights,
        degrees=degrees,
        vectors=vectors[arcs].astype(np.float32),
        forward=edge_class[arcs],
        backward=edge_class[arcs ^ 1],
        partner=_partners(arcs, source, degrees),
        n_edges=int(edge_class.max()) + 1,
    )


def _partners(arcs: np.ndarray, source: np.ndarray, degrees: np.ndarray) -> np.ndarray:
    """Find the position of each arc's reverse among the arcs of the same atom, [n_arcs].

    It is -1 where the reverse leaves another atom.
    """
    starts = np.repeat(np.cumsum(degrees) - degrees, degrees)
    position = np.full(len(source), -1)
    position[arcs] = np.arange(len(arcs)) - starts
    return np.where(source[arcs] == source[arcs ^ 1], position[arcs ^ 1], -1)


def species_features() -> np.ndarray:
    """Return the cgcnn features of the elements by atomic number, [101, 92] float32.

    Values of Xie & Grossman, Phys. Rev. Lett. 120, 145301 (2018), as packaged in jarvis-tools.
    """
    rows = [get_node_attributes(symbol, atom_features="cgcnn") for symbol in SYMBOLS[1:]]
    return np.array([np.zeros(len(rows[0])), *rows], dtype=np.float32)


_table: crystals.CrystalTable | None = None  # that of the worker process, loaded once


def _load_table(path: Path) -> None:
    global _table
    _table = crystals.load(path)


def _graphs_of_chunk(task: tuple[range, str, bool]) -> dict[str, np.ndarray]:
    indices, rule, compress = task
    assert _table is not None, "_load_table comes first"
    graphs = [crystal_graph(_table[index], rule, compress) for index in indices]
    return _columns(graphs)


def _columns(graphs: list[CrystalGraph]) -> dict[str, np.ndarray]:
    """Join graphs to columns as the store has them; `loops` count from the first of these arcs."""
    joined = CrystalGraph(*zip(*graphs, strict=True))
    partner = np.concatenate(joined.partner)
    loops = np.flatnonzero(partner >= 0)
    return {
        "atom_counts": np.array([len(species) for species in joined.species]),
        "arc_counts": np.array([len(forward) for forward in joined.forward]),
        "edge_counts": np.array(joined.n_edges, dtype=np.int32),
        "species": np.concatenate(joined.species).astype(np.uint8),
        "weights": _smallest(np.concatenate(joined.weights)),
        "degrees": _smallest(np.concatenate(joined.degrees)),
        "vectors": np.concatenate(joined.vectors),
        "forward": _smallest(np.concatenate(joined.forward)),
        "backward": _smallest(np.concatenate(joined.backward)),
        "loops": loops,
        "partner": partner[loops].astype(np.uint16),
    }


def _all_graphs(
    path: Path, n: int, rule: str, compress: bool, processes: int
) -> Iterator[dict[str, np.ndarray]]:
    """Yield the columns of one chunk of crystals after the other, in order."""
    tasks = [(range(start, min(start + CHUNK, n)), rule, compress) for start in range(0, n, CHUNK)]
    if processes == 1 or len(tasks) == 1:
        _load_table(path)
        yield from map(_graphs_of_chunk, tasks)
        return
    with ProcessPoolExecutor(processes, initializer=_load_table, initargs=(path,)) as pool:
        yield from pool.map(_graphs_of_chunk, tasks)


def build(
    table_path: str | Path,
    store_path: str | Path,
    rule: str,
    compress: bool,
    processes: int = 1,
) -> None:
    """Build the graphs of all crystals of a table.

    Parameters
    ----------
    table_path
        The table, see `datasets.crystals`.
    store_path
        The folder to write; equal input gives equal bytes, whatever the number of processes.
    rule, compress
        See `crystal_graph`.
    processes
        Number of worker processes.
    """
    ids = crystals.load(table_path).ids
    chunks, n_arcs = [], 0
    with tqdm(total=len(ids), unit="crystal", desc="graphs", mininterval=1.0) as progress:
        for chunk in _all_graphs(Path(table_path), len(ids), rule, compress, processes):
            chunk["loops"] = (chunk["loops"] + n_arcs).astype(np.uint32)
            n_arcs += int(chunk["arc_counts"].sum())
            chunks.append(chunk)
            progress.update(len(chunk["edge_counts"]))
    columns = {}
    for name in list(chunks[0]):  # one after the other: never all of them twice in memory
        columns[name] = np.concatenate([chunk.pop(name) for chunk in chunks])
    store = GraphStore(
        ids=ids,
        features=species_features(),
        atom_offsets=_offsets(columns.pop("atom_counts")),
        arc_offsets=_offsets(columns.pop("arc_counts")),
        compressed=np.array(compress),
        **columns,
    )
    write(store, store_path)


def _offsets(counts: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])


def _smallest(array: np.ndarray) -> np.ndarray:
    """Store counts and indices in as few bytes as they need."""
    return array.astype(np.uint16 if array.max(initial=0) < 2**16 else np.uint32)

"""The graph store: all graphs of a dataset in one folder of memory-mapped arrays.

Per crystal it keeps the classes of equivalent atoms and, of one representative of each class,
the bonds that leave it (*arcs*). With a trivial partition, where every atom is its own class,
that is the plain graph. Everything else follows from the arcs, see `graphs.line_graph`.
"""

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from crystal_transfer.errors import InputError
from crystal_transfer.files import read_json, replaced_when_whole, sha256, write_json

MANIFEST = "manifest.json"  # name of each array -> its SHA-256


@dataclass(frozen=True)
class GraphStore:
    """Arrays of all graphs; crystal i owns rows offsets[i]:offsets[i + 1].

    Attributes
    ----------
    ids
        Names of the crystals, [n_crystals].
    features
        Input features of the elements by atomic number, [101, 92].
    atom_offsets, arc_offsets
        Where each crystal's atom classes and arcs begin, [n_crystals + 1].
    edge_counts
        Number of classes of directed bonds, [n_crystals].
    species
        Atomic number of each atom class, [n_atoms].
    weights
        How many atoms the class stands for, [n_atoms].
    degrees
        Number of arcs that leave its representative, [n_atoms].
    vectors
        Displacement along each arc in Å, [n_arcs, 3]; arcs are grouped by the atom they leave.
    forward, backward
        Class of the arc and of its reverse within the crystal, [n_arcs].
    loops
        Arcs whose reverse leaves the same atom, ascending, [n_loops].
    partner
        Position of that reverse among the atom's arcs, [n_loops].
    compressed
        Whether equivalent atoms share a class.
    """

    ids: np.ndarray
    features: np.ndarray
    atom_offsets: np.ndarray
    arc_offsets: np.ndarray
    edge_counts: np.ndarray
    species: np.ndarray
    weights: np.ndarray
    degrees: np.ndarray
    vectors: np.ndarray
    forward: np.ndarray
    backward: np.ndarray
    loops: np.ndarray
    partner: np.ndarray
    compressed: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)


def write(store: GraphStore, path: str | Path) -> None:
    """Write the store to the folder `path`, whole or not at all."""
    with replaced_when_whole(path) as temporary:
        temporary.mkdir()
        for field in fields(store):
            np.save(temporary / f"{field.name}.npy", getattr(store, field.name))
        manifest = {file.name: sha256(file) for file in sorted(temporary.iterdir())}
        write_json(temporary / MANIFEST, manifest)


def verify(path: str | Path) -> str:
    """Check that a store is as it was written, and return its checksum.

    Every array is read once: as much as a training reads of it at most.

    Raises
    ------
    InputError
        If an array or the manifest is missing or damaged.
    """
    folder = Path(path)
    noted = read_json(folder / MANIFEST)
    for field in fields(GraphStore):
        file = folder / f"{field.name}.npy"
        if not file.is_file() or sha256(file) != noted.get(file.name):
            raise InputError(
                f"{file}: is missing or damaged, its checksum is not the one noted when it was "
                f"written; delete {folder} and run again."
            )
    return sha256(folder / MANIFEST)


def open_store(path: str | Path) -> GraphStore:
    """Open a store; the large arrays stay on disk until they are read.

    Raises
    ------
    InputError
        If the folder is missing or holds no whole store.
    """
    try:
        arrays = {
            field.name: np.load(Path(path) / f"{field.name}.npy", mmap_mode="r")
            for field in fields(GraphStore)
        }
    except (OSError, ValueError, EOFError) as error:
        raise InputError(
            f"{path}: not a whole graph store ({error}); delete it and run again."
        ) from None
    return GraphStore(**arrays)


def positions_of(store: GraphStore, ids: list[str]) -> np.ndarray:
    """Find crystals by name, [len(ids)] int64.

    Raises
    ------
    InputError
        If a name is not in the store.
    """
    position = {name: index for index, name in enumerate(store.ids.tolist())}
    missing = [name for name in ids if name not in position]
    if missing:
        raise InputError(
            f"the graph store has no crystal '{missing[0]}' ({len(missing)} of {len(ids)} are "
            "missing); it was built from other data: delete the dataset's results and run again."
        )
    return np.array([position[name] for name in ids], dtype=np.int64)

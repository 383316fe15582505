"""What the benchmarks share: crystals, and alignn's graphs of them."""

import argparse
import atexit
import os
import platform
import shutil
import tempfile
from pathlib import Path

import numpy as np
import torch
from alignn.graphs import Graph
from jarvis.core.atoms import Atoms

from crystal_transfer.datasets import crystals
from crystal_transfer.datasets.cleaning import clean
from crystal_transfer.datasets.crystals import Crystal, CrystalTable, tabulate
from crystal_transfer.datasets.sources.emt import read_emt
from crystal_transfer.datasets.sources.file import read_file
from crystal_transfer.graphs.build import build
from crystal_transfer.graphs.store import GraphStore, open_store
from crystal_transfer.species import SYMBOLS


def arguments(description: str) -> argparse.Namespace:
    """Parse the options that all benchmarks have."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="finish within 25 s")
    parser.add_argument("--data", help="ALIGNN JSON file; default: alloys computed with EMT")
    parser.add_argument("--batch", type=int, nargs="+", default=[16], help="crystals per batch")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="CPU threads")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, "
        f"{options.threads} threads; torch {torch.__version__}, numpy {np.__version__}"
    )
    return options


def table_of(data: str | None, n: int) -> CrystalTable:
    """Return n crystals, evenly spread over a file, or alloys."""
    if data is None:
        return clean(read_emt("formation_energy", n, seed=7))[0]
    table = clean(read_file(data))[0]
    places = np.linspace(0, len(table) - 1, min(n, len(table))).astype(int)
    return tabulate(table[place] for place in places)


def store_of(table: CrystalTable, neighbours: str, compress: bool) -> GraphStore:
    """Build a graph store in a temporary folder that lives as long as the program."""
    folder = Path(tempfile.mkdtemp(prefix="crystal-transfer-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    crystals.save(table, folder / "crystals.npz")
    build(folder / "crystals.npz", folder / "graphs", neighbours, compress)
    return open_store(folder / "graphs")


def alignn_graph(crystal: Crystal):
    """Build alignn's graph and line graph of a crystal."""
    atoms = Atoms(
        lattice_mat=crystal.lattice,
        coords=crystal.coordinates,
        elements=[SYMBOLS[number] for number in crystal.numbers],
        cartesian=crystal.cartesian,
    )
    return Graph.atom_dgl_multigraph(
        atoms, neighbor_strategy="k-nearest", cutoff=8.0, max_neighbors=12, use_canonize=True
    )

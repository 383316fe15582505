"""What a saved model says of crystals: structures in, properties in physical units out."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from crystal_transfer.datasets import crystals
from crystal_transfer.datasets.crystals import CrystalTable
from crystal_transfer.graphs.batches import load_graphs
from crystal_transfer.graphs.build import build
from crystal_transfer.graphs.line_graph import Graphs
from crystal_transfer.graphs.store import open_store
from crystal_transfer.models.saved import SavedModel
from crystal_transfer.training.prediction import embed, predict

AT_ONCE = 1024  # crystals in memory at once


def predict_crystals(
    model: SavedModel, table: CrystalTable, device: str = "cpu", processes: int = 1
) -> pd.DataFrame:
    """Predict the properties of crystals.

    Parameters
    ----------
    model
        A model read by `models.saved.load_model`.
    table
        Clean crystals; their targets are not used.
    device
        Where to compute, such as ``cuda``.
    processes
        Worker processes that build graphs.

    Returns
    -------
    A row per crystal in the order of the table: id, and a column per property of the model in its
    physical unit.
    """
    network = model.build().to(device)
    parts = graphs_of(model, table, device, processes)
    scaled = _joined([predict(network, graphs) for graphs in parts], len(model.scalers))
    columns = {
        code: scaler.restore(scaled[:, column])
        for column, (code, scaler) in enumerate(model.scalers.items())
    }
    return pd.DataFrame({"id": table.ids.astype(object)} | columns)


def embed_crystals(
    model: SavedModel, table: CrystalTable, device: str = "cpu", processes: int = 1
) -> np.ndarray:
    """Return the pooled features of crystals, [n_crystals, features]; parameters as above."""
    network = model.build().to(device)
    parts = graphs_of(model, table, device, processes)
    return _joined([embed(network, graphs) for graphs in parts], network.features)


def graphs_of(
    model: SavedModel, table: CrystalTable, device: str = "cpu", processes: int = 1
) -> Iterator[Graphs]:
    """Build the graphs of crystals by the model's own rule, some at a time."""
    if len(table) == 0:
        return
    with TemporaryDirectory() as folder:
        path = Path(folder) / "crystals.npz"
        crystals.save(replace(table, targets=np.zeros(len(table))), path)
        compress = model.network != "reference"  # DGL knows no weights
        build(path, Path(folder) / "graphs", model.bond_rule, compress, processes)
        store = open_store(Path(folder) / "graphs")
        for start in range(0, len(table), AT_ONCE):
            rows = np.arange(start, min(start + AT_ONCE, len(table)))
            yield load_graphs(store, rows, device)


def _joined(parts: list[Tensor], width: int) -> np.ndarray:
    """Put parts below each other, [n_crystals, width]."""
    rows: np.ndarray = torch.cat([torch.empty(0, width), *(part.cpu() for part in parts)]).numpy()
    return rows.astype(np.float64)

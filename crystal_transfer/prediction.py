"""What a saved model says of crystals: structures in, properties in physical units out."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import torch

from crystal_transfer.datasets import crystals
from crystal_transfer.datasets.crystals import CrystalTable
from crystal_transfer.graphs.batches import load_graphs
from crystal_transfer.graphs.build import build
from crystal_transfer.graphs.store import open_store
from crystal_transfer.models.contract import Network
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
    scaled = _over_parts(model, network, table, device, processes, pooled=False)
    columns = {
        code: scaler.restore(scaled[:, place])
        for place, (code, scaler) in enumerate(model.scalers.items())
    }
    return pd.DataFrame({"id": table.ids.astype(object)} | columns)


def embed_crystals(
    model: SavedModel, table: CrystalTable, device: str = "cpu", processes: int = 1
) -> np.ndarray:
    """Return the pooled features of crystals, [n_crystals, features]; parameters as above."""
    network = model.build().to(device)
    return _over_parts(model, network, table, device, processes, pooled=True)


def _over_parts(
    model: SavedModel,
    network: Network,
    table: CrystalTable,
    device: str,
    processes: int,
    pooled: bool,
) -> np.ndarray:
    compute = embed if pooled else predict
    width = network.features if pooled else len(model.scalers)
    if len(table) == 0:
        return np.empty((0, width))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "crystals.npz"
        crystals.save(replace(table, targets=np.zeros(len(table))), path)
        compress = model.network != "reference"
        build(path, Path(folder) / "graphs", model.neighbours, compress, processes)
        store = open_store(Path(folder) / "graphs")
        parts = [
            compute(network, load_graphs(store, np.arange(start, min(start + AT_ONCE, len(table))), device))
            for start in range(0, len(table), AT_ONCE)
        ]
    return torch.cat(parts).cpu().double().numpy()

"""What a trained network predicts of its test sets."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from crystal_transfer.errors import Interrupted
from crystal_transfer.graphs.batches import load_graphs
from crystal_transfer.graphs.store import GraphStore, positions_of
from crystal_transfer.training.prediction import predict
from crystal_transfer.training.settings import TESTED_AT_ONCE
from crystal_transfer.training.tasks import TestSet

COLUMNS = [
    "id", "property", "target", "prediction", "target_scaled", "prediction_scaled"
]  # fmt: skip


def predict_tests(
    model: nn.Module,
    store: GraphStore,
    tests: Mapping[str, TestSet],
    device: torch.device,
    asked_to_stop: Callable[[], bool],
) -> dict[str, np.ndarray]:
    """Predict the scaled targets of every property's test set, [n_crystals] each.

    Raises
    ------
    Interrupted
        If it was asked to stop.
    """
    ids = list(dict.fromkeys(id for test in tests.values() for id in test.ids))
    if not ids:
        return {code: np.empty(0) for code in tests}
    positions = positions_of(store, ids)
    starts = range(0, len(positions), TESTED_AT_ONCE)
    parts = [positions[start : start + TESTED_AT_ONCE] for start in starts]
    outputs = []
    for part in parts:
        if asked_to_stop():
            raise Interrupted("stopped while testing")
        outputs.append(predict(model, load_graphs(store, part, device)).cpu())
    predicted = torch.cat(outputs).double().numpy()
    position = {id: row for row, id in enumerate(ids)}
    return {
        code: predicted[[position[id] for id in test.ids], column]
        for column, (code, test) in enumerate(tests.items())
    }


def prediction_rows(
    tests: Mapping[str, TestSet], predictions: Mapping[str, np.ndarray]
) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of predictions.csv: `COLUMNS`, in physical units and scaled."""
    for code, (ids, scaled, scaler) in tests.items():
        predicted = predictions[code]
        columns = scaler.restore(scaled), scaler.restore(predicted), scaled, predicted
        for id, *values in zip(ids, *columns, strict=True):
            yield id, code, *values

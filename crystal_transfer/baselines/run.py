"""One baseline on one sample, tested as a network is."""

from collections.abc import Container, Sequence
from typing import Any, NamedTuple

import numpy as np

from crystal_transfer.baselines.features import Features
from crystal_transfer.baselines.models import fit_baseline
from crystal_transfer.datasets.crystals import CrystalTable
from crystal_transfer.datasets.scaling import Scaler
from crystal_transfer.errors import InputError
from crystal_transfer.training.metrics import metrics


class Prediction(NamedTuple):
    """A row of predictions.csv, as `training.run` writes it for a network."""

    id: str
    property: str  # code of the dataset
    target: float  # physical unit
    prediction: float  # physical unit
    target_scaled: float
    prediction_scaled: float


def evaluate(
    dataset: str,
    table: CrystalTable,
    features: Features,
    sample: Sequence[str],
    test: Sequence[str],
    scaler: Scaler,
    name: str,
    seed: int = 0,
    n_jobs: int = 1,
) -> tuple[dict[str, Any], list[Prediction]]:
    """Train a baseline on a sample and test it.

    Parameters
    ----------
    dataset
        Code of the dataset.
    table
        Its crystals.
    features
        Of at least the crystals of the sample and of the test set.
    sample
        Ids to train on: all of the trial's sample, what a network validates on included.
    test
        Ids to test on, see `datasets.splits.tested`.
    scaler
        Of the dataset, as for a network.
    name
        One of `baselines.models.BASELINES`.
    seed
        Of the baseline's own random numbers.
    n_jobs
        Threads.

    Returns
    -------
    metrics
        Those of `training.metrics.metrics`.
    predictions
        One for each id of `test`, in this order.

    Raises
    ------
    InputError
        If there is no such baseline, or a crystal is unknown or has no features.
    """
    known = dict(zip(table.ids.tolist(), scaler.scale(table.targets), strict=True))
    position = {id: row for row, id in enumerate(features.ids.tolist())}
    _require(dataset, [*sample, *test], known, "the dataset does not have it; correct the split.")
    _require(dataset, [*sample, *test], position, "it has no features; compute them anew.")
    model = fit_baseline(name, _rows(features, position, sample), _of(known, sample), seed, n_jobs)
    scaled = _of(known, test)
    predicted = model.predict(_rows(features, position, test)) if len(test) else np.empty(0)
    target, prediction = scaler.restore(scaled), scaler.restore(predicted)
    columns = zip(test, target, prediction, scaled, predicted, strict=True)
    rows = [Prediction(id, dataset, *map(float, values)) for id, *values in columns]
    return metrics(target, prediction, scaler.half_range), rows


def _rows(features: Features, position: dict[str, int], ids: Sequence[str]) -> np.ndarray:
    return features.values[[position[id] for id in ids]]


def _of(targets: dict[str, float], ids: Sequence[str]) -> np.ndarray:
    return np.array([targets[id] for id in ids], dtype=np.float64)


def _require(dataset: str, ids: Sequence[str], known: Container[str], otherwise: str) -> None:
    missing = next((id for id in ids if id not in known), None)
    if missing is not None:
        raise InputError(f"dataset {dataset}, crystal '{missing}': {otherwise}")

"""One baseline on one sample, tested as a network is."""

import zlib
from collections.abc import Container, Sequence
from typing import Any, NamedTuple

import numpy as np

from crystal_transfer.baselines.features import Features
from crystal_transfer.baselines.models import fit_baseline
from crystal_transfer.datasets.crystals import CrystalTable
from crystal_transfer.datasets.scaling import Scaler
from crystal_transfer.datasets.splits import Split, sample_of, tested
from crystal_transfer.errors import InputError
from crystal_transfer.metrics import scaled_metrics
from crystal_transfer.runs import Cell, RunKind, Sampling, result_row


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
        Those of `metrics.metrics`.
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
    return scaled_metrics(target, prediction, scaler.half_range), rows


def row_of(
    name: str,
    size: int,
    trial: int,
    table: CrystalTable,
    features: Features,
    parts: Split,
    scaler: Scaler,
    n_jobs: int = 1,
) -> dict[str, Any]:
    """Train and test a baseline on the sample of a trial; a row of `results.tables.runs_table`.

    Parameters
    ----------
    name
        One of `baselines.models.BASELINES`.
    size, trial
        Of the sample; a network with the same has the same crystals.
    table, features, parts, scaler
        Of the dataset: crystals, what baselines see of them, who is drawn and who is tested on,
        range of the targets.
    n_jobs
        Threads.

    Raises
    ------
    InputError
        If the pool is too small.
    """
    code = parts.dataset
    targets = dict(zip(table.ids.tolist(), table.targets.tolist(), strict=True))
    sample = sample_of(parts, size, trial, Sampling.RANDOM, targets)
    seed = zlib.crc32(f"{parts.seed} {code} {size} {trial}".encode())
    measured, _ = evaluate(
        code, table, features, sample, tested(parts, sample), scaler, name, seed, n_jobs
    )
    cell = Cell(
        kind=RunKind.BASELINE.value, source="", source_size=0, source_properties=0, dataset=code,
        size=size, strategy="", sampling=Sampling.RANDOM.value, variation="", max_lr=0.0,
        batch_size=0, network=name,
    )  # fmt: skip
    own = measured | {"best_epoch": 0}
    return result_row(baseline_id(code, size, name, trial), cell, trial, own)


def baseline_id(code: str, size: int, name: str, trial: int) -> str:
    """Return the id of a baseline: dataset, size, which of them and trial."""
    return f"{RunKind.BASELINE}_{code}_n{size}_{name}_t{trial}"


def _rows(features: Features, position: dict[str, int], ids: Sequence[str]) -> np.ndarray:
    return features.values[[position[id] for id in ids]]


def _of(targets: dict[str, float], ids: Sequence[str]) -> np.ndarray:
    return np.array([targets[id] for id in ids], dtype=np.float64)


def _require(dataset: str, ids: Sequence[str], known: Container[str], otherwise: str) -> None:
    missing = next((id for id in ids if id not in known), None)
    if missing is not None:
        raise InputError(f"dataset {dataset}, crystal '{missing}': {otherwise}")

"""One run, from top to bottom: draw the sample, train, test, write."""

import sys
import time
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from crystal_transfer.errors import InputError
from crystal_transfer.files import write_csv, write_json, write_text
from crystal_transfer.graphs.batches import load_graphs
from crystal_transfer.graphs.store import GraphStore, open_store, positions_of
from crystal_transfer.metrics import scaled_metrics
from crystal_transfer.models.saved import is_finite, save_model, saved_from
from crystal_transfer.protocols import TestedEpoch, TrainingSeed
from crystal_transfer.runs import Run, cell_of, result_row
from crystal_transfer.training.device import PRECISIONS, choose_device, require_precision
from crystal_transfer.training.interruption import only_one
from crystal_transfer.training.loop import fit
from crystal_transfer.training.memory import keep_freed_memory
from crystal_transfer.training.paths import Inputs, Outputs
from crystal_transfer.training.provenance import checksums_of, fingerprint, made_by
from crystal_transfer.training.settings import Precision, Settings
from crystal_transfer.training.start import starting_network
from crystal_transfer.training.steps import LabelledGraphs
from crystal_transfer.training.tasks import Task, one_property, several_properties
from crystal_transfer.training.testing import COLUMNS, predict_tests, prediction_rows

PUBLISHED_SEED = 123  # for every trial; published files of Devi et al. 2024


def train(
    run: Run,
    inputs: Inputs,
    outputs: Outputs,
    settings: Settings,
    asked_to_stop: Callable[[], bool] = lambda: False,
) -> None:
    """Carry out a run and write all its outputs.

    Raises
    ------
    InputError
        If the inputs do not fit the run: pool too small, other weights, other graphs.
    Interrupted
        If `asked_to_stop`, asked after every batch and between parts of a large test set, says
        so; the run continues when it is carried out again.
    """
    keep_freed_memory()
    torch.set_num_threads(settings.threads)
    torch.set_float32_matmul_precision(PRECISIONS[settings.precision])
    device = choose_device(settings.device)
    require_precision(settings.precision, device)
    with only_one(f"{outputs.checkpoint}.lock"):
        _train(run, inputs, outputs, settings, device, asked_to_stop)


def _train(
    run: Run,
    inputs: Inputs,
    outputs: Outputs,
    settings: Settings,
    device: torch.device,
    asked_to_stop: Callable[[], bool],
) -> None:
    started = time.monotonic()
    checksums = checksums_of(inputs)
    task = _task(run, inputs, settings)
    store = open_store(inputs.graphs)
    assert run.hyperparameters is not None, "a checkpoint is not trained"
    seed = training_seed(run, settings)
    torch.manual_seed(seed)
    report = _reporter(run)
    network, head = starting_network(run, settings, store, inputs.weights, report)
    network.to(device)
    network.recordable = network.recordable and settings.record_steps
    n_training, n_validation = len(task.training), len(task.validation)
    report(f"{n_training} crystals to train on, {n_validation} to validate, on {device}")
    progress = fit(
        network,
        _labelled(store, task, task.training, device),
        _labelled(store, task, task.validation, device),
        run.hyperparameters,
        seed,
        settings.frozen_norms,
        Path(outputs.checkpoint),
        fingerprint(run, settings, checksums),
        report,
        asked_to_stop,
    )
    if settings.tested_epoch is TestedEpoch.BEST:
        network.load_state_dict(progress.best_weights)
    # whoever predicts with the saved weights does so in fp32
    torch.set_float32_matmul_precision(PRECISIONS[Precision.FP32])
    predictions = predict_tests(network, store, task.tests, device, asked_to_stop)
    results = _measured(task, predictions)
    for code, result in results.items():
        if result["n_test"] and result["mae"] is None:
            report(f"{code}: the training has diverged: it has no metrics")
        report(f"{code}, {result['n_test']} test crystals: R2 {result['r2']}, MAE {result['mae']}")

    scalers = {code: test.scaler for code, test in task.tests.items()}
    saved = saved_from(network, run.network, settings.sizes, head, scalers, settings.bond_rule)
    if not is_finite(saved):
        report("the training has diverged: its weights are not finite")
    measured = {"properties": results} if run.properties else results[run.dataset]
    measured = {"best_epoch": progress.best_epoch} | measured
    write_csv(outputs.history, list(progress.history[0]), map(dict.values, progress.history))
    write_csv(outputs.predictions, COLUMNS, prediction_rows(task.tests, predictions))
    save_model(saved, outputs.model)
    write_text(
        outputs.description,
        made_by(run, checksums, settings, device, progress, task, time.monotonic() - started),
    )
    # last: a run is done when it has metrics
    write_json(outputs.metrics, result_row(run.id, cell_of(run), run.trial, measured))
    Path(outputs.checkpoint).unlink(missing_ok=True)


def training_seed(run: Run, settings: Settings) -> int:
    """Return what decides the initial weights and the order of the crystals."""
    if settings.training_seed is TrainingSeed.PUBLISHED:
        return PUBLISHED_SEED
    return zlib.crc32(f"{settings.seed} {run.dataset} {run.size} {run.trial}".encode())


def _task(run: Run, inputs: Inputs, settings: Settings) -> Task:
    if run.properties:
        assert inputs.labels
        return several_properties(run, inputs.labels, settings.seed, settings.multi_test_labels)
    if run.source and run.dataset in run.source.properties:
        raise InputError(
            f"{run.id}: {run.dataset} is among the properties of its pre-training, which would "
            "train on what is tested; take it out of them."
        )
    assert inputs.table and inputs.split and inputs.scaler
    return one_property(run, inputs.table, inputs.split, inputs.scaler, inputs.excluded)


def _measured(task: Task, predictions: Mapping[str, np.ndarray]) -> dict[str, dict[str, Any]]:
    """Return the metrics of every property that is tested, in physical units and scaled."""
    return {
        code: scaled_metrics(
            test.scaler.restore(test.targets),
            test.scaler.restore(predictions[code]),
            test.scaler.half_range,
        )
        for code, test in task.tests.items()
    }


def _labelled(
    store: GraphStore, task: Task, ids: list[str], device: torch.device
) -> LabelledGraphs:
    targets = np.array([task.targets[id] for id in ids], dtype=np.float32)
    return LabelledGraphs(
        load_graphs(store, positions_of(store, ids), device),
        torch.from_numpy(targets).to(device),
        tuple(task.tests),
    )


def _reporter(run: Run) -> Callable[[str], None]:
    def report(line: str) -> None:
        print(f"{time.strftime('%H:%M:%S')} {run.id}: {line}", file=sys.stderr, flush=True)

    return report

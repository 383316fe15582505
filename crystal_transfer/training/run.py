"""One run, from top to bottom: draw the sample, train, test, write."""

import json
import os
import platform
import sys
import time
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from crystal_transfer import __version__
from crystal_transfer.errors import InputError
from crystal_transfer.experiments.runs import RESULTS_VERSION, TESTED_AT_ONCE, Run, description
from crystal_transfer.files import sha256, write_csv, write_json, write_text
from crystal_transfer.graphs.batches import load_graphs
from crystal_transfer.graphs.store import GraphStore, open_store, positions_of
from crystal_transfer.models.alignn import ALIGNN, AlignnConfig
from crystal_transfer.models.checkpoints import load_weights, save_weights
from crystal_transfer.models.heads import PropertyHeads
from crystal_transfer.models.strategies import STRATEGIES
from crystal_transfer.models.transfer import transfer
from crystal_transfer.training.loop import Progress, fit
from crystal_transfer.training.memory import keep_freed_memory
from crystal_transfer.training.metrics import metrics
from crystal_transfer.training.prediction import predict
from crystal_transfer.training.steps import LabelledGraphs
from crystal_transfer.training.tasks import Task, TestSet, one_property, several_properties

PREDICTION_COLUMNS = [
    "id", "property", "target", "prediction", "target_scaled", "prediction_scaled"
]  # fmt: skip
# what torch.set_float32_matmul_precision calls them; tf32 is fp32 on a CPU
PRECISIONS = {"fp32": "highest", "tf32": "high", "bf16": "medium"}


@dataclass(frozen=True)
class Inputs:
    """The files a run reads.

    Attributes
    ----------
    graphs
        Of the run's dataset, or of all datasets together.
    table, split, scaler
        Of the run's dataset; None for a multipretrain.
    labels
        Of all properties, see `datasets.labels`; None but for a multipretrain.
    weights
        Of the run it starts from, or None.
    excluded
        JSON list of crystals that must not be drawn, or None.
    """

    graphs: str
    table: str | None = None
    split: str | None = None
    scaler: str | None = None
    labels: str | None = None
    weights: str | None = None
    excluded: str | None = None


@dataclass(frozen=True)
class Outputs:
    """The files a run writes; `checkpoint` exists only while it trains."""

    weights: str
    metrics: str
    predictions: str
    history: str
    description: str
    checkpoint: str


@dataclass(frozen=True)
class Settings:
    """What all runs of a study share.

    Attributes
    ----------
    seed
        Seed of the study.
    test_fraction
        Share of a dataset that is its test set.
    tested_epoch
        ``last`` or ``best`` (lowest validation loss).
    freeze_norms
        Whether the running statistics of frozen norms stay as they are.
    backend
        ``torch``, or ``alignn`` for the reference on DGL.
    device
        ``auto``, ``cpu`` or ``cuda``.
    threads
        CPU threads.
    model
        Sizes of the network.
    precision
        Of matrix products: one of `PRECISIONS`.
    """

    seed: int
    test_fraction: float
    tested_epoch: str
    freeze_norms: bool
    backend: str
    device: str
    threads: int
    model: AlignnConfig
    precision: str = "fp32"


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
        If `asked_to_stop`, asked after every batch, says so; the run continues when it is
        carried out again.
    """
    started = time.monotonic()
    keep_freed_memory()
    torch.set_num_threads(settings.threads)
    torch.set_float32_matmul_precision(PRECISIONS[settings.precision])
    device = choose_device(settings.device)
    task = _task(run, inputs, settings)
    store = open_store(inputs.graphs)

    seed = zlib.crc32(f"{settings.seed} {run.dataset} {run.size} {run.trial}".encode())
    torch.manual_seed(seed)
    model = build_model(settings, store, run.properties)
    if inputs.weights:
        weights = load_weights(inputs.weights)
        transfer(model, weights, STRATEGIES[run.strategy], inputs.weights)
    model.to(device)
    report = _reporter(run)
    n_training, n_validation = len(task.training), len(task.validation)
    report(f"{n_training} crystals to train on, {n_validation} to validate, on {device}")
    progress = fit(
        model,
        _labelled(store, task, task.training, device),
        _labelled(store, task, task.validation, device),
        run.hyperparameters,
        seed,
        settings.freeze_norms,
        Path(outputs.checkpoint),
        report,
        asked_to_stop,
    )
    if settings.tested_epoch == "best":
        model.load_state_dict(progress.best_weights)
    predictions = _test(model, store, task.tests, device)
    results = {
        code: metrics(
            test.scaler.restore(test.targets),
            test.scaler.restore(predictions[code]),
            test.scaler.half_range,
        )
        for code, test in task.tests.items()
    }
    for code, result in results.items():
        report(f"{code}, {result['n_test']} test crystals: R2 {result['r2']}, MAE {result['mae']}")

    measured = {"properties": results} if run.properties else results[run.dataset]
    write_json(outputs.metrics, _identity(run) | measured | {"best_epoch": progress.best_epoch})
    write_csv(outputs.history, list(progress.history[0]), map(dict.values, progress.history))
    write_csv(outputs.predictions, PREDICTION_COLUMNS, _prediction_rows(task.tests, predictions))
    save_weights(model, outputs.weights)
    write_text(
        outputs.description,
        _made_by(run, inputs, settings, device, progress, task, time.monotonic() - started),
    )
    Path(outputs.checkpoint).unlink(missing_ok=True)


def _task(run: Run, inputs: Inputs, settings: Settings) -> Task:
    if run.properties:
        return several_properties(run, inputs.labels, settings.seed)
    if run.source and run.dataset in run.source.properties:
        raise InputError(
            f"{run.id}: {run.dataset} is among the properties of its pre-training, which would "
            "train on what is tested; take it out of them."
        )
    return one_property(
        run,
        inputs.table,
        inputs.split,
        inputs.scaler,
        inputs.excluded,
        settings.test_fraction,
    )


def choose_device(name: str) -> torch.device:
    """Turn ``auto``, ``cpu`` or ``cuda`` into a device.

    Raises
    ------
    InputError
        If ``cuda`` is asked for and there is none.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError(
            "config key training.device: 'cuda' was asked for, but PyTorch sees no GPU; "
            "use 'auto' or 'cpu', or check the driver and the job's GPU request."
        )
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def build_model(
    settings: Settings, store: GraphStore, properties: tuple[str, ...] = ()
) -> nn.Module:
    """Give an untrained model of the chosen backend, with a head for each of several properties."""
    features = torch.from_numpy(np.array(store.features))
    if settings.backend == "alignn":
        from crystal_transfer.models.reference import ReferenceALIGNN

        return ReferenceALIGNN(settings.model, features)
    model = ALIGNN(settings.model, features)
    if properties:
        model.fc = PropertyHeads(model.fc.in_features, properties)
    return model


def _labelled(store: GraphStore, task: Task, ids: list[str], device) -> LabelledGraphs:
    targets = np.array([task.targets[id] for id in ids], dtype=np.float32)
    return LabelledGraphs(
        load_graphs(store, positions_of(store, ids), device),
        torch.from_numpy(targets).to(device),
        tuple(task.tests),
    )


def _test(
    model: nn.Module, store: GraphStore, tests: dict[str, TestSet], device
) -> dict[str, np.ndarray]:
    """Predict the scaled targets of every property's test set, [n_crystals] each."""
    ids = list(dict.fromkeys(id for test in tests.values() for id in test.ids))
    if not ids:
        return {code: np.empty(0) for code in tests}
    positions = positions_of(store, ids)
    starts = range(0, len(positions), TESTED_AT_ONCE)
    parts = [positions[start : start + TESTED_AT_ONCE] for start in starts]
    outputs = [predict(model, load_graphs(store, part, device)).cpu() for part in parts]
    predicted = torch.cat(outputs).double().numpy()
    place = {id: row for row, id in enumerate(ids)}
    return {
        code: predicted[[place[id] for id in test.ids], column]
        for column, (code, test) in enumerate(tests.items())
    }


def _prediction_rows(tests: dict[str, TestSet], predictions: dict[str, np.ndarray]):
    for code, (ids, scaled, scaler) in tests.items():
        predicted = predictions[code]
        columns = scaler.restore(scaled), scaler.restore(predicted), scaled, predicted
        for id, *values in zip(ids, *columns, strict=True):
            yield id, code, *values


def _identity(run: Run) -> dict:
    """Say which cell of the grid a result belongs to."""
    return {
        "id": run.id,
        "kind": run.kind,
        "source": run.source.dataset if run.source else "",
        "source_size": run.source.size if run.source else 0,
        "source_properties": max(1, len(run.source.properties)) if run.source else 0,
        "dataset": run.dataset,
        "size": run.size,
        "strategy": run.strategy,
        "sampling": run.sampling,
        "variation": run.variation,
        "max_lr": run.hyperparameters.max_lr,
        "trial": run.trial,
    }


def _made_by(
    run: Run,
    inputs: Inputs,
    settings: Settings,
    device: torch.device,
    progress: Progress,
    task: Task,
    seconds: float,
) -> str:
    """All that made the run; JSON, and thereby YAML."""
    files = {
        name: {"path": path, "sha256": sha256(path)}
        for name, path in asdict(inputs).items()
        if path and Path(path).is_file()
    }
    content = {
        "run": description(run),
        "settings": asdict(settings),
        "inputs": files,
        "sample": task.training + task.validation,
        "best_epoch": progress.best_epoch,
        "versions": {
            "crystal-transfer": __version__,
            "results": RESULTS_VERSION,
            "torch": torch.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
        "host": platform.node(),
        "device": torch.cuda.get_device_name() if device.type == "cuda" else platform.machine(),
        "job": os.environ.get("SLURM_JOB_ID"),
        "seconds": round(seconds, 2),
    }
    return json.dumps(content, indent=1) + "\n"


def _reporter(run: Run):
    def report(line: str) -> None:
        print(f"{time.strftime('%H:%M:%S')} {run.id}: {line}", file=sys.stderr, flush=True)

    return report

"""One run, from top to bottom: draw the sample, train, test, write."""

import hashlib
import json
import os
import platform
import sys
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from crystal_transfer import __version__
from crystal_transfer.errors import InputError, Interrupted
from crystal_transfer.files import checksum, write_csv, write_json, write_text
from crystal_transfer.graphs.batches import load_graphs
from crystal_transfer.graphs.store import GraphStore, open_store, positions_of, verify
from crystal_transfer.metrics import metrics
from crystal_transfer.models.contract import Network
from crystal_transfer.models.heads import build_head
from crystal_transfer.models.networks import build_network
from crystal_transfer.models.saved import SavedModel, described, is_finite, save_model, saved_from
from crystal_transfer.models.strategies import MULTI_HEAD, STRATEGIES, Head
from crystal_transfer.models.transfer import transfer
from crystal_transfer.models.weights import load_weights, member_meant
from crystal_transfer.protocols import TestedEpoch, TrainingSeed
from crystal_transfer.runs import (
    RESULTS_VERSION,
    Run,
    RunKind,
    cell_of,
    description,
    result_row,
)
from crystal_transfer.training.interruption import only_one
from crystal_transfer.training.loop import Progress, fit
from crystal_transfer.training.memory import keep_freed_memory
from crystal_transfer.training.prediction import predict
from crystal_transfer.training.settings import TESTED_AT_ONCE, Device, Precision, Settings, plain
from crystal_transfer.training.steps import LabelledGraphs
from crystal_transfer.training.tasks import Task, TestSet, one_property, several_properties

PREDICTION_COLUMNS = [
    "id", "property", "target", "prediction", "target_scaled", "prediction_scaled"
]  # fmt: skip
PUBLISHED_SEED = 123  # for every trial; published files of Devi et al. 2024
# what torch.set_float32_matmul_precision calls them; tf32 is fp32 on a CPU
PRECISIONS = {Precision.FP32: "highest", Precision.TF32: "high", Precision.BF16: "medium"}


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

    model: str
    metrics: str
    predictions: str
    history: str
    description: str
    checkpoint: str


def require_threads(settings: Settings, given: int) -> None:
    """Check that a training gets its number of threads, since sums depend on it in the last bits.

    Raises
    ------
    InputError
        If Snakemake has given it fewer.
    """
    if given < settings.threads:
        raise InputError(
            f"config key training.threads: {settings.threads} threads were asked for, but "
            f"Snakemake has only {given} cores for this job; run it with --cores "
            f"{settings.threads} or more, or ask for fewer threads."
        )


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
    _require_precision(settings.precision, device)
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
    checksums = _checksums(inputs)
    task = _task(run, inputs, settings)
    store = open_store(inputs.graphs)
    assert run.hyperparameters is not None, "a checkpoint is not trained"
    seed = training_seed(run, settings)
    torch.manual_seed(seed)
    report = _reporter(run)
    network, head = prepare_network(run, settings, store, inputs.weights, report)
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
    predictions = _test(network, store, task.tests, device, asked_to_stop)
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

    scalers = {code: test.scaler for code, test in task.tests.items()}
    saved = saved_from(network, run.network, settings.sizes, head, scalers, settings.bond_rule)
    if not is_finite(saved):
        report("the training has diverged: its weights are not finite, and it has no metrics")
    measured: dict[str, Any] = {"best_epoch": progress.best_epoch}
    measured |= {"properties": results} if run.properties else results[run.dataset]
    write_csv(outputs.history, list(progress.history[0]), map(dict.values, progress.history))
    write_csv(outputs.predictions, PREDICTION_COLUMNS, _prediction_rows(task.tests, predictions))
    save_model(saved, outputs.model)
    write_text(
        outputs.description,
        _made_by(run, checksums, settings, device, progress, task, time.monotonic() - started),
    )
    # last: a run is done when it has metrics
    write_json(outputs.metrics, result_row(run.id, cell_of(run), run.trial, measured))
    Path(outputs.checkpoint).unlink(missing_ok=True)


def training_seed(run: Run, settings: Settings) -> int:
    """Return what decides the initial weights and the order of the crystals."""
    if settings.training_seed is TrainingSeed.PUBLISHED:
        return PUBLISHED_SEED
    return zlib.crc32(f"{settings.seed} {run.dataset} {run.size} {run.trial}".encode())


def _checksums(inputs: Inputs) -> dict[str, str]:
    """Return the checksum of every file that a run reads; the graphs are checked against theirs.

    Where the weights are one of several members of an archive, it says which.
    """
    found = {
        name: checksum(path)
        for name, path in asdict(inputs).items()
        if path is not None and name != "graphs"
    }
    if inputs.weights is not None and (member := member_meant(inputs.weights)):
        found["member of weights"] = member
    return found | {"graphs": verify(inputs.graphs)}


def fingerprint(run: Run, settings: Settings, checksums: Mapping[str, str]) -> str:
    """Return a checksum of all that decides the weights that a training ends with."""
    content = {
        "run": description(run),
        "settings": plain(settings),
        "inputs": dict(checksums),
        "results": RESULTS_VERSION,
        "torch": torch.__version__,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


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


def choose_device(name: Device) -> torch.device:
    """Return the device that a word stands for.

    Raises
    ------
    InputError
        If ``cuda`` is asked for and there is none.
    """
    if name is Device.CUDA and not torch.cuda.is_available():
        raise InputError(
            "config key training.device: 'cuda' was asked for, but PyTorch sees no GPU; "
            "use 'auto' or 'cpu', or check the driver and the job's GPU request."
        )
    found = name is not Device.CPU and torch.cuda.is_available()
    return torch.device("cuda" if found else "cpu")


def _require_precision(precision: Precision, device: torch.device) -> None:
    """Refuse what a device would silently compute in another precision.

    Raises
    ------
    InputError
        For bf16 on a GPU, where PyTorch's word for it means tf32.
    """
    if precision is Precision.BF16 and device.type == "cuda":
        raise InputError(
            "config key training.precision: bf16 is for CPUs; take tf32 or fp32 on a GPU."
        )


def prepare_network(
    run: Run,
    settings: Settings,
    store: GraphStore,
    weights: str | None,
    report: Callable[[str], None],
) -> tuple[Network, Head]:
    """Return the network that a run starts with, and what its output network is.

    Parameters
    ----------
    run, settings
        What is trained.
    store
        Graphs, with the input features of the elements.
    weights
        File of the weights that it starts from, or None.
    report
        Takes what a reader must know of them.

    Raises
    ------
    InputError
        If the weights are of another network, or their file says that they do not fit the run.
    """
    features = torch.from_numpy(np.array(store.features))
    network = build_network(run.network, settings.sizes, features)
    if run.properties:
        network.fc = build_head(MULTI_HEAD, network.features, run.properties)
        return network, MULTI_HEAD
    if weights is None:
        return network, Head(())
    strategy = STRATEGIES[run.strategy]
    # any other file is one of torch.save, which says nothing of its weights
    source = described(weights) if Path(weights).suffix == ".safetensors" else None
    if source:
        _require_fitting(source, weights, run, features)
        if source.bond_rule != settings.bond_rule:
            report(f"{weights}: trained on bonds of rule {source.bond_rule}, not as here")
    transfer(network, source.tensors if source else load_weights(weights), strategy, weights)
    return network, strategy.head or Head(())


def _require_fitting(source: SavedModel, path: str, run: Run, features: Tensor) -> None:
    if not torch.equal(source.species_features, features):
        raise InputError(
            f"{path}: was trained with other input features of the elements than the graphs of "
            f"{run.dataset} have; take a source of this version, or train it again."
        )
    from_outside = run.source is not None and run.source.kind is RunKind.CHECKPOINT
    if from_outside and run.dataset in source.scalers:
        raise InputError(
            f"{path}: was trained on {run.dataset} itself, so that it may have learned what "
            f"{run.id} is tested on; take another source, or, where its crystals are others, give "
            "the dataset another code."
        )


def _labelled(
    store: GraphStore, task: Task, ids: list[str], device: torch.device
) -> LabelledGraphs:
    targets = np.array([task.targets[id] for id in ids], dtype=np.float32)
    return LabelledGraphs(
        load_graphs(store, positions_of(store, ids), device),
        torch.from_numpy(targets).to(device),
        tuple(task.tests),
    )


def _test(
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


def _prediction_rows(
    tests: Mapping[str, TestSet], predictions: Mapping[str, np.ndarray]
) -> Iterator[tuple[Any, ...]]:
    for code, (ids, scaled, scaler) in tests.items():
        predicted = predictions[code]
        columns = scaler.restore(scaled), scaler.restore(predicted), scaled, predicted
        for id, *values in zip(ids, *columns, strict=True):
            yield id, code, *values


def _made_by(
    run: Run,
    checksums: Mapping[str, str],
    settings: Settings,
    device: torch.device,
    progress: Progress,
    task: Task,
    seconds: float,
) -> str:
    """Return all that made the run, as JSON."""
    content = {
        "run": description(run),
        "settings": plain(settings),
        "inputs": dict(checksums),
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


def _reporter(run: Run) -> Callable[[str], None]:
    def report(line: str) -> None:
        print(f"{time.strftime('%H:%M:%S')} {run.id}: {line}", file=sys.stderr, flush=True)

    return report

"""One run, from top to bottom: draw the sample, train, test, write."""

import json
import os
import platform
import sys
import time
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from crystal_transfer import __version__
from crystal_transfer.datasets import crystals, scaling, splits
from crystal_transfer.errors import InputError
from crystal_transfer.experiments.runs import RESULTS_VERSION, Run, description
from crystal_transfer.files import read_json, sha256, write_csv, write_json, write_text
from crystal_transfer.graphs.batches import load_graphs
from crystal_transfer.graphs.store import GraphStore, open_store, positions_of
from crystal_transfer.models.alignn import ALIGNN, AlignnConfig
from crystal_transfer.models.checkpoints import initialise, load_weights, save_weights
from crystal_transfer.models.strategies import STRATEGIES
from crystal_transfer.training.loop import LabelledGraphs, Progress, fit, predict
from crystal_transfer.training.memory import keep_freed_memory
from crystal_transfer.training.metrics import metrics

TEST_CHUNK = 2048  # crystals on the device at once while testing


@dataclass(frozen=True)
class Inputs:
    """The files a run reads.

    Attributes
    ----------
    table, split, scaler, graphs
        Of the run's dataset.
    weights
        Of the run it starts from, or None.
    excluded
        JSON list of crystals that must not be drawn, or None.
    """

    table: str
    split: str
    scaler: str
    graphs: str
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
    """

    seed: int
    test_fraction: float
    tested_epoch: str
    freeze_norms: bool
    backend: str
    device: str
    threads: int
    model: AlignnConfig


def train(run: Run, inputs: Inputs, outputs: Outputs, settings: Settings) -> None:
    """Carry out a run and write all its outputs.

    Raises
    ------
    InputError
        If the inputs do not fit the run: pool too small, other weights, other graphs.
    """
    started = time.monotonic()
    keep_freed_memory()
    torch.set_num_threads(settings.threads)
    device = choose_device(settings.device)
    split = splits.load(inputs.split)
    scaler = scaling.load(inputs.scaler)
    store = open_store(inputs.graphs)
    scaled = _scaled_targets(inputs.table, scaler)
    sample = _sample(run, split, settings, inputs.excluded)
    test = splits.tested(split, sample)
    training, validation = splits.train_and_validation(sample)

    seed = zlib.crc32(f"{settings.seed} {run.dataset} {run.size} {run.trial}".encode())
    torch.manual_seed(seed)
    model = build_model(settings, store).to(device)
    if inputs.weights:
        initialise(model, load_weights(inputs.weights), inputs.weights)
        STRATEGIES[run.strategy](model)
    report = _reporter(run)
    report(f"{len(training)} crystals to train on, {len(validation)} to validate, on {device}")
    progress = fit(
        model,
        _labelled(store, training, scaled, device),
        _labelled(store, validation, scaled, device),
        run.hyperparameters,
        seed,
        settings.freeze_norms,
        Path(outputs.checkpoint),
        report,
    )
    if settings.tested_epoch == "best":
        model.load_state_dict(progress.best_weights)
    prediction = _test(model, store, test, device)
    target = np.array([scaled[id] for id in test])
    result = metrics(scaler.restore(target), scaler.restore(prediction), scaler.half_range)
    report(f"tested on {result['n_test']} crystals: R2 {result['r2']}, MAE {result['mae']}")

    write_json(outputs.metrics, _identity(run) | result | {"best_epoch": progress.best_epoch})
    write_csv(outputs.history, list(progress.history[0]), map(dict.values, progress.history))
    write_csv(
        outputs.predictions,
        ["id", "target", "prediction", "target_scaled", "prediction_scaled"],
        zip(
            test,
            scaler.restore(target),
            scaler.restore(prediction),
            target,
            prediction,
            strict=True,
        ),
    )
    save_weights(model, outputs.weights)
    write_text(
        outputs.description,
        _made_by(run, inputs, settings, device, progress, sample, time.monotonic() - started),
    )
    Path(outputs.checkpoint).unlink(missing_ok=True)


def _sample(run: Run, split: splits.Split, settings: Settings, excluded: str | None) -> list[str]:
    """Give the crystals of a run; a pre-training draws from what `excluded` leaves of the pool."""
    if run.kind != "pretrain":
        return splits.sample_of(split, run.size, run.trial, settings.seed)
    without = read_json(excluded) if excluded else []
    size = splits.pool_share(run.size, settings.test_fraction)
    if without:  # a pool without them may fall short of the nominal size
        size = min(size, len(set(split.pool) - set(without)))
    return splits.draw(split, size, run.trial, settings.seed, without)


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


def build_model(settings: Settings, store: GraphStore) -> nn.Module:
    """Give an untrained model of the chosen backend."""
    features = torch.from_numpy(np.array(store.features))
    if settings.backend == "alignn":
        from crystal_transfer.models.reference import ReferenceALIGNN

        return ReferenceALIGNN(settings.model, features)
    return ALIGNN(settings.model, features)


def _scaled_targets(table: str, scaler: scaling.Scaler) -> dict[str, float]:
    content = crystals.load(table)
    return dict(zip(content.ids.tolist(), scaler.scale(content.targets).tolist(), strict=True))


def _labelled(store, ids, scaled, device) -> LabelledGraphs:
    targets = torch.tensor([scaled[id] for id in ids], dtype=torch.float32, device=device)
    return LabelledGraphs(load_graphs(store, positions_of(store, ids), device), targets)


def _test(model: nn.Module, store: GraphStore, ids: list[str], device) -> np.ndarray:
    """Predict the scaled targets of the given crystals, [n]."""
    if not ids:
        return np.empty(0)
    positions = positions_of(store, ids)
    parts = [positions[i : i + TEST_CHUNK] for i in range(0, len(positions), TEST_CHUNK)]
    predictions = [predict(model, load_graphs(store, part, device)).cpu() for part in parts]
    return torch.cat(predictions).double().numpy()


def _identity(run: Run) -> dict:
    """Say which cell of the grid a result belongs to."""
    return {
        "id": run.id,
        "kind": run.kind,
        "source": run.source.dataset if run.source else "",
        "source_size": run.source.size if run.source else 0,
        "dataset": run.dataset,
        "size": run.size,
        "strategy": run.strategy,
        "trial": run.trial,
    }


def _made_by(
    run: Run,
    inputs: Inputs,
    settings: Settings,
    device: torch.device,
    progress: Progress,
    sample: list[str],
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
        "sample": sample,
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

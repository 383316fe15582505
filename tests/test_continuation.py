"""What is continued, and what is not: a checkpoint belongs to one training, and is whole."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from runs import HOW, SCRATCH, SETTINGS, outputs, prepare, weights_of

from crystal_transfer.datasets import crystals, scaling, splits
from crystal_transfer.errors import Interrupted
from crystal_transfer.graphs.build import build
from crystal_transfer.models.sizes import AlignnSizes
from crystal_transfer.protocols import FrozenNorms, TestedEpoch, TrainingSeed
from crystal_transfer.runs import Run, RunKind, Sampling
from crystal_transfer.training.paths import Inputs, Outputs
from crystal_transfer.training.run import train
from crystal_transfer.training.settings import Precision


def interrupted(run, inputs, result, settings=SETTINGS, steps=7) -> None:
    """Leave the checkpoint of a training that was stopped after some steps."""
    asked = iter([False] * (steps - 1) + [True])
    with pytest.raises(Interrupted):
        train(run, inputs, result, settings, lambda: next(asked))
    assert Path(result.checkpoint).exists()


def same(one: Outputs, other: Outputs) -> bool:
    a, b = weights_of(one), weights_of(other)
    equal = a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)
    return equal and Path(one.predictions).read_bytes() == Path(other.predictions).read_bytes()


@pytest.fixture(scope="module")
def data(alloys, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    prepare(alloys, folder)
    return folder


@pytest.fixture(scope="module")
def source(data, alloys, tmp_path_factory) -> Outputs:
    result = outputs(tmp_path_factory.mktemp("source"))
    train(
        replace(SCRATCH, hyperparameters=replace(HOW, epochs=1)), inputs_of(data), result, SETTINGS
    )
    return result


def inputs_of(folder: Path) -> Inputs:
    names = {"table": "crystals.npz", "split": "split.json", "scaler": "scaler.json"}
    return Inputs(
        graphs=str(folder / "graphs"), **{key: str(folder / name) for key, name in names.items()}
    )


def copied(data: Path, folder: Path) -> Inputs:
    import shutil

    shutil.copytree(data, folder)
    return inputs_of(folder)


def other_targets(inputs: Inputs) -> None:
    table = crystals.load(inputs.table)
    crystals.save(replace(table, targets=table.targets * 1.01), inputs.table)


def other_scaler(inputs: Inputs) -> None:
    scaler = scaling.load(inputs.scaler)
    scaling.save(replace(scaler, maximum=scaler.maximum * 1.5), inputs.scaler)


def other_split(inputs: Inputs) -> None:
    split = splits.load(inputs.split)
    swapped = [split.test[0], *split.pool[1:]]
    test = [split.pool[0], *split.test[1:]]
    splits.save(replace(split, test=test, pool=swapped), inputs.split)


def other_graphs(inputs: Inputs) -> None:
    build(inputs.table, inputs.graphs, "alignn", False)


CHANGED_FILES = {
    "targets": other_targets,
    "scaler": other_scaler,
    "split": other_split,
    "graphs": other_graphs,
}


@pytest.mark.parametrize("what", CHANGED_FILES)
def test_other_data(what, data, tmp_path, capsys):
    inputs, result = copied(data, tmp_path / "data"), outputs(tmp_path / "run")
    interrupted(SCRATCH, inputs, result)
    CHANGED_FILES[what](inputs)
    train(SCRATCH, inputs, result, SETTINGS)
    assert "the checkpoint is of another training" in capsys.readouterr().err
    fresh = outputs(tmp_path / "fresh")
    train(SCRATCH, inputs, fresh, SETTINGS)
    assert same(result, fresh)


CHANGED_SETTINGS = {
    "precision": {"precision": Precision.BF16},
    "tested epoch": {"tested_epoch": TestedEpoch.BEST},
    "frozen norms": {"frozen_norms": FrozenNorms.FROZEN},
    "seed": {"seed": 1},
    "threads": {"threads": 2},
    "sizes": {"sizes": AlignnSizes(1, 1, 8, 32)},
    "training seed": {"training_seed": TrainingSeed.PUBLISHED},
}


@pytest.mark.parametrize("what", CHANGED_SETTINGS)
def test_other_settings(what, data, tmp_path, capsys):
    inputs, result = inputs_of(data), outputs(tmp_path / "run")
    settings = replace(SETTINGS, **CHANGED_SETTINGS[what])
    interrupted(SCRATCH, inputs, result)
    train(SCRATCH, inputs, result, settings)
    assert "the checkpoint is of another training" in capsys.readouterr().err
    fresh = outputs(tmp_path / "fresh")
    train(SCRATCH, inputs, fresh, settings)
    assert same(result, fresh)
    torch.set_num_threads(1)
    torch.set_float32_matmul_precision("highest")


CHANGED_RUNS = {
    "rate": {"hyperparameters": replace(HOW, max_lr=1e-3)},
    "batch": {"hyperparameters": replace(HOW, batch_size=8)},
    "epochs": {"hyperparameters": replace(HOW, epochs=7)},
    "trial": {"trial": 2},
    "size": {"size": 24},
    "sampling": {"sampling": Sampling.UNIFORM},
}


@pytest.mark.parametrize("what", CHANGED_RUNS)
def test_another_run(what, data, tmp_path, capsys):
    inputs, result = inputs_of(data), outputs(tmp_path / "run")
    interrupted(SCRATCH, inputs, result)
    other = replace(SCRATCH, **CHANGED_RUNS[what])
    train(other, inputs, result, SETTINGS)
    assert "the checkpoint is of another training" in capsys.readouterr().err


def test_other_source_weights(data, source, tmp_path, capsys):
    run = Run(RunKind.FINETUNE, "X", 20, 1, HOW, source=SCRATCH, strategy="all")
    inputs, result = replace(inputs_of(data), weights=source.model), outputs(tmp_path / "run")
    interrupted(run, inputs, result)
    second = outputs(tmp_path / "second")
    train(SCRATCH, inputs_of(data), second, SETTINGS)
    train(run, replace(inputs, weights=second.model), result, SETTINGS)
    assert "the checkpoint is of another training" in capsys.readouterr().err


def test_damaged_checkpoints_start_anew_and_end_alike(data, tmp_path, capsys):
    """Cut off at any place, or with any bit flipped: the training ends as if there were none."""
    inputs, fresh = inputs_of(data), outputs(tmp_path / "fresh")
    train(SCRATCH, inputs, fresh, SETTINGS)
    result = outputs(tmp_path / "run")
    interrupted(SCRATCH, inputs, result)
    whole = Path(result.checkpoint).read_bytes()
    generator = np.random.default_rng(0)
    damages = [b"", whole[:20], whole[: len(whole) // 2], whole[:-1], b"PK\x03\x04" + whole]
    for place in generator.integers(0, len(whole), 10):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << int(generator.integers(8))
        damages.append(bytes(flipped))
    for damaged in damages:
        Path(result.checkpoint).write_bytes(damaged)
        train(SCRATCH, inputs, result, SETTINGS)
        assert "the checkpoint is damaged" in capsys.readouterr().err
        assert same(result, fresh)


def test_an_undamaged_one_is_continued(data, tmp_path, capsys):
    inputs, fresh, result = inputs_of(data), outputs(tmp_path / "fresh"), outputs(tmp_path / "run")
    train(SCRATCH, inputs, fresh, SETTINGS)
    interrupted(SCRATCH, inputs, result)
    train(SCRATCH, inputs, result, SETTINGS)
    assert "continuing after epoch 1, batch 3" in capsys.readouterr().err
    assert same(result, fresh)

"""What tests of trainings share: a small model, a short training, and the files of a run."""

from pathlib import Path

import torch
from conftest import saved

from crystal_transfer.datasets import scaling, splits
from crystal_transfer.datasets.crystals import CrystalTable
from crystal_transfer.graphs.build import build
from crystal_transfer.models.sizes import AlignnSizes
from crystal_transfer.models.weights import load_weights
from crystal_transfer.protocols import FrozenNorms, TestedEpoch, TestLabels, TrainingSeed
from crystal_transfer.results.layout import Layout
from crystal_transfer.runs import Hyperparameters, Loss, Run, RunKind
from crystal_transfer.training.paths import Inputs, Outputs
from crystal_transfer.training.settings import Device, Precision, Settings

SMALL = AlignnSizes(alignn_layers=1, gcn_layers=1, embedding_features=8, hidden_features=16)
SETTINGS = Settings(
    seed=0,
    tested_epoch=TestedEpoch.LAST,
    frozen_norms=FrozenNorms.MOVING,
    training_seed=TrainingSeed.PER_TRIAL,
    multi_test_labels=TestLabels.WITHHELD,
    bond_rule="shell",
    data="",
    device=Device.CPU,
    precision=Precision.FP32,
    record_steps=True,
    threads=1,
    sizes=SMALL,
)
HOW = Hyperparameters(
    epochs=6, batch_size=4, max_lr=1e-2, loss=Loss.MSE, weight_decay=1e-5, pct_start=0.3
)
SCRATCH = Run(RunKind.SCRATCH, "X", 20, 1, HOW)


def prepare(table: CrystalTable, folder: Path, compress: bool = True) -> Inputs:
    """Write all files that a run on a table reads."""
    folder.mkdir(exist_ok=True)
    path = saved(table, folder)
    splits.save(splits.split("X", table.ids.tolist(), 0.2, 0), folder / "split.json")
    scaling.save(scaling.fit(table.targets, "X"), folder / "scaler.json")
    build(path, folder / "graphs", "shell", compress)
    return Inputs(
        graphs=str(folder / "graphs"),
        table=str(path),
        split=str(folder / "split.json"),
        scaler=str(folder / "scaler.json"),
    )


def outputs(folder: Path) -> Outputs:
    """Name all files that a run writes."""
    folder.mkdir(exist_ok=True)
    files = Layout(str(folder)).run("run")
    return Outputs(**files.outputs, checkpoint=files.checkpoint)


def weights_of(result: Outputs) -> dict[str, torch.Tensor]:
    """Read the weights that a run wrote."""
    return load_weights(result.model)

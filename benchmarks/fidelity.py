"""The first epochs of the published training histories beside ours, at two peak learning rates.

    python benchmarks/fidelity.py --data ../shared/data/real --reference ../shared/reference

Protocol `paper`: the published samples and target ranges, graphs as alignn's, seed 123 right before
the network is built, AdamW with a one-cycle schedule over 500 epochs. The published histories have
loss and validation MAE after each epoch, in evaluation mode. The order of the crystals within an
epoch is not known, so numbers agree as trainings do that differ in it.
"""

import argparse
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import torch

from crystal_transfer.datasets import crystals
from crystal_transfer.datasets.cleaning import clean
from crystal_transfer.datasets.crystals import CrystalTable, tabulate
from crystal_transfer.datasets.imposed import range_of_dataset
from crystal_transfer.datasets.sources.jarvis import read_jarvis
from crystal_transfer.datasets.splits import train_and_validation
from crystal_transfer.graphs.batches import choose, load_graphs
from crystal_transfer.graphs.build import build
from crystal_transfer.graphs.store import open_store, positions_of
from crystal_transfer.models.networks import build_network
from crystal_transfer.models.sizes import AlignnSizes
from crystal_transfer.protocols import FrozenNorms
from crystal_transfer.runs import Hyperparameters, Loss
from crystal_transfer.training.criterion import MEAN_ABSOLUTE_ERROR, criterion_of
from crystal_transfer.training.loop import Training, batches_of
from crystal_transfer.training.prediction import predict
from crystal_transfer.training.run import PUBLISHED_SEED
from crystal_transfer.training.steps import LabelledGraphs, step_by_step

EPOCHS = 5
# the last is one of four published trainings, all of DC, that were not at the rate of the others
CASES = (("PH", 1, 800), ("PH", 2, 200), ("GV", 1, 200), ("DC", 3, 200), ("DC", 1, 200))
RATES = (1e-4, 1e-3)
# FT size -> epoch at which the losses of the two rates are far apart
EARLY = {200: 10, 500: 6, 800: 4}


@dataclass(frozen=True)
class Published:
    """The folder with the crystals, and the one with samples, ranges and histories."""

    data: Path
    reference: Path

    def sample(self, code: str, trial: int, size: int) -> list[str]:
        """Return the ids of a published sample, in order."""
        content = _json(self.reference / "trials.json.gz")
        sizes = {key.upper(): value for key, value in content.items()}[code]
        return [str(id) for id in sizes[str(trial)][str(size)]]

    def history(self, code: str, trial: int, size: int) -> dict[str, list[float]]:
        """Return the published history of a training from scratch."""
        history: dict[str, list[float]] = self._histories()[code][str(trial)][str(size)]
        return history

    def _histories(self) -> dict[str, dict]:
        """Return all published histories of training from scratch: dataset -> trial -> FT size."""
        scratch = _json(self.reference / "histories.json.gz")["scratch"]
        return {key.upper(): value for key, value in scratch.items()}

    def early_losses(self) -> pd.Series:
        """Return the early loss of every training, as a multiple of that of its median trial."""
        losses = {
            (code, size, int(trial)): sizes[str(size)]["training_loss"][epoch - 1]
            for code, trials in self._histories().items()
            for trial, sizes in trials.items()
            for size, epoch in EARLY.items()
            if str(size) in sizes
        }
        found = pd.Series(losses).rename_axis(["dataset", "n", "trial"])
        return found / found.groupby(["dataset", "n"]).transform("median")

    def crystals(self, code: str, ids: list[str]) -> CrystalTable:
        """Return the crystals of a sample."""
        table, _ = clean(read_jarvis(self.data / f"{code.lower()}.json.gz"))
        rows = {crystal.id: crystal for crystal in table}
        return tabulate(rows[id] for id in ids)


def _json(path: Path) -> dict:
    with gzip.open(path) as handle:
        content: dict = json.load(handle)
    return content


def usual(max_lr: float, size: int) -> Hyperparameters:
    """Return how the paper trains a sample."""
    return Hyperparameters(
        epochs=500, batch_size=16 if size >= 200 else 2 if size >= 100 else 1, max_lr=max_lr,
        loss=Loss.MSE, weight_decay=1e-5, pct_start=0.3,
    )  # fmt: skip


def epochs_of(
    published: Published, code: str, trial: int, size: int, max_lr: float
) -> Iterator[tuple[float, float]]:
    """Train and yield, after each epoch, training loss and validation MAE in evaluation mode."""
    ids = published.sample(code, trial, size)
    table, how = published.crystals(code, ids), usual(max_lr, size)
    scaler = range_of_dataset(published.reference / "target_ranges.csv", code)
    assert scaler is not None
    with TemporaryDirectory() as folder:
        path = Path(folder) / "crystals.npz"
        crystals.save(table, path)
        build(path, Path(folder) / "graphs", "alignn", True)
        store = open_store(Path(folder) / "graphs")
        scaled = dict(zip(table.ids.tolist(), scaler.scale(table.targets), strict=True))
        training, validation = (
            LabelledGraphs(
                load_graphs(store, positions_of(store, part)),
                torch.tensor([[scaled[id]] for id in part], dtype=torch.float32),
                (code,),
            )
            for part in train_and_validation(ids)
        )
        torch.manual_seed(PUBLISHED_SEED)
        features = torch.from_numpy(np.array(store.features))
        network = build_network("alignn", AlignnSizes(), features)
    n = len(training.graphs)
    n_batches = len(batches_of(n, how, PUBLISHED_SEED, 0))
    state = Training(network, how, n_batches, FrozenNorms.MOVING)
    criterion = criterion_of(how)
    step = step_by_step(network, training, criterion)
    for epoch in range(how.epochs):
        state.begin_epoch()
        for chosen in choose(training.graphs, batches_of(n, how, PUBLISHED_SEED, epoch)):
            state.step(step(chosen))
        loss = float(criterion(predict(network, training.graphs), training.targets))
        mae = float(MEAN_ABSOLUTE_ERROR(predict(network, validation.graphs), validation.targets))
        yield loss, mae


def first_epochs(
    published: Published, code: str, trial: int, size: int, max_lr: float, count: int = EPOCHS
) -> list[float]:
    """Return the training loss after each of the first epochs."""
    epochs = epochs_of(published, code, trial, size, max_lr)
    return [loss for (loss, _), _ in zip(epochs, range(count), strict=False)]


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--reference", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    published = Published(options.data, options.reference)
    early = published.early_losses().sort_values()
    print("early training loss as a multiple of the median trial's, lowest and highest:")
    print(early.head(6).to_string(), early.tail(1).to_string(header=False), sep="\n")
    rows = []
    for case in CASES:
        theirs = published.history(*case)["training_loss"][:EPOCHS]
        rows.append([*case, "published", *theirs])
        for rate in RATES:
            ours = first_epochs(published, *case, rate)
            rows.append([*case, f"ours, {rate:g}", *ours])
            print(f"{case} at {rate:g}: {[f'{value:.3f}' for value in ours]}", flush=True)
    columns = ["dataset", "trial", "n", "whose", *(f"epoch {k + 1}" for k in range(EPOCHS))]
    print(pd.DataFrame(rows, columns=columns).to_string(index=False, float_format="{:.3f}".format))


if __name__ == "__main__":
    main()

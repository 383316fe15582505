"""One whole training: alignn on DGL against ours, each a process, interleaved.

    python benchmarks/whole_run.py --data ph.json.gz
    python benchmarks/whole_run.py --quick

Both go through the same `training.run.train`, with the paper's n = 200 and batch 16, from the start
of the interpreter to the last file. The last line is the ratio of their wall times, on alignn's
exact graphs, compressed.
"""

import multiprocessing
import resource
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from common import arguments, table_of
from timing import ratio

from crystal_transfer.datasets import crystals, scaling, splits
from crystal_transfer.files import read_json
from crystal_transfer.graphs.build import build
from crystal_transfer.models.sizes import AlignnSizes
from crystal_transfer.protocols import FrozenNorms, TestedEpoch, TestLabels, TrainingSeed
from crystal_transfer.results.layout import Layout
from crystal_transfer.runs import Hyperparameters, Loss, Run, RunKind
from crystal_transfer.training.paths import Inputs, Outputs
from crystal_transfer.training.run import train
from crystal_transfer.training.settings import Device, Precision, Settings

TEST_FRACTION = 0.1
THEIRS, OURS = "alignn on DGL", "ours, alignn's graphs"


class Case(NamedTuple):
    """What a training computes, and on which graphs."""

    network: str
    bond_rule: str
    compress: bool
    precision: Precision = Precision.FP32
    trial: int = 1

    @property
    def graphs(self) -> str:
        """Name of the graph store."""
        return f"{self.bond_rule}{self.compress}"


class Outcome(NamedTuple):
    """The peak memory of a training's process in MB, and its metrics."""

    peak: float
    metrics: dict[str, float]


CONTESTANTS = {
    THEIRS: Case("reference", "alignn", False),
    OURS: Case("alignn", "alignn", True),
    "ours, shells": Case("alignn", "shell", True),
}


def prepare(table, folder: Path, cases: Iterable[Case]) -> None:
    """Write what trainings on a table read."""
    crystals.save(table, folder / "crystals.npz")
    splits.save(splits.split("X", table.ids.tolist(), TEST_FRACTION, 0), folder / "split.json")
    scaling.save(scaling.fit(table.targets, "X"), folder / "scaler.json")
    for rule, compress, name in {(c.bond_rule, c.compress, c.graphs) for c in cases}:
        build(folder / "crystals.npz", folder / name, rule, compress)


def whole_run(case: Case, folder: Path, size: int, epochs: int, threads: int) -> Outcome:
    """Carry out a training."""
    how = Hyperparameters(
        epochs=epochs, batch_size=16, max_lr=1e-3, loss=Loss.MSE, weight_decay=1e-5, pct_start=0.3
    )
    files = Layout(tempfile.mkdtemp(dir=folder)).run("run")
    train(
        Run(RunKind.SCRATCH, "X", size, case.trial, how, case.network),
        Inputs(
            graphs=str(folder / case.graphs),
            table=str(folder / "crystals.npz"),
            split=str(folder / "split.json"),
            scaler=str(folder / "scaler.json"),
        ),
        Outputs(**files.outputs, checkpoint=files.checkpoint),
        Settings(
            seed=0,
            tested_epoch=TestedEpoch.LAST,
            frozen_norms=FrozenNorms.MOVING,
            training_seed=TrainingSeed.PER_TRIAL,
            multi_test_labels=TestLabels.WITHHELD,
            bond_rule=case.bond_rule,
            data="",
            device=Device.CPU,
            precision=case.precision,
            record_steps=True,
            threads=threads,
            sizes=AlignnSizes(),
        ),
    )  # fmt: skip
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Outcome(peak, read_json(files.outputs["metrics"]))


def in_a_process(*job) -> tuple[float, float]:
    """Measure wall seconds, start of the interpreter included, and peak MB of a training."""
    started = time.perf_counter()
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        peak = pool.apply(whole_run, job).peak
    return time.perf_counter() - started, peak


def main() -> None:
    options = arguments(__doc__)
    size, epochs, rounds = (24, 8, 1) if options.quick else (200, 5, 3)
    folder = Path(tempfile.mkdtemp(prefix="crystal-transfer-"))
    prepare(table_of(options.data, round(1.3 * size)), folder, CONTESTANTS.values())
    names = [THEIRS, OURS] if options.quick else list(CONTESTANTS)
    times, peaks = {name: [] for name in names}, {}
    for _ in range(rounds):
        for name in names:
            seconds, peaks[name] = in_a_process(
                CONTESTANTS[name], folder, size, epochs, options.threads
            )
            times[name].append(seconds)
    print(f"n = {size}, batch 16, {epochs} epochs")
    for name in names:
        gain = ratio(times, THEIRS, name)
        middle = sorted(times[name])[rounds // 2]
        print(f"{name:24s} {middle:7.1f} s  {gain:5.2f}x  {peaks[name]:6.0f} MB")
    print(f"ratio {ratio(times, THEIRS, OURS):.2f}")


if __name__ == "__main__":
    main()

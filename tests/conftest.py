"""Data that tests share: alloys computed here, and real crystals where they are at hand."""

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import fields, is_dataclass, replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from filelock import FileLock
from hypothesis import HealthCheck, settings

from crystal_transfer.datasets import crystals
from crystal_transfer.datasets.cleaning import clean
from crystal_transfer.datasets.crystals import CrystalTable
from crystal_transfer.datasets.sources.emt import read_emt
from crystal_transfer.datasets.sources.jarvis import read_jarvis
from crystal_transfer.graphs.batches import Batch, assemble, load_graphs
from crystal_transfer.graphs.build import build
from crystal_transfer.graphs.store import open_store

# no test measures time, on a machine that others share
settings.register_profile(
    "any machine",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("any machine")

# threads that wait for each other are slow where tests share the cores with other work
torch.set_num_threads(1)

ROOT = Path(__file__).parents[1]
PARTS = [
    "Snakefile", "config.yaml", "config", "rules", "workflow", "envs", "resources/datasets.yaml",
    "crystal_transfer", "demo", "local", "profiles", "slurm", "tests/tiny.yaml", "tests/whole.yaml",
    "tests/slurm", "resources/published_results.csv", "resources/throughput.yaml",
]  # fmt: skip
REAL = Path(os.environ.get("CRYSTAL_TRANSFER_REAL_DATA", ROOT.parent / "shared" / "data" / "real"))


# they take minutes each: begun last, they would run alone at the end
FIRST = ["test_slurm", "test_whole", "test_workflow", "test_integrity", "test_bundles"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files with whole studies first."""
    place = {name: n for n, name in enumerate(FIRST)}
    items.sort(key=lambda item: place.get(item.path.stem, len(FIRST)))


KEY = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6"  # of the Materials Project, invented
TINY = ["--cores", "2", "--configfile", "tests/tiny.yaml"]
# figures of datasets, cells, sizes and single runs stand for all; the miniature draws every one
DRAWN = ["datasets", "pairwise_heatmap", "mae_by_size", "fig4b", "fig6b", "parity", "outliers"]
TARGETS = ["--", "tables", *(f"results/tiny/figures/{name}.svg" for name in DRAWN)]


@pytest.fixture(scope="session")
def tiny_study(tmp_path_factory) -> Path:
    """A copy of the project in which the tiny study has run, by a user with a key.

    One run serves the tests of all workers, which copy it before they change anything.
    """
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder, whole = shared / "tiny_study", shared / "tiny_study_is_whole"
    with FileLock(shared / "tiny_study.lock"):
        if not whole.exists():
            shutil.rmtree(folder, ignore_errors=True)
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("MP_API_KEY", KEY)
                snakemake(*TINY, *TARGETS, folder=fresh_copy(folder))
            whole.touch()
    return folder


@pytest.fixture(autouse=True)
def no_open_figures():
    """Close what a test has drawn; matplotlib warns of many open figures."""
    yield
    plt.close("all")


@pytest.fixture(scope="session")
def alloys() -> CrystalTable:
    """Forty alloys with their formation energy."""
    return clean(read_emt("formation_energy", 40, seed=1))[0]


def real_rows(code: str) -> list[dict]:
    """Read a real dataset, or skip the test."""
    path = REAL / f"{code}.json.gz"
    if not path.is_file():
        pytest.skip(f"needs real crystals: {path} (set CRYSTAL_TRANSFER_REAL_DATA)")
    with gzip.open(path) as handle:
        return json.load(handle)


def real_table(code: str, every: int = 1, most: int = 10**9) -> CrystalTable:
    """Return every k-th crystal of a real dataset."""
    real_rows(code)
    records = list(read_jarvis(REAL / f"{code}.json.gz"))[::every][:most]
    return clean(records)[0]


@pytest.fixture(scope="session", params=["alloys", "dc", "gv"])
def some_crystals(request, alloys) -> CrystalTable:
    """Sixteen or so crystals: computed alloys, and real ones."""
    if request.param == "alloys":
        return alloys
    return real_table(request.param, every=37, most=16)


@pytest.fixture(params=[False, True], ids=["full", "compressed"])
def some_batch(request, alloys, tmp_path) -> Batch:
    """Three alloys as a batch, with all their atoms or one of each class."""
    build(saved(alloys, tmp_path), tmp_path / "graphs", "shell", request.param)
    resident = load_graphs(open_store(tmp_path / "graphs"), np.arange(6))
    return assemble(resident, torch.tensor([3, 0, 5]))


def moved(value, device):
    """Move graphs, but not the counts that stay on the CPU, to a device."""
    if is_dataclass(value):
        return replace(
            value,
            **{
                field.name: moved(getattr(value, field.name), device)
                for field in fields(value)
                if not field.name.endswith("counts")
            },
        )
    return value.to(device) if isinstance(value, torch.Tensor) else value


def saved(table: CrystalTable, folder: Path) -> Path:
    """Write a table to a folder and give its path."""
    path = folder / "crystals.npz"
    crystals.save(table, path)
    return path


def on_path(*folders: Path) -> dict[str, str]:
    """Return the environment of a command, these folders and the interpreter's first in PATH."""
    places = [*folders, Path(sys.executable).parent, os.environ["PATH"]]
    return os.environ | {"PATH": ":".join(map(str, places))}


def snakemake(*arguments: str, folder: Path = ROOT, check: bool = True, **options):
    """Run Snakemake as a user would, and give the finished process with its output."""
    command = [sys.executable, "-m", "snakemake", *arguments]
    done = subprocess.run(
        command, cwd=folder, env=on_path(), text=True, capture_output=True, **options
    )
    if check and done.returncode:
        pytest.fail(f"snakemake {' '.join(arguments)}\n{done.stdout}\n{done.stderr}")
    return done


def fresh_copy(folder: Path) -> Path:
    """Copy the project without results, as a clone would have it."""
    for part in PARTS:
        source, target = ROOT / part, folder / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            # what Python and Numba have compiled comes along, but nothing that is half written
            left_out = shutil.ignore_patterns("*.pyc.*", "*.tmp*")
            shutil.copytree(source, target, ignore=left_out, symlinks=True)
        else:
            shutil.copy(source, target)
    return folder


def start(*arguments: str, folder: Path) -> subprocess.Popen:
    """Start Snakemake in a session of its own, so that it can be killed with all it started.

    As in a terminal, it hears Ctrl-C, also where the tests run in the background and ignore it.
    """
    return subprocess.Popen(
        [sys.executable, "-m", "snakemake", *arguments], cwd=folder, env=on_path(),
        start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


def wait_until(condition, seconds: float = 300) -> None:
    """Wait for something that must happen, or fail."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def assert_close(ours, theirs, tolerance, what=""):
    """Compare arrays by their largest absolute difference."""
    difference = float(np.abs(np.asarray(ours) - np.asarray(theirs)).max())
    assert difference <= tolerance, f"{what}: {difference} > {tolerance}"

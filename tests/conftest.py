"""Data that tests share: alloys computed here, and real crystals where they are at hand."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from crystal_transfer.datasets import crystals
from crystal_transfer.datasets.cleaning import clean
from crystal_transfer.datasets.crystals import CrystalTable
from crystal_transfer.datasets.sources.emt import read_emt
from crystal_transfer.datasets.sources.jarvis import read_jarvis

# threads that wait for each other are slow where tests share the cores with other work
torch.set_num_threads(1)

ROOT = Path(__file__).parents[1]
REAL = Path(os.environ.get("CRYSTAL_TRANSFER_REAL_DATA", ROOT.parent / "shared" / "data" / "real"))


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
    """Give every k-th crystal of a real dataset."""
    real_rows(code)
    records = list(read_jarvis(REAL / f"{code}.json.gz"))[::every][:most]
    return clean(records)[0]


@pytest.fixture(scope="session", params=["alloys", "dc", "gv"])
def some_crystals(request, alloys) -> CrystalTable:
    """Sixteen or so crystals: computed alloys, and real ones."""
    if request.param == "alloys":
        return alloys
    return real_table(request.param, every=37, most=16)


def saved(table: CrystalTable, folder: Path) -> Path:
    """Write a table to a folder and give its path."""
    path = folder / "crystals.npz"
    crystals.save(table, path)
    return path


def snakemake(*arguments: str, folder: Path = ROOT, check: bool = True, **options):
    """Run Snakemake as a user would, and give the finished process with its output."""
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    command = [sys.executable, "-m", "snakemake", *arguments]
    done = subprocess.run(
        command, cwd=folder, env=environment, text=True, capture_output=True, **options
    )
    if check and done.returncode:
        pytest.fail(f"snakemake {' '.join(arguments)}\n{done.stdout}\n{done.stderr}")
    return done


def assert_close(ours, theirs, tolerance, what=""):
    """Compare arrays by their largest absolute difference."""
    difference = float(np.abs(np.asarray(ours) - np.asarray(theirs)).max())
    assert difference <= tolerance, f"{what}: {difference} > {tolerance}"

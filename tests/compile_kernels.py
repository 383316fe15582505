"""Compile what Numba compiles, once: tests copy the project, and what is compiled comes along.

Without it each copy would compile for itself, some 25 seconds of one core.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from runs import SCRATCH, SETTINGS, outputs, prepare

from crystal_transfer.datasets.cleaning import clean
from crystal_transfer.datasets.sources.emt import read_emt
from crystal_transfer.training.run import train

if __name__ == "__main__":
    with TemporaryDirectory() as name:
        folder = Path(name)
        inputs = prepare(clean(read_emt("formation_energy", 30, seed=1))[0], folder / "data")
        train(SCRATCH, inputs, outputs(folder / "run"), SETTINGS)

"""How fast trainings and jobs on datasets are, as measured: resources/throughput.yaml."""

from dataclasses import dataclass
from pathlib import Path

import yaml

from crystal_transfer.errors import InputError
from crystal_transfer.training.settings import Device


@dataclass(frozen=True)
class TrainingThroughput:
    """Seconds and MB that parts of a training take; see resources/throughput.yaml."""

    start: float
    step: float
    atom: float
    predicted_atom: float
    memory: float
    batch_atom_memory: float
    stored_atom_memory: float
    source: str


@dataclass(frozen=True)
class DataThroughput:
    """Seconds and MB that jobs on whole datasets take; see resources/throughput.yaml."""

    crystal: float
    memory: float
    crystal_memory: float
    source: str


@dataclass(frozen=True)
class Throughput:
    """What trainings on the study's device and jobs on whole datasets take."""

    training: TrainingThroughput
    data: DataThroughput


def read_throughput(path: str | Path, device: Device) -> Throughput:
    """Read the expected throughput of trainings and of jobs on whole datasets.

    Trainings are those on ``cpu``, or on CUDA for any other device.

    Raises
    ------
    InputError
        If the file is damaged or lacks a number.
    """
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        training = content["cpu" if device is Device.CPU else "cuda"]
        return Throughput(TrainingThroughput(**training), DataThroughput(**content["data"]))
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise InputError(
            f"{path}: not a table of throughput ({' '.join(str(error).split())}); restore it."
        ) from None

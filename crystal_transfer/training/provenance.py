"""What made a run: checksums of all that it reads, and a record of them beside its results."""

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict

import numpy as np
import torch

from crystal_transfer import __version__
from crystal_transfer.files import checksum, digest_of
from crystal_transfer.graphs.store import verify
from crystal_transfer.models.weights import member_meant
from crystal_transfer.runs import RESULTS_VERSION, Run, description
from crystal_transfer.training.loop import Progress
from crystal_transfer.training.paths import Inputs
from crystal_transfer.training.settings import Settings, plain
from crystal_transfer.training.tasks import Task


def checksums_of(inputs: Inputs) -> dict[str, str]:
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
    return digest_of(content)


def made_by(
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

"""One Snakemake per study at a time, also across a killed one's jobs on a SLURM cluster."""

import os
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path

import psutil

from crystal_transfer.errors import InputError
from crystal_transfer.files import read_json, write_json

PATIENCE = 120  # s that cancelled jobs may take to end; SLURM kills them after KillWait, 30 s


def take_over(record: str | Path, log: str | Path) -> None:
    """Take a study over from the Snakemake that worked on it before.

    A Snakemake that is killed leaves its jobs in SLURM's queue, and the next one does not know
    them: each training would run twice. They are cancelled here; trainings save their checkpoint
    and go on in the jobs that follow.

    Parameters
    ----------
    record
        JSON file that says which process works on the study; replaced by this process.
    log
        Snakemake's own log of this process, in which it notes the name of its jobs.

    Raises
    ------
    InputError
        If the other Snakemake is at work still, or may be so on another host.
    """
    record = Path(record)
    if record.exists():
        before = read_json(record)
        here = before["host"] == socket.gethostname()
        if here and _is_alive(before["pid"], before["started"]):
            raise InputError(
                f"Snakemake process {before['pid']} works on this study already; wait for it or "
                "stop it (Ctrl-C)."
            )
        name = job_name(before["log"])
        jobs = queued(name) if name else []
        if jobs and not here:
            raise InputError(
                f"{len(jobs)} jobs of a Snakemake on {before['host']} are in the queue still; if "
                f"it does not run any more, cancel them: scancel --name={name}"
            )
        if jobs:
            print(f"Cancelling {len(jobs)} jobs that a killed Snakemake left in the queue.")
            _cancel(name)
    own = psutil.Process(os.getpid())
    write_json(
        record,
        {
            "host": socket.gethostname(),
            "pid": own.pid,
            "started": own.create_time(),
            "log": str(log),
        },
    )


def job_name(log: str | Path) -> str | None:
    """Find the name that all SLURM jobs of a Snakemake have; None if it submitted none."""
    path = Path(log)
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    found = re.search(r"SLURM run ID: (\S+)", text)
    return found[1] if found else None


def queued(name: str) -> list[str]:
    """List SLURM jobs of this name that have not ended; none where there is no SLURM."""
    if shutil.which("squeue") is None:
        return []
    command = ["squeue", "--me", "--noheader", "--format=%i", f"--name={name}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def _cancel(name: str) -> None:
    subprocess.run(["scancel", "--me", f"--name={name}"], check=True)
    given_up = time.monotonic() + PATIENCE
    while jobs := queued(name):
        if time.monotonic() > given_up:
            raise InputError(
                f"cancelled jobs {' '.join(jobs)} do not end; look at them with scontrol show job."
            )
        time.sleep(1)


def _is_alive(pid: int, started: float) -> bool:
    try:
        process = psutil.Process(pid)
        same = abs(process.create_time() - started) < 1
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False

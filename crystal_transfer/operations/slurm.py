"""The jobs that a Snakemake has in SLURM's queue."""

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

from crystal_transfer.errors import InputError

PATIENCE = 120  # s that cancelled jobs may take to end; SLURM kills them after KillWait, 30 s
ANSWER = 60  # s that squeue and scancel may take; they give up on a dead controller after about 9 s
TAKE_OVER = "CRYSTAL_TRANSFER_TAKE_OVER"  # environment variable; 1: the user says the other is dead


def job_name(log: str | Path) -> str | None:
    """Find the name that all SLURM jobs of a Snakemake have; None if it submitted none."""
    path = Path(log)
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    found = re.search(r"SLURM run ID: ([\w.-]+)", text)
    return found[1] if found else None


def queued(name: str) -> list[str]:
    """List SLURM jobs of this name that have not ended; none where there is no SLURM.

    Raises
    ------
    InputError
        If squeue fails or does not answer.
    """
    if shutil.which("squeue") is None:
        return []
    return _ask("squeue", "--me", "--noheader", "--format=%i", f"--name={name}").split()


def cancel(name: str) -> None:
    """Cancel the jobs of this name, and wait for their end.

    Raises
    ------
    InputError
        If SLURM does not answer, or the jobs do not end.
    """
    _ask("scancel", "--me", f"--name={name}")
    given_up = time.monotonic() + PATIENCE
    while jobs := queued(name):
        if time.monotonic() > given_up:
            raise InputError(
                f"cancelled jobs {' '.join(jobs)} do not end; look at them with scontrol show job, "
                f"or set {TAKE_OVER}=1 to go on beside them."
            )
        time.sleep(1)


def _ask(*command: str) -> str:
    """Return what a command of SLURM prints; it may fail or hang when the controller is down."""
    # in a session of its own: where it is a script, all of it must be ended
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            said, complaint = process.communicate(timeout=ANSWER)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            raise InputError(_unanswered(command[0], f"no answer within {ANSWER} s")) from None
    if process.returncode:
        words = " ".join(complaint.split())[:200]
        raise InputError(_unanswered(command[0], words or f"exit status {process.returncode}"))
    return said


def _unanswered(command: str, fault: str) -> str:
    return (
        f"{command}: failed ({fault}), so jobs of a killed Snakemake may be in the queue still; "
        f"start again when SLURM answers, or set {TAKE_OVER}=1 to go on without asking it."
    )

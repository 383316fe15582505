"""When a training must stop before its end: it is asked to, or nobody waits for it any more."""

import fcntl
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from crystal_transfer.errors import InputError
from crystal_transfer.files import is_open_file_of
from crystal_transfer.processes import fields_of, started

WATCHED_EVERY = 1.0  # s between two looks at the processes that a training belongs to
PATIENCE = 60.0  # s that an older training of the same run may take to notice and to save


def stop_on_signal() -> Callable[[], bool]:
    """Turn SIGTERM and Ctrl-C from an end into a request; a second Ctrl-C is an end.

    SLURM sends SIGTERM when a job is preempted, requeued or past its time, some seconds before it
    kills the job. A terminal sends Ctrl-C to Snakemake and to its trainings alike.

    Returns
    -------
    A function that tells whether the request has come.
    """
    asked: list[int] = []

    def ask(number: int, frame: object) -> None:
        asked.append(number)
        if number == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    signal.signal(signal.SIGTERM, ask)
    # a command that a script starts with & ignores Ctrl-C, which is meant for another
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, ask)
    return lambda: bool(asked)


def stop_when_orphaned() -> Callable[[], bool]:
    """Watch the Snakemake that a training belongs to.

    A Snakemake that is killed leaves its trainings behind. The next one starts them again, so they
    must not go on.

    Returns
    -------
    A function that tells whether one of the processes that started this one has ended.
    """
    watched = _ancestors()
    looked, orphaned = time.monotonic(), False

    def ask() -> bool:
        nonlocal looked, orphaned
        if not orphaned and time.monotonic() - looked > WATCHED_EVERY:
            looked = time.monotonic()
            orphaned = any(started(pid) != then for pid, then in watched.items())
        return orphaned

    return ask


def _ancestors() -> dict[int, int | None]:
    """Return the Snakemake processes above this one, with the ticks at which they started."""
    found, pid = {}, os.getppid()
    while pid > 1:
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
            parent = int(fields_of(pid)[1])
        except (OSError, IndexError, ValueError):
            break
        if b"snakemake" in command:
            found[pid] = started(pid)
        pid = parent
    return found


@contextmanager
def only_one(path: str | Path, work: str = "trains this run") -> Iterator[None]:
    """Let no two processes do the same work at once.

    The lock goes with the process, however it ends. Where the file system knows no locks, trainings
    go on without one.

    Parameters
    ----------
    path
        File to lock; it goes with the block.
    work
        What the process does that has the lock, for a sentence.

    Raises
    ------
    InputError
        If another process has the lock and does not end.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    given_up = time.monotonic() + PATIENCE
    while True:
        with Path(path).open("w") as handle:
            locked = _lock(handle, given_up, work)
            if locked and not is_open_file_of(handle, path):
                continue  # who had the lock before has deleted it since
            try:
                yield
            finally:
                Path(path).unlink(missing_ok=True)
            return


def _lock(handle: IO[str], given_up: float, work: str) -> bool:
    """Lock an open file, and say whether its file system knows locks; raise as `only_one` says."""
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() > given_up:
                raise InputError(
                    f"{handle.name}: another process {work} already and does not end; wait for "
                    "its end, or look for it with ps or squeue and stop it."
                ) from None
            time.sleep(WATCHED_EVERY)
        except OSError:
            return False

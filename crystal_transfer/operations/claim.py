"""One Snakemake per study at a time, and none of the jobs that a killed one left."""

import atexit
import errno
import fcntl
import hashlib
import os
import socket
import sys
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import IO, Any

import psutil

from crystal_transfer.errors import InputError
from crystal_transfer.files import is_open_file_of, read_json, write_json
from crystal_transfer.operations.slurm import TAKE_OVER, cancel, job_name, queued
from crystal_transfer.processes import started

_held: dict[tuple[int, Path], IO[Any] | socket.socket] = {}  # locks of this process, until its end


@dataclass(frozen=True)
class Owner:
    """The process that works, or worked, on a study.

    Attributes
    ----------
    host
        Name of its machine.
    boot
        Id of the machine's start; empty where the system has none.
    pid
        Number of the process.
    started
        When it was started, in clock ticks since the machine's start: unlike the time of day, this
        does not change when the clock is set.
    log
        Snakemake's own log.
    ended
        Whether it came to its end by itself; False while it works, and after a kill.
    """

    host: str
    boot: str
    pid: int
    started: int
    log: str
    ended: bool = False


def take_over(record: str | Path, log: str | Path, force: bool | None = None) -> None:
    """Take a study over from the Snakemake that worked on it before, and keep it until the end.

    The claim is a lock on a file beside the record, which the system gives to one process only and
    takes back when that process ends, however it ends. File systems that do not keep locks between
    hosts exist, therefore the record says who it was.

    A Snakemake that is killed leaves its jobs in SLURM's queue, and the next one does not know
    them: each training would run twice. They are cancelled here; trainings save their checkpoint
    and go on in the jobs that follow.

    Parameters
    ----------
    record
        JSON file that says which process works on the study; replaced by this process.
    log
        Snakemake's own log of this process, in which it notes the name of its jobs.
    force
        The user's word that a Snakemake on another host is dead, and that jobs which cannot be
        asked for do not matter. Without it the environment variable CRYSTAL_TRANSFER_TAKE_OVER=1
        says so. A process that holds the lock keeps the study all the same.

    Raises
    ------
    InputError
        If the other Snakemake is at work still, or may be so on another host.
    """
    record = Path(record)
    force = os.environ.get(TAKE_OVER) == "1" if force is None else force
    key = os.getpid(), record.resolve()
    if key in _held:
        write_json(record, asdict(_this_process(log)))
        return
    lock = _locked(record)
    try:
        _see_off(record, force)
        write_json(record, asdict(_this_process(log)))
    except BaseException:
        lock.close()
        raise
    _held[key] = lock
    atexit.register(_note_end, record)


def _locked(record: Path) -> IO[Any] | socket.socket:
    """Return the lock of a study, held by this process, or raise."""
    path = record.with_suffix(".lock")
    while True:
        try:
            record.parent.mkdir(parents=True, exist_ok=True)
            handle = path.open("a")
        except OSError as error:
            raise InputError(
                f"{path}: cannot be written ({error.strerror}); make the folder writable for you "
                "or name another in the config key `results`."
            ) from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.close()
            raise InputError(_busy(record)) from None
        except OSError as error:
            handle.close()
            return _locked_on_this_host(record, str(error.strerror))
        if is_open_file_of(handle, path):
            return handle
        handle.close()  # it was deleted between the two calls: the lock would be one on nothing


def _locked_on_this_host(record: Path, reason: str) -> socket.socket:
    """Return a lock that needs no file system: a socket's name, which Linux gives only once.

    Some cluster file systems (Lustre without -o flock) keep no locks. The record tells hosts apart
    then, except for two that start in the same instant.
    """
    name = hashlib.sha256(bytes(record.resolve())).hexdigest()
    lock = socket.socket(socket.AF_UNIX)
    try:
        lock.bind(f"\0crystal-transfer-{name}")
    except OSError as error:
        lock.close()
        if error.errno == errno.EADDRINUSE:
            raise InputError(_busy(record)) from None
        raise InputError(
            f"{record.parent}: its file system keeps no locks ({reason}), so two Snakemakes on one "
            "study could not be told apart; name a folder elsewhere in the config key `results`."
        ) from None
    _warn(
        f"{record.parent}: its file system keeps no locks ({reason}); do not start this study on "
        "two hosts in the same second."
    )
    return lock


def _see_off(record: Path, force: bool) -> None:
    """Check that the Snakemake before and its jobs have ended; else raise."""
    try:
        before = _read(record)
    except InputError as error:
        aside = record.with_suffix(".damaged")
        record.replace(aside)
        _warn(
            f"{error} It is set aside as {aside}; if a Snakemake was killed here, look for its "
            "jobs with squeue --me."
        )
        return
    if before is None:
        return
    if not before.ended and _is_here(before) and _is_alive(before):
        raise InputError(_busy(record))
    if not before.ended and not _is_here(before) and not force:
        raise InputError(
            f"Snakemake process {before.pid} on host {before.host} may work on this study still; "
            f"stop it there, or, if it does not run any more, set {TAKE_OVER}=1 and start again."
        )
    _cancel_left(before, force)


def _read(record: Path) -> Owner | None:
    """Read who works on a study; None if nobody did.

    Raises
    ------
    InputError
        If the record is damaged.
    """
    if not record.exists():
        return None
    try:
        owner = Owner(**read_json(record))
    except (TypeError, ValueError, RecursionError):
        raise InputError(f"{record}: is damaged or of another version.") from None
    # bool is a kind of int, but no number of a process
    if any(type(getattr(owner, field.name)) is not field.type for field in fields(Owner)):
        raise InputError(f"{record}: is damaged or of another version.")
    return owner


def _busy(record: Path) -> str:
    """Return the sentence for somebody who comes second."""
    try:
        owner = _read(record)
    except InputError:
        owner = None
    if owner and not owner.ended and (_is_alive(owner) or not _is_here(owner)):
        who = f"Snakemake process {owner.pid} on host {owner.host}"
        return f"{who} works on this study already; wait for it or stop it (Ctrl-C)."
    lock = record.with_suffix(".lock")
    return (
        "another Snakemake works on this study already; wait for it or stop it (Ctrl-C), or, if "
        f"there is none on any host, delete {lock} and start again."
    )


def _this_process(log: str | Path) -> Owner:
    started = _started(os.getpid()) or 0
    return Owner(socket.gethostname(), _boot(), os.getpid(), started, str(log))


def _is_here(owner: Owner) -> bool:
    """Return whether it was this machine: a container has another name, but the same kernel."""
    return owner.host == socket.gethostname() or (owner.boot != "" and owner.boot == _boot())


def _is_alive(owner: Owner) -> bool:
    """Return whether the recorded process still runs: its number may be another's by now."""
    return owner.boot == _boot() and owner.started == _started(owner.pid)


def _boot() -> str:
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text().strip() if path.exists() else ""


def _started(pid: int) -> int | None:
    """Return when a process was started, in clock ticks; None if there is none or it has ended."""
    if not Path("/proc/self/stat").exists():  # not Linux
        try:
            return round(100 * psutil.Process(pid).create_time())
        except psutil.Error:
            return None
    return started(pid)


def _note_end(record: Path) -> None:
    """Write down that this process ended by itself, so that other hosts need not ask for it."""
    try:
        owner = _read(record)
        if owner == _this_process(owner.log if owner else ""):
            write_json(record, asdict(replace(owner, ended=True)))
    except (InputError, OSError):
        pass  # the record only stays what it is


def _cancel_left(before: Owner, force: bool) -> None:
    """Cancel the jobs that a killed Snakemake left."""
    name = job_name(before.log)
    if not name:
        return
    try:
        jobs = queued(name)
        if jobs:
            print(f"Cancelling {len(jobs)} jobs that a killed Snakemake left in the queue.")
            cancel(name)
    except InputError as error:
        if not force:
            raise
        _warn(str(error))


def _warn(text: str) -> None:
    print(f"warning: {text}", file=sys.stderr)

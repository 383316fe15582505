"""Which process is which: numbers are given again, so the time of its start counts too."""

import os
from pathlib import Path


def usable_cores() -> int:
    """Return how many cores this process may use; where the system does not say, all there are."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def fields_of(pid: int) -> list[str]:
    """Return the fields of /proc/<pid>/stat after the program's name, in which anything may occur.

    Raises
    ------
    OSError
        If there is no such process.
    """
    text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    return text.rpartition(")")[2].split()


def started(pid: int) -> int | None:
    """Return when a process was started, in clock ticks; None if there is none or it has ended."""
    try:
        state, *others = fields_of(pid)
    except (OSError, ValueError):
        return None
    return None if state in "ZX" else int(others[18])

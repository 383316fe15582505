"""Timing side by side, with nothing but the standard library."""

import statistics
import time
from collections.abc import Callable, Iterator


def side_by_side(
    contestants: dict[str, Callable[[], object]], seconds: float, least: int = 3
) -> dict[str, list[float]]:
    """Time functions in turn, A B A B ..., after one warm-up each.

    Returns
    -------
    Seconds of every round, by name.
    """
    for function in contestants.values():
        function()
    times: dict[str, list[float]] = {name: [] for name in contestants}
    started = time.perf_counter()
    for _ in _rounds(started, seconds, least):
        for name, function in contestants.items():
            begun = time.perf_counter()
            function()
            times[name].append(time.perf_counter() - begun)
    return times


def _rounds(started: float, seconds: float, least: int) -> Iterator[int]:
    done = 0
    while done < least or time.perf_counter() - started < seconds:
        yield done
        done += 1


def ratio(times: dict[str, list[float]], reference: str, name: str) -> float:
    """Return the median over rounds of reference time / time."""
    pairs = zip(times[reference], times[name], strict=True)
    return statistics.median(theirs / ours for theirs, ours in pairs)

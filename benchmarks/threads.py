"""A training step in one thread and in all, on a quiet machine and beside other work.

    python benchmarks/threads.py --data ph.json.gz
    python benchmarks/threads.py --quick

Threads wait as the package asks for (see `crystal_transfer/__init__.py`) and as OpenMP does by
itself. Other work is one busy process for each core. The last line is the time of a step in one
thread divided by that in all, beside other work.
"""

import multiprocessing
import os
import statistics
from typing import NamedTuple

import torch
from common import arguments, table_of
from timing import ratio, side_by_side
from train_step import our_step

from crystal_transfer.training.memory import keep_freed_memory

SPIN = "GOMP_SPINCOUNT"
_step = None  # of a process of a pool


class Contestant(NamedTuple):
    """Threads of a step, and how often they look before they sleep; None as OpenMP does."""

    threads: int
    turns: str | None


def begin(threads: int, data: str | None, batch: int) -> None:
    """Set up a process that takes steps."""
    global _step
    torch.set_num_threads(threads)
    keep_freed_memory()
    table = table_of(data, batch)
    targets = torch.linspace(-1, 1, len(table))
    _step = our_step(table, [torch.arange(len(table))], targets, "alignn", True)


def take_step() -> None:
    """Take a step."""
    assert _step is not None
    _step()


def keep_busy() -> None:
    """Compute for ever."""
    while True:
        pass


def pool_of(contestant: Contestant, data: str | None, batch: int):
    """Start a process that takes steps; the number of turns is read when it imports PyTorch."""
    if contestant.turns is None:
        os.environ["OMP_WAIT_POLICY"] = ""  # the package leaves turns alone
        os.environ.pop(SPIN, None)
    else:
        os.environ.pop("OMP_WAIT_POLICY", None)
        os.environ[SPIN] = contestant.turns
    setting = contestant.threads, data, batch
    return multiprocessing.get_context("spawn").Pool(1, begin, setting)


def main() -> None:
    turns = os.environ.get(SPIN)
    options = arguments(__doc__)
    cores = os.cpu_count() or 1
    contestants = {
        "one thread": Contestant(1, turns),
        f"{cores} threads": Contestant(cores, turns),
        f"{cores} threads, OpenMP by itself": Contestant(cores, None),
    }
    for batch in options.batch:
        pools = {name: pool_of(c, options.data, batch) for name, c in contestants.items()}
        steps = {name: (lambda p=pool: p.apply(take_step)) for name, pool in pools.items()}
        for busy in (0, cores):
            others = [multiprocessing.Process(target=keep_busy, daemon=True) for _ in range(busy)]
            for other in others:
                other.start()
            times = side_by_side(steps, seconds=3 if options.quick else 20)
            for other in others:
                other.kill()
            for name, values in times.items():
                print(
                    f"batch {batch:3d}  {busy} busy  {name:30s} "
                    f"{1000 * statistics.median(values):7.0f} ms  "
                    f"{ratio(times, 'one thread', name):5.2f}x"
                )
        for pool in pools.values():
            pool.terminate()
    print(f"ratio {ratio(times, 'one thread', f'{cores} threads'):.2f}")


if __name__ == "__main__":
    main()

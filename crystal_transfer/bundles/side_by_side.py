"""The trainings of a bundle, several at a time, each in a process of its own."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from crystal_transfer.bundles.member import train_member
from crystal_transfer.bundles.plan import Part
from crystal_transfer.bundles.work import Work
from crystal_transfer.errors import InputError, Interrupted

LOOKED_EVERY = 0.5  # s between two looks at the processes
STOPS = (signal.SIGINT, signal.SIGTERM)
GRACE = 10.0  # s in which a training saves its checkpoint after its parent was killed

# of a worker process: batches so far of all processes, whether to stop, and who started it
_shared: dict[str, Any] = {}


def train_parts(
    work: Work,
    parts: Sequence[Part],
    at_once: int,
    tell: Callable[[int], None] = lambda batches: None,
) -> None:
    """Carry out trainings; those that are done already are left out.

    Parameters
    ----------
    work
        Folder with all that they read.
    parts
        Which trainings.
    at_once
        Processes; each uses one thread, so that the number of processes changes no result. A
        single one is this process: a script that asks for more needs the usual
        ``if __name__ == "__main__"``.
    tell
        Takes the number of batches so far, now and then.

    Raises
    ------
    InputError
        The first fault of a training, or that one was ended from outside. The others save a
        checkpoint and end, as they do for `KeyboardInterrupt`, and go on when this is called
        again.
    """
    left = [part for part in parts if not work.is_done(part)]
    if min(at_once, len(left)) > 1:
        _in_processes(work, left, at_once, tell)
    else:
        _here(work, left, tell)


def _here(work: Work, parts: Sequence[Part], tell: Callable[[int], None]) -> None:
    """Train one after the other in this process."""
    batches, interrupted = 0, False

    def asked_to_stop() -> bool:
        nonlocal batches
        batches += 1
        tell(batches)
        return interrupted

    def note(number: int, frame: object) -> None:
        nonlocal interrupted
        interrupted = True

    in_main_thread = threading.current_thread() is threading.main_thread()
    before = {number: signal.signal(number, note) for number in STOPS} if in_main_thread else {}
    try:
        for part in parts:
            _logged(work, part, asked_to_stop)
    except Interrupted:
        raise KeyboardInterrupt from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _in_processes(
    work: Work, parts: Sequence[Part], at_once: int, tell: Callable[[int], None]
) -> None:
    context = multiprocessing.get_context("spawn")
    batches, stop = context.Value("q", 0), context.Event()
    with ProcessPoolExecutor(
        min(at_once, len(parts)), context, _begin, (batches, stop, os.getpid())
    ) as pool:
        waiting: set[Future[None]] = {pool.submit(_train, work.folder, part) for part in parts}
        try:
            while waiting:
                done, waiting = wait(waiting, LOOKED_EVERY, FIRST_COMPLETED)
                tell(batches.value)
                for future in done:
                    future.result()
        except BrokenProcessPool:
            raise InputError(
                f"A training of {work.folder} was ended from outside, most often because memory "
                f"ran out; with fewer than {at_once} processes (--threads) less is used. The same "
                "command goes on from the checkpoints."
            ) from None
        except BaseException:
            stop.set()
            for future in waiting:
                future.cancel()
            raise


def _begin(batches: Any, stop: Any, parent: int) -> None:
    """Set up a worker process: Ctrl-C reaches it too, but only its parent decides to stop."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _shared.update(batches=batches, stop=stop, parent=parent)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    """End this process some time after its parent was killed: it would wait for work for ever."""
    while os.getppid() == parent:
        time.sleep(LOOKED_EVERY)
    time.sleep(GRACE)
    os._exit(1)


def _train(folder: Path, part: Part) -> None:
    def asked_to_stop() -> bool:
        with _shared["batches"].get_lock():
            _shared["batches"].value += 1
        return bool(_shared["stop"].is_set() or os.getppid() != _shared["parent"])

    if _shared["stop"].is_set():
        raise Interrupted("stopped before it began")
    _logged(Work(folder), part, asked_to_stop)


def _logged(work: Work, part: Part, asked_to_stop: Callable[[], bool]) -> None:
    """Carry out a training and keep what it says."""
    with (work.folder / f"{part.name}.log").open("a", buffering=1, encoding="utf-8") as log:

        def report(line: str) -> None:
            print(f"{time.strftime('%H:%M:%S')} {part.name}: {line}", file=log)

        train_member(work, part, report, asked_to_stop)

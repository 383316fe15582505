"""Being asked to stop: what a cluster does before it takes a node or a job's time is over."""

import signal
from collections.abc import Callable


def stop_on_sigterm() -> Callable[[], bool]:
    """Turn SIGTERM from an end into a request.

    SLURM sends it when a job is preempted, requeued or past its time, some seconds before it
    kills the job.

    Returns
    -------
    A function that tells whether the request has come.
    """
    asked = []
    signal.signal(signal.SIGTERM, lambda number, frame: asked.append(number))
    return lambda: bool(asked)

"""CUDA graphs: what is computed again and again is recorded once and then launched as a whole.

A small step on a GPU ends before the next one's hundreds of kernels are launched one by one.
"""

import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol, TypeVar

import torch
from torch import nn

from crystal_transfer.models.contract import Network

Result = TypeVar("Result")


class Recorder(Protocol):
    """Records functions on the GPU, see `cuda_graphs`."""

    def __call__(self, function: Callable[[], Result]) -> tuple[Callable[[], None], Result]:
        """Return a function that repeats the work of another, and the result of the latter."""


def can_record(model: nn.Module, device: torch.device) -> bool:
    """Return whether a training step of a model can be recorded as a CUDA graph."""
    return device.type == "cuda" and isinstance(model, Network) and model.recordable


def cuda_graphs() -> Recorder:
    """Return a recorder of functions.

    It takes a function of no arguments and returns two things: a function that repeats its work on
    the GPU, in and with the same tensors, and its result, which each repetition overwrites. All
    functions of one recorder share memory: use a result before another of them runs.
    """
    # memory is shared within a stream and a pool
    stream, pool = torch.cuda.Stream(), torch.cuda.graph_pool_handle()
    failed = []  # the allocator of pinned memory still asks the graph of a capture that failed

    def record(function: Callable[[], Result]) -> tuple[Callable[[], None], Result]:
        nonlocal pool
        graph = torch.cuda.CUDAGraph()
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
        stream.wait_stream(torch.cuda.current_stream())
        try:
            with torch.cuda.stream(stream):
                result = _captured(graph, pool, function)
        except BaseException:
            failed.append(graph)
            pool = torch.cuda.graph_pool_handle()  # one that is open cannot be opened again
            raise
        torch.cuda.current_stream().wait_stream(stream)
        return graph.replay, result

    return record


def _captured(graph: Any, pool: Any, function: Callable[[], Result]) -> Result:
    """Call a function while the current stream is captured.

    `torch.cuda.graph` does the same, but where the function fails it leaves its stream and its
    memory pool open: later recordings and a smaller batch after out-of-memory then fail too.
    """
    try:
        graph.capture_begin(pool=pool)
        result = function()
        graph.capture_end()
    except BaseException:
        # the capture is invalid, and says so; what matters is that it ends, and that new tensors
        # do not come from its pool any more
        with suppress(RuntimeError):
            graph.capture_end()
        with suppress(RuntimeError, AttributeError):
            device = torch.cuda.current_device()
            torch._C._cuda_endAllocateToPool(device, pool)  # an error where `capture_end` did it
            torch._C._cuda_releasePool(device, pool)
        raise
    return result


def repeated(function: Callable[[], Result], record: Recorder) -> Callable[[], Result]:
    """Return a function that does the same, recorded when it is called for the second time.

    The first call compiles what is not compiled yet. Where it cannot be recorded, a warning says
    why, and it is called as it is; that memory is short is said as such.
    """
    called, recordable = False, True
    recorded: tuple[Callable[[], None], Result] | None = None

    def call() -> Result:
        nonlocal called, recordable, recorded
        if called and recordable and recorded is None:
            try:
                recorded = record(function)
            except torch.OutOfMemoryError:
                raise
            except RuntimeError as error:
                recordable = False
                warnings.warn(f"no CUDA graph, steps will be slower: {error}", stacklevel=2)
        called = True
        if recorded is None:
            return function()
        replay, result = recorded
        replay()
        return result

    return call

"""CUDA graphs: what is computed again and again is recorded once and then launched as a whole.

A small step on a GPU ends before the next one's hundreds of kernels are launched one by one.
"""

import warnings
from collections.abc import Callable
from typing import Protocol, TypeVar

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
    pool = torch.cuda.graph_pool_handle()

    def record(function: Callable[[], Result]) -> tuple[Callable[[], None], Result]:
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=pool):
            result = function()
        return graph.replay, result

    return record


def repeated(function: Callable[[], Result], record: Recorder) -> Callable[[], Result]:
    """Return a function that does the same, recorded when it is called for the second time.

    The first call compiles what is not compiled yet. Where it cannot be recorded, a warning says
    why, and it is called as it is.
    """
    called, recordable = False, True
    recorded: tuple[Callable[[], None], Result] | None = None

    def call() -> Result:
        nonlocal called, recordable, recorded
        if called and recordable and recorded is None:
            try:
                recorded = record(function)
            except RuntimeError as error:
                warnings.warn(f"no CUDA graph, steps will be slower: {error}", stacklevel=2)
                recordable = False
        called = True
        if recorded is None:
            return function()
        replay, result = recorded
        replay()
        return result

    return call

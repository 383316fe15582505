"""CUDA graphs: what is computed again and again is recorded once and then launched as a whole.

A small step on a GPU ends before the next one's hundreds of kernels are launched one by one.
"""

import warnings
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import nn

from crystal_transfer.models.contract import Network

Result = TypeVar("Result")
Recorder = Callable[[Callable[[], Result]], tuple[Callable[[], None], Result]]


def can_record(model: nn.Module, device: torch.device) -> bool:
    """Say whether what a model does on a device can be recorded."""
    return device.type == "cuda" and isinstance(model, Network) and model.recordable


def cuda_graphs() -> Recorder:
    """Give a recorder of functions.

    It takes a function of no arguments and gives one that repeats its work on the GPU, in and with
    the same tensors, and its result, which each repetition overwrites. What it records shares
    memory: use a result before anything else of the recorder runs.
    """
    pool = torch.cuda.graph_pool_handle()

    def record(function):
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=pool):
            result = function()
        return graph.replay, result

    return record


def repeated(function: Callable[[], Result], record: Recorder) -> Callable[[], Result]:
    """Give a function that does the same, recorded when it is called for the second time.

    The first call compiles what is not compiled yet. Where it cannot be recorded, a warning says
    why, and it is called as it is.
    """
    called, recordable, replay, result = False, True, None, None

    def call() -> Result:
        nonlocal called, recordable, replay, result
        if called and recordable and replay is None:
            try:
                replay, result = record(function)
            except RuntimeError as error:
                warnings.warn(f"no CUDA graph, steps will be slower: {error}", stacklevel=2)
                recordable = False
        called = True
        if replay is None:
            return function()
        replay()
        return result

    return call

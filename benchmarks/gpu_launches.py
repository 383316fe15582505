"""How many kernels a recorded training step launches on a GPU; counted without one.

    python benchmarks/gpu_launches.py

A step as it is recorded, from a padded batch to the gradients, runs on meta tensors, which have
shapes and no numbers. Counted are PyTorch's operations that compute something, which views and
allocations do not, and the launches of our own kernels.
"""

from collections import Counter
from dataclasses import fields, is_dataclass, replace
from typing import Any
from unittest import mock

import numpy as np
import torch
from common import store_of, table_of
from torch.utils._python_dispatch import TorchDispatchMode

from crystal_transfer.graphs.batches import assemble, load_graphs
from crystal_transfer.graphs.padding import pad, plan_sizes
from crystal_transfer.models import kernels
from crystal_transfer.models.alignn import ALIGNN
from crystal_transfer.models.kernels.gpu import calls
from crystal_transfer.models.sizes import AlignnSizes
from crystal_transfer.protocols import AbsentLabels
from crystal_transfer.runs import Loss
from crystal_transfer.training.criterion import TERMS, Criterion
from crystal_transfer.training.steps import gradients

N_CRYSTALS = 16
NO_LAUNCH = ("empty", "new_empty", "detach", "_unsafe_view", "view", "as_strided")


class Launches(TorchDispatchMode):
    """Counts operations that launch a kernel on a GPU."""

    def __init__(self) -> None:
        super().__init__()
        self.names: Counter[str] = Counter()

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None):
        name = function.overloadpacket.__name__
        if not (function.is_view or name.startswith(NO_LAUNCH)):
            self.names[name] += 1
        return function(*args, **(kwargs or {}))


def main() -> None:
    store = store_of(table_of(None, N_CRYSTALS), "shell", True)
    model = ALIGNN(AlignnSizes(), torch.from_numpy(np.array(store.features)))
    batch = assemble(load_graphs(store, np.arange(N_CRYSTALS)), torch.arange(N_CRYSTALS))
    n_bonds, n_pairs = len(batch.bonds.source), len(batch.pairs.source)
    (sizes,) = plan_sizes(np.array([[len(batch.bonds.first) - 1, n_bonds, n_pairs]]))
    model, batch = model.to("meta").train(), on_meta(pad(batch, sizes))
    targets = torch.empty(N_CRYSTALS, 1, device="meta")
    counter = Launches()

    def launch(kernel: Any, *_: Any, **__: Any) -> None:
        counter.names[f"{kernel.fn.__name__} (ours)"] += 1

    with (
        mock.patch.object(kernels, "device_for", lambda *_: calls.DEVICE),
        mock.patch.object(calls, "launch", launch),
        counter,
    ):
        gradients(model, batch, targets, Criterion(TERMS[Loss.MSE], AbsentLabels.LEFT_OUT))
    for name, count in counter.names.most_common():
        print(f"{count:5d}  {name}")
    print(f"{counter.names.total():5d}  in all")


def on_meta(part: Any) -> Any:
    """Move all tensors of a batch to the meta device."""
    if is_dataclass(part) and not isinstance(part, type):
        return replace(part, **{f.name: on_meta(getattr(part, f.name)) for f in fields(part)})
    return part.to("meta") if isinstance(part, torch.Tensor) else part


if __name__ == "__main__":
    main()

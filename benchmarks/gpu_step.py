"""Training step on a GPU: PyTorch kernel by kernel, our fused kernels, and those as a CUDA graph.

    python benchmarks/gpu_step.py --graphs results/graphs/PH --batch 16 64
    python benchmarks/gpu_step.py --quick

`--graphs` is a graph store that the workflow has built; the benchmark then needs PyTorch, NumPy and
Triton only. Each precision is measured on its own. FLOPs of the products are counted while a step
runs; the peak is the rate of a large product. The last line is the ratio of PyTorch's time to that
of the last contestant, fp32, first batch size. Without a GPU the first two run on the CPU.
"""

import argparse
import statistics
from functools import partial
from unittest import mock

import numpy as np
import torch
from flops import counted
from timing import ratio, side_by_side

from crystal_transfer.graphs.batches import choose, load_graphs
from crystal_transfer.graphs.store import GraphStore, open_store
from crystal_transfer.models import kernels
from crystal_transfer.models.alignn import ALIGNN
from crystal_transfer.models.sizes import AlignnSizes
from crystal_transfer.protocols import AbsentLabels
from crystal_transfer.training.criterion import Criterion
from crystal_transfer.training.device import PRECISIONS
from crystal_transfer.training.settings import Precision
from crystal_transfer.training.steps import (
    LabelledGraphs,
    put_gradients,
    step_by_step,
    steps_of,
)

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
PLAIN = "PyTorch, kernel by kernel"
LARGE = 4096  # rows and columns of the product that shows the peak


SQUARED_ERROR = Criterion(torch.Tensor.square, AbsentLabels.LEFT_OUT)


def finish() -> None:
    """Wait for the GPU."""
    if DEVICE == "cuda":
        torch.cuda.synchronize()


def epoch_of(store: GraphStore, graphs, batches, how):
    """Return a function that takes a step with each batch."""
    model = ALIGNN(AlignnSizes(), torch.from_numpy(np.array(store.features))).to(DEVICE).train()
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    targets = torch.linspace(-1, 1, len(graphs), device=DEVICE).unsqueeze(1)
    compute = how(model, LabelledGraphs(graphs, targets, ("X",)), SQUARED_ERROR)

    def epoch():
        for chosen in choose(graphs, batches):
            put_gradients(compute(chosen), model)
            optimizer.step()
        finish()

    return epoch


def with_plain_kernels(function):
    """Return a function that does the same with PyTorch's operations only."""

    def plain():
        with mock.patch.object(kernels, "device_for", lambda *_: None):
            function()

    return plain


def peak() -> float:
    """Measure the FLOPs per second of a large product."""
    left, right = (torch.randn(LARGE, LARGE, device=DEVICE) for _ in range(2))

    def product():
        left @ right
        finish()

    seconds = statistics.median(side_by_side({"product": product}, 1)["product"])
    return 2 * LARGE**3 / seconds


def arguments() -> argparse.Namespace:
    """Parse the options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="finish within 25 s")
    parser.add_argument("--graphs", help="graph store; default: alloys computed with EMT")
    parser.add_argument("--batch", type=int, nargs="+", default=[16], help="crystals per batch")
    return parser.parse_args()


def store_of_alloys(n: int) -> GraphStore:
    """Build the graphs of alloys, for which more packages are needed."""
    from common import store_of, table_of

    return store_of(table_of(None, n), "shell", True)


def main() -> None:
    options = arguments()
    name = torch.cuda.get_device_name() if DEVICE == "cuda" else "CPU"
    print(f"{name}, torch {torch.__version__}")
    largest = max(options.batch)
    store = open_store(options.graphs) if options.graphs else store_of_alloys(largest)
    n = len(store.edge_counts)
    graphs = load_graphs(store, np.arange(min(n, (1 if options.quick else 8) * largest)), DEVICE)
    first = None
    for precision in ["fp32", "tf32"] if DEVICE == "cuda" else ["fp32"]:
        torch.set_float32_matmul_precision(PRECISIONS[Precision(precision)])
        top = peak()
        for size in options.batch:
            members = torch.randperm(len(graphs), generator=torch.Generator().manual_seed(0))
            batches = [part for part in members.split(size) if len(part) == size]
            plain = with_plain_kernels(epoch_of(store, graphs, batches, step_by_step))
            with counted() as counter:
                plain()
            contestants = {PLAIN: plain, "fused": epoch_of(store, graphs, batches, step_by_step)}
            if DEVICE == "cuda":
                contestants["fused, CUDA graphs"] = epoch_of(
                    store, graphs, batches, partial(steps_of, batches=lambda b=batches: b)
                )
                for _ in range(3):  # until every size is recorded
                    contestants["fused, CUDA graphs"]()
            times = side_by_side(contestants, 3 if options.quick else 20)
            for contestant, values in times.items():
                seconds = statistics.median(values)
                share = counter.get_total_flops() / seconds / top
                print(
                    f"{precision} batch {size:3d}  {contestant:26s} "
                    f"{1000 * seconds / len(batches):8.2f} ms a step  "
                    f"{size * len(batches) / seconds:8.1f} graphs/s  "
                    f"{ratio(times, PLAIN, contestant):5.2f}x  {100 * share:3.0f} % of the peak"
                )
            first = first or ratio(times, PLAIN, contestant)
    print(f"ratio {first:.2f}")


if __name__ == "__main__":
    main()

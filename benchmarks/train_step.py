"""Training step: alignn on DGL against ours, on the same crystals, interleaved.

    python benchmarks/train_step.py --data ph.json.gz --batch 16 64
    python benchmarks/train_step.py --quick

alignn on DGL is measured with glibc's malloc as it comes, and with one that keeps all freed memory.
The last line is the ratio to the faster of both, for the first batch size, fp32, on alignn's exact
graphs, compressed. Two batch sizes take less than five minutes on crystals as large as BG's.
"""

import statistics
from typing import NamedTuple

import dgl
import numpy as np
import torch
from alignn.models import alignn as reference
from allocator import AS_IN_TRAININGS, AS_IT_COMES, KEEPING_ALL, with_malloc
from common import alignn_graph, arguments, store_of, table_of
from timing import ratio, side_by_side

from crystal_transfer.graphs.batches import assemble, load_graphs
from crystal_transfer.models.alignn import ALIGNN
from crystal_transfer.models.sizes import AlignnSizes
from crystal_transfer.training.device import PRECISIONS
from crystal_transfer.training.settings import Precision

DGL, DGL_KEEPING = "alignn on DGL", "alignn on DGL, memory kept"
OURS = "ours, alignn's graphs"


class Variant(NamedTuple):
    """How our step computes: which bonds, equivalent ones once, and in which precision."""

    neighbours: str
    compress: bool
    precision: Precision = Precision.FP32


VARIANTS = {
    "ours, alignn's graphs, full": Variant("alignn", False),
    OURS: Variant("alignn", True),
    "ours, alignn's graphs, bf16": Variant("alignn", True, Precision.BF16),
    "ours, shells": Variant("shell", True),
    "ours, shells, bf16": Variant("shell", True, Precision.BF16),
}


def reference_step(table, batches, targets):
    model = reference.ALIGNN(reference.ALIGNNConfig(name="alignn"))
    graphs = [alignn_graph(crystal) for crystal in table]
    optimizer = torch.optim.AdamW(model.parameters())

    def step():
        for members in batches:
            crystal, line = zip(*(graphs[member] for member in members), strict=True)
            optimizer.zero_grad()
            output = model((dgl.batch(crystal), dgl.batch(line), None))
            ((output - targets[members]) ** 2).mean().backward()
            optimizer.step()

    return step


def our_step(table, batches, targets, neighbours, compress):
    store = store_of(table, neighbours, compress)
    graphs = load_graphs(store, np.arange(len(table)))
    model = ALIGNN(AlignnSizes(), torch.from_numpy(np.array(store.features)))
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)

    def step():
        for members in batches:
            optimizer.zero_grad()
            output = model(assemble(graphs, members)).squeeze(1)
            ((output - targets[members]) ** 2).mean().backward()
            optimizer.step()

    return step


def step_of(variant: Variant, table, batches, targets):
    """Return our step in a precision."""
    step = our_step(table, batches, targets, variant.neighbours, variant.compress)

    def in_precision():
        torch.set_float32_matmul_precision(PRECISIONS[variant.precision])
        step()
        torch.set_float32_matmul_precision(PRECISIONS[Precision.FP32])  # for others in turn

    return in_precision


def main() -> None:
    options = arguments(__doc__)
    names = [OURS] if options.quick else list(VARIANTS)
    first = None
    for batch in options.batch:
        table = table_of(options.data, batch)
        targets, batches = torch.linspace(-1, 1, len(table)), [torch.arange(len(table))]
        theirs = reference_step(table, batches, targets)
        contestants = {
            DGL: with_malloc(AS_IT_COMES, theirs),
            DGL_KEEPING: with_malloc(KEEPING_ALL, theirs),
        }
        for name in names:
            step = step_of(VARIANTS[name], table, batches, targets)
            contestants[name] = with_malloc(AS_IN_TRAININGS, step)
        times = side_by_side(contestants, seconds=6 if options.quick else 60, least=2)
        for name, values in times.items():
            rate = len(table) / statistics.median(values)
            gains = [ratio(times, reference, name) for reference in (DGL, DGL_KEEPING)]
            print(
                f"batch {batch:3d}  {name:32s} {rate:7.1f} graphs/s  {gains[0]:5.2f}x  "
                f"{gains[1]:5.2f}x of the one that keeps memory"
            )
        first = first or min(ratio(times, r, OURS) for r in (DGL, DGL_KEEPING))
    print(f"ratio {first:.2f}")


if __name__ == "__main__":
    main()

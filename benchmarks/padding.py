"""How much of a padded batch is ghosts: planned sizes against powers of 1.25 of the average batch.

    python benchmarks/padding.py --data ph.json.gz --batch 1 2 16 64

Batches of 20 epochs of a training on 800 crystals (fewer where there are fewer). A step takes as
long as it has bond pairs, so they are what is counted.
"""

from collections.abc import Iterator

import numpy as np
import torch
from common import arguments, store_of, table_of

from crystal_transfer.graphs.batches import load_graphs
from crystal_transfer.graphs.padding import plan_sizes, size_for

N_CRYSTALS = 800
EPOCHS = 20
STEP = 1.25


def batches(n: int, size: int) -> Iterator[torch.Tensor]:
    """Draw the members of every batch."""
    generator = torch.Generator().manual_seed(0)
    for _ in range(EPOCHS):
        yield from torch.randperm(n, generator=generator).split(size)


def main() -> None:
    options = arguments(__doc__)
    table = table_of(options.data, 64 if options.quick else N_CRYSTALS)
    graphs = load_graphs(store_of(table, "shell", True), np.arange(len(table)))
    print("batch  sizes  ghost pairs per real one: planned, powers of 1.25 (and how many sizes)")
    for size in options.batch:
        totals = np.array([
            graphs.counts[:, members].sum(1).tolist() for members in batches(len(table), size)
        ])  # fmt: skip
        sizes, pairs = plan_sizes(totals), totals[:, 2]
        planned = sum(size_for(tuple(total), sizes).triplets for total in totals.tolist())
        average = totals.mean(axis=0)
        level = np.ceil(np.log(((totals + 1) / average).max(axis=1)) / np.log(STEP))
        powers = (STEP**level * average[2]).sum()
        print(
            f"{size:5d}  {len(sizes):5d}  {planned / pairs.sum() - 1:.3f}  "
            f"{powers / pairs.sum() - 1:.3f} ({len(np.unique(level))})"
        )


if __name__ == "__main__":
    main()

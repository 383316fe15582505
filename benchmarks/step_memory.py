"""Peak memory of a training step: alignn on DGL against ours, each in a process of its own.

    python benchmarks/step_memory.py --data ph.json.gz --batch 64
    python benchmarks/step_memory.py --quick

Memory is what the process holds at its peak beyond what it held before the first step. The last
line is alignn's peak divided by ours, on alignn's exact graphs, compressed.
"""

import multiprocessing
import resource

import psutil
import torch
from common import arguments, table_of
from train_step import OURS, VARIANTS, reference_step, step_of

from crystal_transfer.training.memory import keep_freed_memory

MB = 1024**2
THEIRS = "alignn on DGL"


def peak(name: str, data: str | None, batch: int) -> float:
    """Measure the MB that two steps take beyond what was there before."""
    keep_freed_memory()
    table = table_of(data, batch)
    targets, batches = torch.linspace(-1, 1, len(table)), [torch.arange(len(table))]
    if name == THEIRS:
        step = reference_step(table, batches, targets)
    else:
        step = step_of(VARIANTS[name], table, batches, targets)
    before = psutil.Process().memory_info().rss
    step()
    step()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before / MB


def main() -> None:
    options = arguments(__doc__)
    names = [THEIRS, OURS] if options.quick else [THEIRS, *VARIANTS]
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        for batch in options.batch:
            peaks = {name: pool.apply(peak, (name, options.data, batch)) for name in names}
            for name, used in peaks.items():
                share = 100 * used / peaks[THEIRS]
                print(f"batch {batch:3d}  {name:32s} {used:8.0f} MB  {share:5.0f} %")
    print(f"ratio {peaks[THEIRS] / peaks[OURS]:.2f}")


if __name__ == "__main__":
    main()

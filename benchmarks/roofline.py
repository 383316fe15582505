"""How far a training step is from what the matrix products in it must take.

    python benchmarks/roofline.py --data ph.json.gz --batch 16 64
    python benchmarks/roofline.py --quick

FLOPs of the products are counted while a step runs. The rate of the machine is that of a product of
the shape that most of them have, bond pairs x 256 by 256 x 256. The last line is the time that the
products alone would take at this rate, divided by that of the step.
"""

import statistics

import torch
from common import arguments, table_of
from flops import counted
from timing import side_by_side
from train_step import our_step

from crystal_transfer.training.memory import keep_freed_memory

ROWS, FEATURES = 20_000, 256


def product():
    """Return a product of the usual shape."""
    rows, weight = torch.randn(ROWS, FEATURES), torch.randn(FEATURES, FEATURES)
    out = torch.empty(ROWS, FEATURES)
    return lambda: torch.mm(rows, weight, out=out)


def main() -> None:
    options = arguments(__doc__)
    keep_freed_memory()
    for batch in options.batch:
        table = table_of(options.data, batch)
        step = our_step(
            table, [torch.arange(len(table))], torch.linspace(-1, 1, len(table)), "alignn", True
        )
        step()
        with counted() as counter:
            step()
        flops = counter.get_total_flops()
        times = side_by_side({"step": step, "product": product()}, 5 if options.quick else 20)
        seconds = statistics.median(times["step"])
        rate = 2 * ROWS * FEATURES**2 / statistics.median(times["product"])
        share = flops / rate / seconds
        print(
            f"batch {batch:3d}  {flops / len(table) / 1e9:6.2f} GFLOP per graph, "
            f"{rate / 1e9:5.0f} GFLOP/s in products, {flops / seconds / 1e9:5.0f} in the step: "
            f"{100 * share:3.0f} % of it are products at that rate"
        )
    print(f"ratio {share:.2f}")


if __name__ == "__main__":
    main()

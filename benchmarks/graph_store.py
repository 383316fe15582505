"""A whole graph store of FE's size: time, size and peak memory, against alignn's graphs.

    python benchmarks/graph_store.py --data fe.json.gz
    python benchmarks/graph_store.py --quick

Crystals of the file are repeated to 132,752, the rows of matbench_mp_e_form (--quick: 2,000). The
last line is what alignn would take for as many graphs and line graphs, from a sample on one core,
divided by our time on all cores.
"""

import resource
import tempfile
import time
from itertools import cycle, islice
from pathlib import Path

import numpy as np
from common import alignn_graph, arguments, table_of

from crystal_transfer.datasets import crystals
from crystal_transfer.datasets.crystals import tabulate
from crystal_transfer.graphs.build import build

ROWS = 132_752
SAMPLE = 60  # crystals that alignn builds


def main() -> None:
    options = arguments(__doc__)
    n = 2_000 if options.quick else ROWS
    table = table_of(options.data, 100 if options.data is None else n)
    sample = [table[i] for i in np.linspace(0, len(table) - 1, min(SAMPLE, len(table))).astype(int)]
    started = time.perf_counter()
    for crystal in sample:
        alignn_graph(crystal)
    theirs = (time.perf_counter() - started) / len(sample) * n

    folder = Path(tempfile.mkdtemp(prefix="crystal-transfer-"))
    repeated = (crystal._replace(id=f"{i}") for i, crystal in enumerate(islice(cycle(table), n)))
    crystals.save(tabulate(repeated), folder / "crystals.npz")
    del table, repeated
    started = time.perf_counter()
    build(folder / "crystals.npz", folder / "graphs", "alignn", True, options.threads)
    ours = time.perf_counter() - started
    size = sum(path.stat().st_size for path in (folder / "graphs").iterdir())
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    worker = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(f"{n} crystals: {ours:.0f} s, {size / 1e9:.3f} GB, {size / n:.0f} bytes each")
    print(f"peak memory: {own / 1024:.0f} MB, and {worker / 1024:.0f} MB in each worker")
    print(f"ratio {theirs / ours:.2f}")


if __name__ == "__main__":
    main()

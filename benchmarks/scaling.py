"""Cost against the number of crystals and of atoms: both must be linear.

    python benchmarks/scaling.py
    python benchmarks/scaling.py --quick

Alloys without symmetry, so that compression does not hide what a larger cell costs. The last line
is the cost per atom of the smallest case divided by that of the largest: 1 is linear, less is
worse.
"""

import math
import statistics

import numpy as np
import torch
from common import arguments
from timing import side_by_side
from train_step import our_step

from crystal_transfer.datasets.crystals import Crystal, CrystalTable, tabulate
from crystal_transfer.graphs.build import crystal_graph

SPECIES = [13, 28, 29, 46, 47, 78, 79]  # Al Ni Cu Pd Ag Pt Au, all fcc
LATTICE = 4.0  # Å


def random_alloys(n: int, n_cells: int) -> CrystalTable:
    """Make n fcc alloys of `n_cells` conventional cells in a row, 4 `n_cells` atoms each."""
    chance = np.random.default_rng(0)
    cell = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    shifts = np.arange(n_cells)[:, None, None] * np.array([1, 0, 0])
    sites = ((cell + shifts) / [n_cells, 1, 1]).reshape(-1, 3)
    lattice = LATTICE * np.diag([n_cells, 1.0, 1.0])
    return tabulate(
        Crystal(
            id=f"alloy-{n_cells}-{i}",
            target=0.0,
            lattice=lattice * (1 + 0.001 * i),
            numbers=chance.choice(SPECIES, len(sites)),
            coordinates=sites + chance.normal(0, 0.002, sites.shape),
            cartesian=False,
        )
        for i in range(n)
    )


def step(n: int, n_cells: int):
    """Return a function that takes a training step on one batch of n alloys."""
    table = random_alloys(n, n_cells)
    return our_step(table, [torch.arange(n)], torch.linspace(-1, 1, n), "alignn", True)


def graphs(n: int, n_cells: int):
    """Return a function that builds the graphs of n alloys."""
    table = random_alloys(n, n_cells)
    return lambda: [crystal_graph(crystal, "alignn", True) for crystal in table]


def series(title: str, make, cases: list[tuple[int, int]], seconds: float) -> float:
    """Time cases of (crystals, cells) and print them; give cost per atom, smallest by largest."""
    times = side_by_side({case: make(*case) for case in cases}, seconds)
    atoms = {case: 4 * case[0] * case[1] for case in cases}
    cost = {case: statistics.median(times[case]) / atoms[case] for case in cases}
    print(title)
    for case in cases:
        print(f"  {case[0]:4d} crystals of {4 * case[1]:3d} atoms  {1e6 * cost[case]:8.1f} µs/atom")
    first, last = cases[0], cases[-1]
    slope = 1 + math.log(cost[last] / cost[first]) / math.log(atoms[last] / atoms[first])
    print(f"  time grows as atoms ^ {slope:.2f}")
    return cost[first] / cost[last]


def main() -> None:
    options = arguments(__doc__)
    largest, seconds = (4, 3) if options.quick else (32, 20)
    powers = [2**i for i in range(int(math.log2(largest)) + 1)]
    series("training step, more crystals", step, [(4 * k, 1) for k in powers], seconds)
    series("graphs, larger crystals", graphs, [(4, k) for k in powers], seconds)
    final = series("training step, larger crystals", step, [(4, k) for k in powers], seconds)
    print(f"ratio {final:.2f}")


if __name__ == "__main__":
    main()

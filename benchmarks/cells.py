"""How far predictions of one crystal in two cells are apart, as given and in primitive cells.

python benchmarks/cells.py ../shared/data/real/ph.json.gz --property PH
"""

import argparse
from pathlib import Path

import numpy as np

from crystal_transfer import data
from crystal_transfer.datasets.cells import in_primitive_cells
from crystal_transfer.datasets.cleaning import clean
from crystal_transfer.datasets.crystals import Crystal, tabulate
from crystal_transfer.datasets.geometry import fractional_coordinates
from crystal_transfer.datasets.sources.jarvis import read_jarvis
from crystal_transfer.graphs.neighbours import bonds
from crystal_transfer.models.saved import load_model
from crystal_transfer.prediction import predict_crystals


def doubled(crystal: Crystal) -> Crystal:
    """Return a crystal in a cell that is twice as long along its first vector."""
    own = fractional_coordinates(crystal)
    return crystal._replace(
        lattice=crystal.lattice * [[2], [1], [1]],
        coordinates=np.concatenate([own, own + np.array([1, 0, 0])]) / [2, 1, 1],
        numbers=np.tile(crystal.numbers, 2),
        cartesian=False,
    )


def bonds_per_atom(crystal: Crystal) -> float:
    """Count the bonds of alignn's rule."""
    return len(bonds(crystal, "alignn")[0]) / len(crystal.numbers)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--property", default="PH", help="of the weights that ship")
    parser.add_argument("--crystals", type=int, default=150)
    options = parser.parse_args()
    table, _ = clean(read_jarvis(options.data))
    rows = np.random.default_rng(0).permutation(len(table))[: options.crystals]
    given = tabulate(table[row] for row in rows)
    larger = tabulate(map(doubled, given))
    model = load_model(next(data.WEIGHTS.glob("*.safetensors")))
    pairs = {
        "as given": (given, larger),
        "primitive": (in_primitive_cells(given), in_primitive_cells(larger)),
    }
    for name, both in pairs.items():
        one, two = (predict_crystals(model, cells)[options.property] for cells in both)
        apart = (one - two).abs()
        others = sum(bonds_per_atom(a) != bonds_per_atom(b) for a, b in zip(*both, strict=True))
        print(
            f"{name}: apart by {apart.mean():.2g} on average, {apart.max():.2g} at most; rule "
            f"alignn has another number of bonds per atom for {others} of {len(given)}"
        )


if __name__ == "__main__":
    main()

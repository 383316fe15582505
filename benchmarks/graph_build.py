"""Graph building: alignn against ours, per crystal, on one core, interleaved.

    python benchmarks/graph_build.py --data fe.json.gz
    python benchmarks/graph_build.py --quick

Ours includes the symmetry compression, theirs the line graph: what each needs before training.
The last line is the ratio of the search for bonds alone, in which the edge sets are identical.
"""

import statistics

from alignn.graphs import nearest_neighbor_edges
from common import alignn_graph, arguments, table_of
from jarvis.core.atoms import Atoms
from timing import ratio, side_by_side

from crystal_transfer.graphs.build import crystal_graph
from crystal_transfer.graphs.neighbours import bonds
from crystal_transfer.species import SYMBOLS


def main() -> None:
    options = arguments(__doc__)
    table = table_of(options.data, 40 if options.quick else 200)
    every = [
        Atoms(
            lattice_mat=crystal.lattice,
            coords=crystal.coordinates,
            elements=[SYMBOLS[number] for number in crystal.numbers],
            cartesian=crystal.cartesian,
        )
        for crystal in table
    ]

    def alignn_edges():
        for atoms in every:
            nearest_neighbor_edges(atoms=atoms, cutoff=8.0, max_neighbors=12, use_canonize=True)

    contestants = {
        "alignn, edges": alignn_edges,
        "ours, edges": lambda: [bonds(crystal, "alignn") for crystal in table],
        "alignn, graph and line graph": lambda: [alignn_graph(crystal) for crystal in table],
        "ours, compressed graph": lambda: [
            crystal_graph(crystal, "alignn", True) for crystal in table
        ],
    }
    times = side_by_side(contestants, seconds=6 if options.quick else 40)
    for name, values in times.items():
        print(f"{name:30s} {1000 * statistics.median(values) / len(table):8.3f} ms per crystal")
    whole = ratio(times, "alignn, graph and line graph", "ours, compressed graph")
    print(f"graph and line graph, whole: {whole:.1f}x")
    print(f"ratio {ratio(times, 'alignn, edges', 'ours, edges'):.2f}")


if __name__ == "__main__":
    main()

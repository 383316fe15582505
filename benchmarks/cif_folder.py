"""A folder of CIFs with id_prop.csv, as users have it, from a file in ALIGNN's JSON layout.

python benchmarks/cif_folder.py ../shared/data/real/jarvis2d.json.gz --first 500 mydata
python benchmarks/cif_folder.py ../shared/data/real/jarvis2d.json.gz --after 500 new
"""

import argparse
from pathlib import Path

import numpy as np
from pymatgen.io.cif import CifWriter

from crystal_transfer.datasets.cleaning import clean
from crystal_transfer.datasets.overlap import structure
from crystal_transfer.datasets.sources.jarvis import read_jarvis


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--first", type=int, help="crystals to write, in an order drawn by a seed")
    parser.add_argument("--after", type=int, default=0, help="crystals to leave out before")
    options = parser.parse_args()
    table, _ = clean(read_jarvis(options.data))
    order = np.random.default_rng(0).permutation(len(table))
    options.folder.mkdir(parents=True)
    lines = []
    for row in order[options.after :][: options.first]:
        crystal = table[row]
        CifWriter(structure(crystal)).write_file(options.folder / f"{crystal.id}.cif")
        lines.append(f"{crystal.id}.cif,{crystal.target:g}\n")
    (options.folder / "id_prop.csv").write_text("".join(lines))


if __name__ == "__main__":
    main()

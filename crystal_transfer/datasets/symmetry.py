"""The crystal system of every crystal."""

from pymatgen.symmetry.analyzer import SpacegroupAnalyzer, SymmetryUndeterminedError
from tqdm.contrib.concurrent import process_map

from crystal_transfer.datasets.crystals import Crystal, CrystalTable
from crystal_transfer.datasets.overlap import structure

TOLERANCE = 0.1  # Å; the Materials Project's, whose structures are relaxed


def crystal_system(crystal: Crystal) -> str:
    """Return triclinic, ... or cubic, as pymatgen calls it; empty where no symmetry is found."""
    try:
        return SpacegroupAnalyzer(structure(crystal), symprec=TOLERANCE).get_crystal_system()
    except SymmetryUndeterminedError:
        return ""


def crystal_systems(table: CrystalTable, processes: int) -> list[str]:
    """Return the crystal system of every crystal, in parallel."""
    return process_map(
        crystal_system, list(table), max_workers=processes, chunksize=64,
        unit="crystal", desc="symmetry", mininterval=1.0,
    )  # fmt: skip

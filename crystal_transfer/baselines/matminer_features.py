"""Composition, density and symmetry of a crystal as numbers, by matminer.

Element statistics (Ward et al., npj Comput. Mater. 2, 16028 (2016), "Magpie"), stoichiometry,
valence orbitals, density and symmetry; 153 columns in all. Those of one crystal depend on nothing
but this crystal, so a table may be cut or extended at any time.
"""

import warnings
from functools import cache
from math import pi
from statistics import fmean
from typing import Any

import numpy as np
from matminer.featurizers.composition import ElementProperty, Stoichiometry, ValenceOrbital
from matminer.featurizers.structure import DensityFeatures, GlobalSymmetryFeatures
from pymatgen.core import Element, Structure
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer, SymmetryUndeterminedError
from tqdm import tqdm
from tqdm.contrib.concurrent import process_map

from crystal_transfer.baselines.features import Features
from crystal_transfer.datasets.crystals import Crystal, CrystalTable
from crystal_transfer.datasets.overlap import structure
from crystal_transfer.species import SYMBOLS

DENSITY = ["density", "vpa"]  # g/cm^3; Å^3 per atom
PACKING = "packing fraction"  # of spheres with the atomic radii, 1
SYMMETRY = ["spacegroup_num", "crystal_system_int", "is_centrosymmetric", "n_symmetry_ops"]
SYSTEMS = GlobalSymmetryFeatures.crystal_idx  # from 1 (cubic) to 7 (triclinic)
NO_SYMMETRY = [1.0, 7.0, 0.0, 1.0]  # those of space group P1
CRYSTALS_AT_ONCE = 32  # handed to a worker process


def features_of(table: CrystalTable, processes: int = 1) -> Features:
    """Compute the features of every crystal of a table.

    Parameters
    ----------
    table
        The crystals.
    processes
        Worker processes.

    Returns
    -------
    features
        One row per crystal, in the order of the table; equal tables give equal bytes. No value is
        missing: where the Magpie tables or pymatgen's atomic radii have none for an element, it
        counts as the mean over all elements that have one (matminer's ``impute_nan=True``), and a
        crystal whose symmetry cannot be found counts as one of space group 1.
    """
    bar: dict[str, Any] = {"unit": "crystal", "desc": "features", "mininterval": 1.0}
    if processes == 1:
        rows = [row_of(crystal) for crystal in tqdm(table, **bar)]
    else:
        rows = process_map(
            row_of, list(table), max_workers=processes, chunksize=CRYSTALS_AT_ONCE, **bar
        )
    names = np.array(column_names(), dtype=np.str_)
    return Features(table.ids, names, np.array(rows, dtype=np.float32).reshape(-1, len(names)))


def column_names() -> list[str]:
    """Return the names of the columns that `row_of` fills."""
    composition = [name for part in _of_composition() for name in part.feature_labels()]
    return [*composition, *DENSITY, PACKING, *SYMMETRY]


def row_of(crystal: Crystal) -> list[float]:
    """Compute the features of one crystal, [n_features]."""
    atoms = structure(crystal)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about imputed values, which are meant
        composition = [x for part in _of_composition() for x in part.featurize(atoms.composition)]
        density = DensityFeatures(DENSITY).featurize(atoms)
        return [*composition, *density, packing_fraction(atoms), *symmetry(atoms)]


@cache
def _of_composition() -> tuple[Any, ...]:
    """Return matminer's featurizers of a composition; they read their tables once per process."""
    return (
        ElementProperty.from_preset("magpie", impute_nan=True),
        Stoichiometry(),
        ValenceOrbital(impute_nan=True),
    )


def packing_fraction(atoms: Structure) -> float:
    """Compute the share of the cell's volume that spheres of the atomic radii take.

    As matminer's ``DensityFeatures``, which fails for the elements without a radius (Slater's;
    most noble gases, some actinides); here they have the mean radius of the others.
    """
    cubes = sum(_radii()[element.symbol] ** 3 * n for element, n in atoms.composition.items())
    return 4 * pi * cubes / (3 * atoms.volume)


@cache
def _radii() -> dict[str, float]:
    """Return the atomic radius of every element in Å."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        radii = {symbol: Element(symbol).atomic_radius for symbol in SYMBOLS[1:]}
    mean = fmean(float(radius) for radius in radii.values() if radius)
    return {symbol: float(radius or mean) for symbol, radius in radii.items()}


def symmetry(atoms: Structure) -> list[float]:
    """Compute the columns `SYMMETRY` within pymatgen's 0.01 Å, as matminer does.

    Space group 1 to 230; crystal system as in `SYSTEMS`; 1 where there is an inversion centre,
    else 0; number of operations of the cell as given, the translations of a cell that is not
    primitive included. Space group 1 where no symmetry is found.
    """
    try:
        found = SpacegroupAnalyzer(atoms)
    except SymmetryUndeterminedError:
        return NO_SYMMETRY
    # matminer's featurizer lets spglib search twice, which takes most of the time
    return [
        float(found.get_space_group_number()),
        float(SYSTEMS[found.get_crystal_system()]),
        float(found.is_laue()),
        float(len(found.get_symmetry_dataset().rotations)),
    ]

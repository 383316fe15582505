"""What a CIF says of its crystal besides cell and sites, held against what is read from it."""

import math
import re
from collections import Counter
from collections.abc import Collection
from typing import Any

import numpy as np
import spglib
from ase.data import atomic_masses
from scipy.constants import atomic_mass

from crystal_transfer.datasets.records import Fault, Structure
from crystal_transfer.datasets.sources.agreement import written
from crystal_transfer.datasets.sources.cif_tags import (
    UNKNOWN,
    Tags,
    column,
    formula_of,
    known,
    numbers_of,
)
from crystal_transfer.species import ATOMIC_NUMBERS

MULTIPLICITIES = ("_atom_site_symmetry_multiplicity", "_atom_site_site_symmetry_multiplicity")
WYCKOFF = "_atom_site_wyckoff_symbol"  # a, or 4a with the multiplicity
SAME_VOLUME = 0.01  # relative; CIFs round their cell
SAME_DENSITY = 0.1  # relative; authors leave hydrogens out
SYMMETRY_LENGTHS = (0.01, 0.02, 0.03, 0.05, 0.1)  # Å; of coordinates with many digits, to three


def require_own_word(tags: Tags, read: Structure, n_sites: int, n_operations: int) -> None:
    """Stop where a CIF's formula, units, multiplicities, volume or density say otherwise.

    A word that is there and not understood is a doubt, not permission.

    Parameters
    ----------
    tags
        Of the CIF.
    read
        What libraries make of its cell, sites and symmetry.
    n_sites
        How many sites it lists.
    n_operations
        How many symmetry operations its sites were given.

    Raises
    ------
    Fault
        For the first that differs or is not understood.
    """
    _require_formula(tags, Counter(read.elements))
    _require_multiplicities(tags, len(read.elements), n_sites, n_operations)
    volume = float(abs(np.linalg.det(read.lattice)))
    said = _number(tags, "_cell_volume")
    if said is not None and abs(said - volume) > SAME_VOLUME * volume:
        raise Fault(f"CIF says a volume of {said:g} Å^3, but its cell has {volume:.2f} Å^3")
    mass = sum(float(atomic_masses[ATOMIC_NUMBERS[symbol]]) for symbol in read.elements)
    density = mass * atomic_mass * 1e3 / (volume * 1e-24)  # g/cm^3
    said = _number(tags, "_exptl_crystal_density_diffrn")
    if said is not None and abs(said - density) > SAME_DENSITY * density:
        raise Fault(f"CIF says a density of {said:g} g/cm^3, but its sites give {density:.3f}")


def _require_formula(tags: Tags, found: Counter[str]) -> None:
    formula = formula_of(tags)
    units = _whole(tags, "_cell_formula_units_z")
    with_units = f" with Z = {units}" if units else ""
    if not formula:
        if units and any(count % units for count in found.values()):
            raise Fault(f"CIF says Z = {units}, but its sites give {written(found)}")
        return
    ratio = found.total() / sum(formula.values())
    expected = {symbol: ratio * count for symbol, count in formula.items()}
    whole = all(float(count).is_integer() for count in formula.values())
    # jarvis-tools and pymatgen write the formula of the whole cell, and Z as well
    whole_cell = whole and units and math.gcd(*map(int, formula.values())) % units == 0
    if expected.keys() != found.keys() or any(
        abs(expected[symbol] - found[symbol]) > 0.01 * found[symbol] for symbol in found
    ) or (units and abs(ratio - units) > 0.01 and not (whole_cell and ratio == 1)):  # fmt: skip
        raise Fault(f"CIF says {written(formula)}{with_units}, but its sites give {written(found)}")


def _require_multiplicities(tags: Tags, n_atoms: int, n_sites: int, n_operations: int) -> None:
    """Hold what is known of multiplicities against the number of atoms; a site has one at least.

    SHELXL-97 and OLEX2 write the order of a site's symmetry under the name of its multiplicity.
    """
    symbols = [re.match(r"\d*", word.strip()) for word in column(tags, WYCKOFF) or []]
    lists = [[match[0] if match else "" for match in symbols]]
    lists += [column(tags, key) or [] for key in MULTIPLICITIES]
    for words in lists:
        counts = [_count(word) for word in words if word.strip() not in UNKNOWN]
        known_counts = [count for count in counts if count]
        orbits = [n_operations // n for n in known_counts if n_operations % n == 0]
        ways = [known_counts, *([orbits] if len(orbits) == len(known_counts) else [])]
        if known_counts and not any(_fit(way, n_atoms, n_sites) for way in ways):
            raise Fault(
                f"CIF has multiplicities of {sum(known_counts)} atoms, but its symmetry gives "
                f"{n_atoms}"
            )


def _fit(counts: list[int], n_atoms: int, n_sites: int) -> bool:
    said = sum(counts) + n_sites - len(counts)
    return said == n_atoms if len(counts) == n_sites else said <= n_atoms


def _count(word: str) -> int:
    """Return a multiplicity; 0 is how some programs leave it open."""
    if not re.fullmatch(r"\d+(\.0*)?", word.strip()):
        raise Fault(f"CIF has '{word[:20]}' for a multiplicity, which is none")
    return int(float(word))


def _number(tags: Tags, key: str) -> float | None:
    """Return the number of a tag; None where it is unknown, or 0, as some leave it open."""
    number = numbers_of(tags, key, 1)[0] if known(tags, key) else 0.0
    return number or None


def _whole(tags: Tags, key: str) -> int | None:
    number = _number(tags, key)
    if number is None:
        return None
    if not number.is_integer() or number < 1:
        raise Fault(f"CIF has {number:g} for {key}, which is no number of formula units")
    return int(number)


def require_group(numbers: Collection[int], read: Structure, said: str) -> None:
    """Stop unless a crystal has one of these space groups, as spglib finds it.

    Parameters
    ----------
    numbers
        Of the space groups, International Tables.
    read
        The crystal.
    said
        What the CIF says of its group.

    Raises
    ------
    Fault
        If it has none of them within any of `SYMMETRY_LENGTHS`.
    """
    kinds = [ATOMIC_NUMBERS[symbol] for symbol in read.elements]
    cell: Any = read.lattice, read.coordinates, kinds
    sets = [spglib.get_symmetry_dataset(cell, symprec=length) for length in SYMMETRY_LENGTHS]
    found = {own.number for own in sets if own is not None}
    if not found & set(numbers):
        raise Fault(
            f"CIF lists other symmetry operations than those of its space group, {said}, and with "
            f"them its crystal has {' or '.join(map(str, sorted(found))) or 'none'}"
        )

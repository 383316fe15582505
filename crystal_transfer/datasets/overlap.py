"""Crystals that two datasets have both: in a test set, and among those that are pre-trained on.

Nearly every test crystal of the small datasets is in the large ones too: a model pre-trained
there has seen them, though with another label.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator

from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Lattice, Structure
from tqdm import tqdm

from crystal_transfer.datasets.cleaning import Rejected
from crystal_transfer.datasets.crystals import Crystal, CrystalTable, tabulate
from crystal_transfer.datasets.fingerprints import formula
from crystal_transfer.datasets.splits import Split
from crystal_transfer.species import SYMBOLS


def structure(crystal: Crystal) -> Structure:
    """Return a crystal as pymatgen's structure."""
    return Structure(
        Lattice(crystal.lattice),
        [SYMBOLS[number] for number in crystal.numbers],
        crystal.coordinates,
        coords_are_cartesian=crystal.cartesian,
    )


def _with_equals(
    table: CrystalTable, others: Iterable[Crystal]
) -> Iterator[tuple[Crystal, Iterator[Crystal]]]:
    """Give crystals of a table with those of `others` that match, found as they are asked for.

    Equal are those that pymatgen's `StructureMatcher` finds equal up to cell choice, scale and
    small displacements (its default tolerances).
    """
    matcher = StructureMatcher()
    by_formula = defaultdict(list)
    for crystal in others:
        by_formula[formula(crystal)].append((crystal, structure(crystal)))
    for crystal in tqdm(table, unit="crystal", desc="overlap", mininterval=1.0):
        candidates = by_formula.get(formula(crystal), [])
        if candidates:
            own = structure(crystal)
            yield crystal, (other for other, its in candidates if matcher.fit(own, its))


def tested_crystals(table: CrystalTable, split: Split) -> CrystalTable:
    """Return the test crystals of a dataset; without a fixed test set, any may be tested on."""
    test = set(split.test or split.pool)
    return tabulate(crystal for crystal in table if crystal.id in test)


def occurring_in(table: CrystalTable, others: Iterable[Crystal]) -> list[str]:
    """List the crystals of a table that match one of `others`.

    Parameters
    ----------
    table
        Crystals to look through, such as those that are pre-trained on.
    others
        Crystals to look for, such as those that are tested on.

    Returns
    -------
    ids
        See `_with_equals` for what is equal.
    """
    return [crystal.id for crystal, equal in _with_equals(table, others) if any(equal)]


def shared_with(tested: CrystalTable, others: CrystalTable) -> dict[str, list[str]]:
    """List, for crystals of a test set, those of another dataset that match them.

    Parameters
    ----------
    tested
        The test set.
    others
        The dataset that is pre-trained on.

    Returns
    -------
    Id of a test crystal -> ids of its equals, see `_with_equals`; crystals without are left out.
    """
    found = defaultdict(list)
    # the large table is gone through once, and only the test set is kept as structures
    for crystal, equal in _with_equals(others, tested):
        for test in equal:
            found[test.id].append(crystal.id)
    return dict(found)


def equals_of_tested(table: CrystalTable, test_ids: Collection[str]) -> set[str]:
    """Return the crystals of a table that match one of its own test set, but are not in it."""
    tested = [crystal for crystal in table if crystal.id in test_ids]
    others = tabulate(crystal for crystal in table if crystal.id not in test_ids)
    return set(occurring_in(others, tested))


def without_tested(
    table: CrystalTable, test_ids: Collection[str]
) -> tuple[CrystalTable, list[Rejected]]:
    """Take crystals out of a table that are also in its own, separate test set.

    Parameters
    ----------
    table
        Crystals of both files.
    test_ids
        Those of the test file.

    Returns
    -------
    table
        Without the others that match one of the test set.
    rejected
        These others.
    """
    seen = equals_of_tested(table, test_ids)
    rejected = [Rejected(id, "same structure as a crystal of the test file") for id in seen]
    return tabulate(c for c in table if c.id not in seen), sorted(rejected)

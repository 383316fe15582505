"""All datasets as one: a row per distinct crystal, with a value and a use per property."""

from collections.abc import Collection, Mapping

import numpy as np

from crystal_transfer.datasets.crystals import Crystal, CrystalTable, tabulate
from crystal_transfer.datasets.fingerprints import group
from crystal_transfer.datasets.labels import ABSENT, LEARNED, TESTED, TESTED_ALONE, Labels
from crystal_transfer.datasets.scaling import Scaler
from crystal_transfer.datasets.splits import Split


def accumulate(
    tables: Mapping[str, CrystalTable],
    splits: Mapping[str, Split],
    scalers: Mapping[str, Scaler],
    excluded: Mapping[str, Collection[str]],
) -> tuple[CrystalTable, Labels]:
    """Merge datasets crystal by crystal.

    Parameters
    ----------
    tables, splits, scalers
        Code -> clean crystals, test set, range of the targets.
    excluded
        Code -> crystals of that dataset whose labels must not be learned.

    Returns
    -------
    crystals
        The first member of each group of equal crystals, named ``<code>-<id>``; its target is NaN.
    labels
        Their values in every dataset. Labels of a dataset's test set are `TESTED`, those
        excluded `ABSENT`, and those that are both `TESTED_ALONE`. With crystals excluded, so is
        every label of a row that another dataset tests on: whether crystals are one is told here
        in another way than for `excluded`.
    """
    codes = list(tables)
    groups = group(list(tables.values()))
    n_distinct = 1 + max(int(numbers.max()) for numbers in groups)
    values = np.full((n_distinct, len(codes)), np.nan)
    use = np.full((n_distinct, len(codes)), ABSENT, dtype=np.uint8)
    members: dict[int, Crystal] = {}
    for column, (code, numbers) in enumerate(zip(codes, groups, strict=True)):
        test, left_out = set(splits[code].test), set(excluded.get(code, ()))
        for crystal, number in zip(tables[code], numbers, strict=True):
            values[number, column] = crystal.target
            if crystal.id in test:
                use[number, column] = TESTED_ALONE if crystal.id in left_out else TESTED
            elif crystal.id not in left_out:
                use[number, column] = LEARNED
            if number not in members:
                members[number] = crystal._replace(id=f"{code}-{crystal.id}", target=np.nan)
    if excluded:
        tested = (use == TESTED) | (use == TESTED_ALONE)
        by_another = tested.sum(axis=1, keepdims=True) - tested > 0
        use[by_another & (use == LEARNED)] = ABSENT
        use[by_another & (use == TESTED)] = TESTED_ALONE
    crystals = tabulate(members[number] for number in range(n_distinct))
    return crystals, Labels(crystals.ids, codes, values, use, [scalers[code] for code in codes])

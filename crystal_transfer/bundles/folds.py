"""Folds of crystals for cross-validation: what belongs together is never on both sides."""

import math
from collections.abc import Sequence

import numpy as np
from sklearn.model_selection import GroupKFold

from crystal_transfer.bundles.names import BY_FORMULA, BY_NOTHING
from crystal_transfer.bundles.plan import FEWEST_FOLDS
from crystal_transfer.datasets.crystals import CrystalTable
from crystal_transfer.datasets.csv_rows import csv_columns
from crystal_transfer.datasets.fingerprints import formula
from crystal_transfer.errors import InputError

UNEVEN = 1.5  # times the size of even folds


def groups_of(table: CrystalTable, by: str) -> np.ndarray:
    """Return the group of each crystal, [n_crystals].

    Parameters
    ----------
    table
        The crystals.
    by
        ``formula``: those of one reduced formula are a group, so that a model is not tested on
        polymorphs of what it has learned; ``none``: each is its own; or a CSV file with the
        columns id and group.

    Raises
    ------
    InputError
        If the file cannot be read or does not name every crystal.
    """
    if by == BY_NOTHING:
        return np.arange(len(table))
    names = (
        [str(formula(crystal)) for crystal in table] if by == BY_FORMULA else _of_file(table, by)
    )
    return np.unique(names, return_inverse=True)[1]


def folds_of(groups: np.ndarray, n_folds: int, seed: int) -> np.ndarray:
    """Return the fold of each crystal, 0 to n_folds - 1, [n_crystals].

    Folds have as many crystals each as the groups allow.

    Raises
    ------
    InputError
        If there are fewer groups than folds.
    """
    n_groups = len(np.unique(groups))
    if n_groups < n_folds:
        fewer = "ask for fewer folds, or " if n_groups >= FEWEST_FOLDS else ""
        raise InputError(
            f"the crystals are of {n_groups} groups, which {n_folds} folds cannot share; {fewer}"
            "group by something else (--group-by)."
        )
    fold = np.empty(len(groups), dtype=np.int64)
    # without its own shuffle scikit-learn balances crystals instead of groups: the largest group
    # first, each to the smallest fold; equal ones in the order of their names
    drawn = np.random.default_rng(seed).permutation(n_groups)
    named = drawn[np.unique(groups, return_inverse=True)[1]]
    for number, (_, held_out) in enumerate(GroupKFold(n_folds).split(named, groups=named)):
        fold[held_out] = number
    return fold


def said_of_folds(folds: np.ndarray) -> str:
    """Warn of a fold that is much larger than the others; empty where none is.

    A group cannot be divided, so that its crystals may be predicted by a network that has learned
    from few others.
    """
    largest, fair = int(np.bincount(folds).max()), math.ceil(len(folds) / (folds.max() + 1))
    if largest <= UNEVEN * fair:
        return ""
    return (
        f"One fold has {largest} of the {len(folds)} crystals, since groups stay together: they "
        f"are predicted by a network that was trained on the other {len(folds) - largest} alone. "
        "If they need not stay together, group by something else (--group-by)."
    )


def _of_file(table: CrystalTable, path: str) -> Sequence[str]:
    try:
        rows = [row for _, row in csv_columns(path, ("id", "group"))]
    except InputError as error:
        raise InputError(
            f"{str(error).rstrip('.')}; --group-by takes formula, none or a file with the columns "
            "id and group."
        ) from None
    known: dict[str, str] = {}
    for row in rows:
        if known.setdefault(row["id"], row["group"]) != row["group"]:
            raise InputError(
                f"{path}: names two groups for crystal '{row['id']}', {known[row['id']]} and "
                f"{row['group']}; keep one of them."
            )
    missing = [id for id in table.ids.tolist() if not known.get(id)]
    if missing:
        raise InputError(
            f"{path}: names no group for crystal '{missing[0]}' ({len(missing)} in all); add it."
        )
    return [known[id] for id in table.ids.tolist()]

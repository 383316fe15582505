"""What a baseline sees of crystals: a table of numbers, whoever computed them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from crystal_transfer.arrays import load_arrays, save_arrays
from crystal_transfer.errors import InputError


@dataclass(frozen=True)
class Features:
    """Numbers that describe crystals.

    Attributes
    ----------
    ids
        Names of the crystals, [n_crystals].
    names
        Names of the columns, [n_features].
    values
        One row per crystal, finite float32, [n_crystals, n_features].
    """

    ids: np.ndarray
    names: np.ndarray
    values: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)


def joined(first: Features, second: Features) -> Features:
    """Return the columns of both.

    Raises
    ------
    InputError
        If they are not of the same crystals in the same order.
    """
    if not np.array_equal(first.ids, second.ids):
        raise InputError(
            f"features of {len(first)} and of {len(second)} crystals cannot be joined, since they "
            "are not of the same crystals in the same order; compute both from one table."
        )
    return Features(
        first.ids,
        np.concatenate([first.names, second.names]),
        np.hstack([first.values, second.values]),
    )


def save(features: Features, path: str | Path) -> None:
    """Write features to an `.npz` file; equal features give equal bytes."""
    save_arrays(features, path)


def load(path: str | Path) -> Features:
    """Read features written by `save`.

    Raises
    ------
    InputError
        If the file has no features.
    """
    return load_arrays(Features, path, "no features of crystals")

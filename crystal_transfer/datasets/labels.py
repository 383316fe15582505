"""Labels of several properties: one row per distinct crystal of all datasets together."""

import zipfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np

from crystal_transfer.datasets.scaling import Scaler
from crystal_transfer.errors import InputError
from crystal_transfer.files import read_sealed, sealed_when_whole

# What a label is used for. Both of the last two are in the test set of their own dataset; those of
# the last must not be learned whatever the protocol says: another dataset tests on the crystal.
ABSENT, LEARNED, TESTED, TESTED_ALONE = 0, 1, 2, 3


@dataclass(frozen=True)
class Labels:
    """Values and mask of multi-property pre-training.

    Attributes
    ----------
    ids
        Names of the distinct crystals, [n_crystals].
    properties
        Codes of the datasets.
    values
        Targets in the physical unit of each property, [n_crystals, n_properties]; NaN where the
        crystal is not in that dataset.
    use
        `ABSENT`, `LEARNED`, `TESTED` or `TESTED_ALONE`, [n_crystals, n_properties] uint8. Absent
        are also labels outside of the test set that must not be learned.
    scalers
        Ranges of the properties.
    """

    ids: np.ndarray
    properties: list[str]
    values: np.ndarray
    use: np.ndarray
    scalers: list[Scaler]


def save(labels: Labels, path: str | Path) -> None:
    """Write labels to an `.npz` file."""
    ranges = [(scaler.minimum, scaler.maximum) for scaler in labels.scalers]
    with sealed_when_whole(path) as temporary, temporary.open("wb") as handle:
        np.savez(
            handle,
            ids=labels.ids,
            properties=np.array(labels.properties),
            values=labels.values,
            use=labels.use,
            ranges=np.array(ranges),
            units=np.array([scaler.unit for scaler in labels.scalers]),
        )


def load(path: str | Path) -> Labels:
    """Read labels written by `save`.

    Raises
    ------
    InputError
        If the file is missing or holds no labels.
    """
    try:
        with np.load(BytesIO(read_sealed(path)), allow_pickle=False) as arrays:
            ranges, units = arrays["ranges"].tolist(), arrays["units"].tolist()
            return Labels(
                arrays["ids"],
                arrays["properties"].tolist(),
                arrays["values"],
                arrays["use"],
                [Scaler(low, high, unit) for (low, high), unit in zip(ranges, units, strict=True)],
            )
    except (OSError, KeyError, ValueError, zipfile.BadZipFile, EOFError) as error:
        raise InputError(f"{path}: not labels ({error}); delete it and run again.") from None


def shared(labels: Labels) -> np.ndarray:
    """Count the crystals that two datasets have in common, [n_properties, n_properties]."""
    present = np.isfinite(labels.values).astype(np.int64)
    return present.T @ present

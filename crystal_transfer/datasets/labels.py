"""Labels of several properties: one row per distinct crystal of all datasets together."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from crystal_transfer.datasets.scaling import Scaler
from crystal_transfer.files import replaced_when_whole

ABSENT, LEARNED, TESTED = 0, 1, 2  # what a label is used for


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
        `ABSENT`, `LEARNED` or `TESTED`, [n_crystals, n_properties] uint8. Absent are also labels
        that must not be learned.
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
    with replaced_when_whole(path) as temporary, temporary.open("wb") as handle:
        np.savez(
            handle,
            ids=labels.ids,
            properties=np.array(labels.properties),
            values=labels.values,
            use=labels.use,
            ranges=np.array(ranges),
        )


def load(path: str | Path) -> Labels:
    """Read labels written by `save`."""
    with np.load(path, allow_pickle=False) as arrays:
        return Labels(
            arrays["ids"],
            arrays["properties"].tolist(),
            arrays["values"],
            arrays["use"],
            [Scaler(*limits) for limits in arrays["ranges"].tolist()],
        )

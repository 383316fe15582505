"""Targets scaled to [-1, 1], and back to physical units."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from crystal_transfer.errors import InputError
from crystal_transfer.files import read_sealed_json, write_sealed_json

ROUNDING = 1e-9  # share of the largest target; targets that differ by less are equal
SMALLEST_RANGE = 1e-30  # as the largest target that cleaning accepts is 1e30


@dataclass(frozen=True)
class Scaler:
    """The range of targets that becomes [-1, 1], in physical units, and the unit's name."""

    minimum: float
    maximum: float
    unit: str = ""

    @property
    def half_range(self) -> float:
        """Physical units per scaled unit."""
        return (self.maximum - self.minimum) / 2

    def scale(self, targets: np.ndarray) -> np.ndarray:
        """Return scaled targets."""
        return (np.asarray(targets) - self.minimum) / self.half_range - 1

    def restore(self, scaled: np.ndarray) -> np.ndarray:
        """Return targets in physical units."""
        return (np.asarray(scaled) + 1) * self.half_range + self.minimum


def equal(targets: Sequence[float] | np.ndarray) -> bool:
    """Return whether targets differ by no more than what rounding may do.

    Half of their range is looked at, which divides them.
    """
    return bool(np.ptp(targets) / 2 <= ROUNDING / 2 * np.abs(targets).max())


def fault_of(targets: Sequence[float] | np.ndarray) -> str:
    """Say why nothing can be learned from targets; empty where something can."""
    if equal(targets):
        return f"all targets equal {np.min(targets):g}, so nothing can be learned"
    if (largest := np.ptp(targets)) < SMALLEST_RANGE:
        return f"targets differ by {largest:g} at most, whose square is too small to compute with"
    return ""


def fit(targets: Sequence[float], dataset: str, unit: str = "") -> Scaler:
    """Compute the range of the given targets.

    Raises
    ------
    InputError
        If all are equal, or nearly.
    """
    scaler = Scaler(float(np.min(targets)), float(np.max(targets)), unit)
    if fault := fault_of(targets):
        raise InputError(
            f"dataset {dataset}: {fault}; check the column that the dataset's `column` names, and "
            "its unit."
        )
    return scaler


def save(scaler: Scaler, path: str | Path) -> None:
    """Write a scaler as JSON."""
    write_sealed_json(path, asdict(scaler))


def load(path: str | Path) -> Scaler:
    """Read a scaler written by `save`.

    Raises
    ------
    InputError
        If the file is no scaler.
    """
    try:
        return Scaler(**read_sealed_json(path))
    except TypeError as error:
        raise InputError(f"{path}: not a scaler ({error}); delete it and run again.") from None

"""Records in, clean crystals and rejected rows out; nothing is dropped silently."""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from crystal_transfer.datasets.crystals import Crystal, CrystalTable, Record, tabulate
from crystal_transfer.datasets.geometry import nearest_distances
from crystal_transfer.errors import InputError
from crystal_transfer.species import ATOMIC_NUMBERS

CLOSEST = 0.5  # Å; no bond is shorter (H2: 0.74 Å)
FARTHEST = 8.0  # Å; ALIGNN's cutoff: an atom without a neighbour within has no bond to speak of
SMALLEST_VOLUME = 1.0  # Å^3 per cell; below, a lattice vector is missing or a multiple of another


class Rejected(NamedTuple):
    """A row that was left out, and why."""

    id: str
    reason: str


def clean(records: Iterable[Record]) -> tuple[CrystalTable, list[Rejected]]:
    """Check every record.

    Returns
    -------
    table
        The crystals that passed, in their order.
    rejected
        All others.
    """
    crystals, rejected, seen = [], [], set()
    for record in tqdm(records, unit="row", desc="clean", mininterval=1.0):
        reason = fault(record)
        if not reason and record.id in seen:
            reason = "id occurs before"
        if reason:
            rejected.append(Rejected(record.id, reason))
            continue
        seen.add(record.id)
        crystals.append(_crystal(record))
    return tabulate(crystals), rejected


def require_enough(n_kept: int, n_rejected: int, max_fraction: float, dataset: str) -> None:
    """Stop if too much was rejected for the rest to be trusted.

    Raises
    ------
    InputError
        If nothing is left, or more than `max_fraction` of the rows was rejected.
    """
    n_rows = n_kept + n_rejected
    if n_kept == 0:
        raise InputError(
            f"dataset {dataset}: none of its {n_rows} rows is usable; see rejected.csv."
        )
    if n_rejected > max_fraction * n_rows:
        raise InputError(
            f"dataset {dataset}: {n_rejected} of {n_rows} rows were rejected, more than the share "
            f"{max_fraction} that cleaning.max_rejected allows; see rejected.csv, then mend the "
            "data or raise the limit."
        )


def fault(record: Record) -> str:
    """Say what is wrong with a record; empty if nothing is."""
    if record.problem:
        return record.problem
    if not math.isfinite(record.target):
        return "target is missing or not finite"
    if len(record.elements) == 0:
        return "structure has no atoms"
    unknown = sorted({str(symbol) for symbol in record.elements} - ATOMIC_NUMBERS.keys())
    if unknown:
        return f"unknown element {unknown[0]}"
    if record.lattice.shape != (3, 3) or record.coordinates.shape != (len(record.elements), 3):
        return "structure has arrays of the wrong shape"
    if not (np.isfinite(record.lattice).all() and np.isfinite(record.coordinates).all()):
        return "structure has a coordinate that is not finite"
    if abs(np.linalg.det(record.lattice)) < SMALLEST_VOLUME:
        return "cell volume is not positive"
    nearest = nearest_distances(_crystal(record), FARTHEST)
    if nearest.min() < CLOSEST:
        return f"atoms closer than {CLOSEST} Å ({nearest.min():.2f} Å)"
    if not np.isfinite(nearest).all():
        return f"isolated atom: no neighbour within {FARTHEST} Å"
    return ""


def _crystal(record: Record) -> Crystal:
    return Crystal(
        record.id,
        record.target,
        np.array([ATOMIC_NUMBERS[symbol] for symbol in record.elements], dtype=np.uint8),
        record.lattice,
        record.coordinates,
        record.cartesian,
    )

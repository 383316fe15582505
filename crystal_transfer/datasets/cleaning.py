"""Records in, clean crystals and rejected rows out; nothing is dropped silently."""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from crystal_transfer.datasets.crystals import Crystal, CrystalTable, Record, tabulate
from crystal_transfer.datasets.geometry import (
    FARTHEST_CELL,
    LONGEST_VECTOR,
    fractional_coordinates,
    nearest_distances,
)
from crystal_transfer.datasets.records import because, printable
from crystal_transfer.errors import InputError
from crystal_transfer.species import ATOMIC_NUMBERS

CLOSEST = 0.5  # Å; no bond is shorter (H2: 0.74 Å)
FARTHEST = 8.0  # Å; ALIGNN's cutoff: an atom without a neighbour within has no bond to speak of
SMALLEST_VOLUME = 1.0  # Å^3 per cell; below, a lattice vector is missing or a multiple of another
# The search for neighbours takes seconds then, and its time grows with the square; the largest
# crystals of the paper's datasets have 444 atoms.
MOST_ATOMS = 5000
SHOWN = 5  # rejected rows in a message; the others are in the table of rejected rows


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
        All others, in their order, with names that can be printed.
    """
    crystals, rejected, seen = [], [], set()
    for record in tqdm(records, unit="row", desc="clean", mininterval=1.0):
        reason = _guarded_fault(record)
        if not reason and record.id in seen:
            reason = "id occurs before"
        if reason:
            rejected.append(Rejected(printable(record.id, 200), reason))
            continue
        seen.add(record.id)
        crystals.append(_crystal(record))
    return tabulate(crystals), rejected


def require_enough(
    n_kept: int, rejected: list[Rejected], max_fraction: float, dataset: str
) -> None:
    """Stop if too much was rejected for the rest to be trusted.

    Raises
    ------
    InputError
        If nothing is left, or more than `max_fraction` of the rows was rejected; it names the
        first of them and why.
    """
    n_rows = n_kept + len(rejected)
    if n_kept == 0:
        raise InputError(
            f"dataset {dataset}: none of its {n_rows} rows is usable"
            + (f": {examples(rejected)}; mend the data." if rejected else "; name other data.")
        )
    # `not <=`: a share that is no number must not switch the check off
    if not len(rejected) <= max_fraction * n_rows:
        raise InputError(
            f"dataset {dataset}: {len(rejected)} of {n_rows} rows were rejected, more than the "
            f"share {max_fraction} that cleaning.max_rejected allows: {examples(rejected)}; mend "
            "the data or raise the limit."
        )


def examples(rejected: list[Rejected]) -> str:
    """Write the first rejected rows with their reasons in one line."""
    shown = ", ".join(f"{row.id} ({row.reason})" for row in rejected[:SHOWN])
    more = len(rejected) - SHOWN
    return f"{shown}, and {more} more" if more > 0 else shown


def _guarded_fault(record: Record) -> str:
    """Say what is wrong with a record, whatever happens while it is looked at."""
    try:
        return fault(record)
    except Exception as error:
        return f"structure cannot be checked{because(error)}"


def fault(record: Record) -> str:
    """Say what is wrong with a record; empty if nothing is."""
    if record.problem:
        return record.problem
    if not math.isfinite(record.target):
        return "target is missing or not finite"
    if len(record.elements) == 0:
        return "structure has no atoms"
    if len(record.elements) > MOST_ATOMS:
        return f"structure has {len(record.elements)} atoms, more than {MOST_ATOMS}"
    unknown = sorted({str(symbol) for symbol in record.elements} - ATOMIC_NUMBERS.keys())
    if unknown:
        return f"unknown element {printable(unknown[0], 20)}"
    if record.lattice.shape != (3, 3) or record.coordinates.shape != (len(record.elements), 3):
        return "structure has arrays of the wrong shape"
    if not (np.isfinite(record.lattice).all() and np.isfinite(record.coordinates).all()):
        return "structure has a coordinate that is not finite"
    if np.abs(record.lattice).max() > LONGEST_VECTOR:
        return f"lattice vector longer than {LONGEST_VECTOR:.0f} Å"
    volume = abs(np.linalg.det(record.lattice))
    if volume < SMALLEST_VOLUME:
        return f"cell volume is {volume:.2g} Å^3, too small for an atom; are its lengths in Å?"
    crystal = _crystal(record)
    if np.abs(fractional_coordinates(crystal)).max() > FARTHEST_CELL:
        return f"atom farther than {FARTHEST_CELL:.0f} cells from the origin"
    nearest = nearest_distances(crystal, FARTHEST)
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

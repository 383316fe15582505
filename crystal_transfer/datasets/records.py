"""Records from whatever a source gives: what cannot be read becomes a record with the reason.

One odd row must never end a dataset: readers raise `Fault` with a sentence, or stumble over what
nobody foresaw, and `record` turns both into a record with a problem.
"""

import math
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from ase.geometry import cell_to_cellpar

from crystal_transfer.datasets.crystals import Record

# Names become file contents, keys and columns of fixed width: 200 characters for each of 132,752
# crystals take 100 MB.
LONGEST_ID = 200
# Physical values are smaller in any unit; a range or a square of these cannot overflow.
LARGEST_TARGET = 1e30

SAME_CELL = 0.01  # relative, of lengths and angles, which some round
VACUUM = 8.0  # Å, the distance to which bonds are looked for first

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
MISSING = {"", "na", "n/a", "nan", "none", "null", "-", "--", "?", "."}  # as JARVIS, pandas, users


class Fault(Exception):
    """A row cannot be used, and why, in words that a user understands."""


class Structure(NamedTuple):
    """A crystal as it was read, before anything is checked."""

    elements: list[str]
    lattice: np.ndarray  # [3, 3], Å, rows are the lattice vectors
    coordinates: np.ndarray  # [n_atoms, 3], fractional, or Å if `cartesian`
    cartesian: bool = False


def record(id: Any, target: Any, read: Callable[[], Structure]) -> Record:
    """Return the record of a row.

    Parameters
    ----------
    id, target
        As the source has them.
    read
        Reads the row's structure; may fail in any way.
    """
    try:
        return Record(name(id), number(target), *read())
    except Fault as fault:
        return unreadable(id, str(fault))
    except KeyError as error:
        return unreadable(id, f"structure cannot be read: it has no {error}")
    except Exception as error:  # whatever a parser stumbles over
        return unreadable(id, f"structure cannot be read{because(error)}")


def unreadable(id: Any, problem: str) -> Record:
    """Return the record of a row that could not be read."""
    return Record(
        printable(str(id), LONGEST_ID) or "(no name)", math.nan, [], np.zeros((3, 3)),
        np.empty((0, 3)), problem=printable(problem, 300),
    )  # fmt: skip


def name(value: Any) -> str:
    """Return a crystal's name as text.

    Raises
    ------
    Fault
        If it is no text or number, or text that tables cannot hold.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Fault(f"name is {_kind(value)}, not text")
    if isinstance(value, float) and not math.isfinite(value):
        raise Fault("name is missing")
    text = str(value).strip()
    if not text:
        raise Fault("name is empty")
    if len(text) > LONGEST_ID:
        raise Fault(f"name has more than {LONGEST_ID} characters")
    if text != printable(text, LONGEST_ID):
        raise Fault("name has characters that cannot be printed")
    return text


def number(value: Any) -> float:
    """Return a target as a number; NaN where it is missing (JARVIS writes "na").

    Raises
    ------
    Fault
        If it is something else than a finite number.
    """
    if value is None or (isinstance(value, str) and value.strip().lower() in MISSING):
        return math.nan
    if isinstance(value, str):
        if not NUMBER.fullmatch(value.strip()):
            raise Fault(f"target '{value[:40]}' is not a number")
    elif isinstance(value, bool) or not isinstance(value, int | float):
        raise Fault(f"target is {_kind(value)}, not a number")
    try:
        result = float(value)
    except OverflowError:
        result = math.inf
    if math.isfinite(result) and abs(result) > LARGEST_TARGET:
        raise Fault(f"target is larger than {LARGEST_TARGET:.0e}")
    return result


def require_periodic(periodic: Sequence[bool], read: Structure) -> None:
    """Stop unless a structure repeats along all three vectors, or has a vacuum where it does not.

    Bonds are looked for along all three: without a vacuum a slab would be joined to its images.

    Parameters
    ----------
    periodic
        For each lattice vector, whether the structure repeats along it.
    read
        The structure, with fractional coordinates.

    Raises
    ------
    Fault
        If it has no vacuum of `VACUUM` there.
    """
    if all(periodic):
        return
    if not any(periodic):
        raise Fault("structure is not periodic")
    volume = abs(np.linalg.det(read.lattice))
    for axis in np.flatnonzero(~np.array(periodic, dtype=bool)):
        others = np.delete(read.lattice, axis, axis=0)
        height = volume / np.linalg.norm(np.cross(*others))
        vacuum = height * (1 - np.ptp(read.coordinates[:, axis]))
        if not vacuum >= VACUUM:
            raise Fault(
                f"structure is not periodic along {'abc'[axis]}, and has no vacuum of {VACUUM:g} Å "
                "there, so it would be joined to its images"
            )


def require_same_cell(lattice: np.ndarray, lengths_and_angles: Sequence[Any], name: str) -> None:
    """Stop where the lengths and angles that stand beside a lattice are those of another.

    Both are written from one structure: who has changed one of them has forgotten the other.

    Parameters
    ----------
    lattice
        [3, 3], Å, rows are the lattice vectors.
    lengths_and_angles
        a, b, c in Å, alpha, beta, gamma in degrees; None where the file lacks one.
    name
        What the file calls the lattice.

    Raises
    ------
    Fault
        If one of them differs by more than 1 %.
    """
    own = cell_to_cellpar(lattice)
    said = [own[i] if value is None else value for i, value in enumerate(lengths_and_angles)]
    if not np.allclose(own, np.array(said, dtype=float), rtol=SAME_CELL, atol=0):
        raise Fault(f"structure has a `{name}` that is not that of its lengths and angles")


def numbers(value: Any, columns: int, what: str) -> np.ndarray:
    """Return a table of numbers, [n, columns] float64.

    Raises
    ------
    Fault
        If `value` is anything else.
    """
    try:
        array = np.array(value)
    except ValueError:  # rows of different lengths
        raise Fault(f"structure has {what} of different lengths") from None
    if array.size == 0:
        return np.empty((0, columns))
    if array.dtype.kind not in "iuf":
        raise Fault(f"structure has {what} that are not numbers")
    if array.ndim != 2 or array.shape[1] != columns:
        raise Fault(f"structure has {what} that are not {columns} numbers each")
    return array.astype(np.float64, copy=False)


def because(error: Exception) -> str:
    """Return the first line of what a library says, in brackets; empty if it says nothing."""
    if isinstance(error, TypeError | AttributeError | IndexError | AssertionError):
        return ""  # of use to the library's developers only
    lines = str(error).strip().splitlines()
    return f" ({printable(lines[0], 120)})" if lines else ""


def printable(text: str, most: int) -> str:
    """Return text that can be written anywhere: no control characters or lone surrogates."""
    if not text.isprintable():
        text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return text if len(text) <= most else f"{text[: most - 3]}..."


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false"
    kinds = {dict: "an object", list: "a list", str: "text", type(None): "missing"}
    return kinds.get(type(value), "a number" if np.ndim(value) == 0 else "a list")

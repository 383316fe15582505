"""Extended xyz with many structures: each frame's second line has its lattice and its values."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from crystal_transfer.datasets.crystals import Record
from crystal_transfer.datasets.records import NUMBER, Fault, record, unreadable
from crystal_transfer.datasets.sources.xyz import read_xyz
from crystal_transfer.datasets.sources.xyz_comment import entries
from crystal_transfer.datasets.text import COLUMN, lines_of, read_text
from crystal_transfer.errors import InputError

SUFFIXES = (".xyz", ".extxyz")
LAYOUT = {"Lattice", "Properties", "pbc"}  # keys that describe the frame itself
MOST_BYTES = 2**30  # 100,000 crystals of 200 atoms


class Frame(NamedTuple):
    """One structure of a file, as text."""

    line: int  # where it begins, counted from 1
    text: str
    whole: bool

    @property
    def comment(self) -> str:
        """Its second line."""
        return "".join(self.text.split("\n")[1:2])


class Values(NamedTuple):
    """What the second line of a frame has.

    Attributes
    ----------
    words
        As they are written, by their keys; empty for a key alone.
    twice
        Keys that have a second word.
    behind
        By their keys, words that stand alone behind a number, as the unit in ``gap=1.5 eV``.
    problem
        Why the line cannot be divided; empty if it can.
    """

    words: dict[str, str]
    twice: set[str]
    behind: dict[str, str]
    problem: str = ""


def read_extxyz(path: str | Path, column: str | None, id: str | None = None) -> Iterator[Record]:
    """Read a file with a structure per frame.

    Parameters
    ----------
    path
        The file.
    column
        Key of the property in the second line of each frame; None reads structures alone.
    id
        Key of the names; by default a frame's number, from 0, is its name.

    Raises
    ------
    InputError
        If the file cannot be divided into frames, or no frame has the key.
    """
    found = frames(path)
    values = [_values(frame) for frame in found]
    for key, said in ((column, COLUMN), (id, "`id`")):
        if key is not None and not any(key in own.words or own.problem for own in values):
            known = sorted({name for own in values for name in own.words} - LAYOUT)
            raise InputError(
                f"{path}: no frame has the key '{key}' (there are "
                f"{', '.join(known[:12]) or 'none'}); correct {said}."
            )
    return (
        _record(place, frame, own, column, id)
        for place, (frame, own) in enumerate(zip(found, values, strict=True))
    )


def frames(path: str | Path) -> list[Frame]:
    """Divide a file into its frames: a number of atoms, a line, and as many lines of atoms.

    Raises
    ------
    InputError
        If a line that must hold a number of atoms holds anything else: what follows cannot be
        divided.
    """
    lines = lines_of(read_text(path, MOST_BYTES))
    while lines and not lines[-1].strip():
        lines.pop()
    found, start = [], 0
    while start < len(lines):
        head = lines[start].strip()
        if not (head.isascii() and head.isdigit()):
            raise InputError(
                f"{path}, line {start + 1}: '{head[:40]}' is not the number of atoms that a frame "
                "of an xyz file begins with; mend the file there or before."
            )
        end = start + 2 + int(head)
        found.append(Frame(start + 1, "\n".join(lines[start:end]), end <= len(lines)))
        start = end
    if not found:
        raise InputError(f"{path}: is empty; export the data again.")
    return found


def _values(frame: Frame) -> Values:
    found = Values({}, set(), {})
    before = ""
    try:
        for key, value in entries(frame.comment):
            if value is None:
                found.words.setdefault(key, "")
                if NUMBER.fullmatch(found.words.get(before, "")):
                    found.behind[before] = key
            elif found.words.get(key):
                found.twice.add(key)
            else:
                found.words[key] = value
            before = key
    except Fault as fault:
        return found._replace(problem=str(fault))
    return found


def _record(place: int, frame: Frame, values: Values, column: str | None, id: str | None) -> Record:
    name, words = f"frame {place}", values.words
    where = f"frame at line {frame.line}"
    if values.problem:
        return unreadable(name, f"{where}: {values.problem}")
    if id is not None:
        if id not in words:
            return unreadable(name, f"{where} has no key '{id}'")
        if id in values.twice:
            return unreadable(name, f"{where} has '{id}' twice")
        name = words[id]
    if column in values.twice:
        return unreadable(name, f"{where} has '{column}' twice")
    if column in values.behind:
        word = values.behind[column][:20]
        return unreadable(
            name, f"{where} has '{word}' behind its '{column}'; write the number alone"
        )
    if not frame.whole:
        return unreadable(name, f"{where} is cut off")
    target = None if column is None else words.get(column)
    return record(name, target, lambda: read_xyz(frame.text))

"""Symmetry operations of a CIF: those it lists, or those of the one setting that it names.

A space group has up to twelve settings (axes, cells, origins), of which libraries take the usual
one. So the setting is looked up in spglib's table of all 530, and it must be the only one that
fits all that the CIF says of its group, and its cell.
"""

import re
from collections.abc import Iterable, Iterator
from fractions import Fraction
from functools import cache, lru_cache
from typing import Any, NamedTuple

import numpy as np
import spglib

from crystal_transfer.datasets.records import Fault
from crystal_transfer.datasets.sources.cif_tags import Tags, formula_of, known

SAME_METRIC = 0.02  # relative; cells are measured, and rounded
EXACT = 1e-6
OPERATION = re.compile(r"[xyz0-9+*/.,\s-]+", re.IGNORECASE)  # -y+1/2, z, x
TERM = re.compile(r"([+-]?)((?:\d+\.?\d*|\.\d+)(?:/\d+)?\*?)?([xyz]?)(?<=[\dxyz.])")
# x-y, -x+1/2, 0.5-x, 1*x: terms one after the other, each but the first with its sign
NUMBER = r"(?:\d+\.?\d*|\.\d+)(?:/[1-9]\d*)?"
SUMMAND = rf"(?:{NUMBER}|(?:{NUMBER}\*?)?[xyz])"
PART = re.compile(rf"[+-]?{SUMMAND}(?:[+-]{SUMMAND})*")
OPERATIONS = ("_space_group_symop_operation_xyz", "_symmetry_equiv_pos_as_xyz")
NAMES = (
    "_space_group_name_h-m_alt", "_symmetry_space_group_name_h-m", "_space_group_name_h-m_full",
    "_space_group_name_h-m",
)  # fmt: skip
HALL = ("_space_group_name_hall", "_symmetry_space_group_name_hall")
NUMBERS = ("_space_group_it_number", "_symmetry_int_tables_number")
REFERENCE = ("_space_group_name_h-m_ref",)  # of the group, not of the setting
SCHOENFLIES = ("_space_group_name_schoenflies",)
SYSTEMS = ("_space_group_crystal_system", "_symmetry_cell_setting")
# what all tags of a group begin with, those of dictionaries that are not known here too; and what
# they have where there is no symmetry but translations
ABOUT = ("_symmetry", "_space_group", "_parent_space_group", "_layer_group")
UNITS = "_cell_formula_units_z"
PLAIN = {"1", "p1", "p1(1)", "c1^1", "c1", "triclinic"}
MOST_OPERATIONS = 192  # of a space group in its conventional cell
# numbers of the groups of a crystal system, International Tables A
RANGES = {
    "triclinic": (1, 2), "monoclinic": (3, 15), "orthorhombic": (16, 74), "tetragonal": (75, 142),
    "trigonal": (143, 167), "rhombohedral": (143, 167), "hexagonal": (143, 194),
    "cubic": (195, 230),
}  # fmt: skip
# "F d -3 m :2", and what ICSD writes for origins and axes: "F d -3 m Z", "R -3 m H"
CHOICE = re.compile(r"\s*(?::\s*(?P<given>[12HR])|(?<=\s)(?P<icsd>[SZHR]))$", re.IGNORECASE)
OF_ICSD = {"S": "1", "Z": "2"}
# symbols before 1992 of groups with a double glide, which tell settings apart that have one symbol
# since; International Tables A, in the order of `AXES`
AXES = ("", "ba-c", "cab", "-cba", "bca", "a-cb")
BEFORE = {
    39: ("Abm2", "Bma2", "B2cm", "C2mb", "Cm2a", "Ac2m"),
    41: ("Aba2", "Bba2", "B2cb", "C2cb", "Cc2a", "Ac2a"),
    64: ("Cmca", "Ccmb", "Abma", "Acam", "Bbcm", "Bmab"),
    67: ("Cmma", "Cmmb", "Abmm", "Acmm", "Bmcm", "Bmam"),
    68: ("Ccca", "Cccb", "Abaa", "Acaa", "Bbcb", "Bbab"),
}

IDENTITY = np.array([1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0], dtype=np.int8).tobytes()


class Setting(NamedTuple):
    """A space group on chosen axes."""

    hall_number: int
    number: int
    choice: str
    hall: str
    names: frozenset[str]
    schoenflies: str


class Symmetry(NamedTuple):
    """What a CIF says of its symmetry.

    Attributes
    ----------
    operations
        As ``x, y, z``.
    to_find
        Numbers of the space groups of which the crystal must turn out to have one, where the
        operations are not those of a group that is named: jarvis-tools names it and lists all
        atoms.
    """

    operations: list[str]
    to_find: frozenset[int] = frozenset()


def symmetry_of(tags: Tags, lattice: np.ndarray) -> Symmetry:
    """Return the symmetry operations of a CIF.

    Parameters
    ----------
    tags
        Of the data block, in lower case with ``_`` for ``.``.
    lattice
        Its cell, [3, 3], rows are the lattice vectors.

    Raises
    ------
    Fault
        If it lists none and does not name one setting of one group, or if what it lists, names and
        measures do not fit each other.
    """
    lists = [found for key in OPERATIONS if (found := known(tags, key))]
    listed = lists[0] if lists else []
    if any(not OPERATION.fullmatch(word) for word in listed) or (
        not listed and any("symop" in key or "equiv_pos" in key for key in tags)
    ):
        raise Fault("CIF has symmetry operations that are not understood")
    if listed:
        if len({frozenset(map(_packed, words)) for words in lists}) > 1:
            raise Fault("CIF lists its symmetry operations twice, and not the same ones")
        return _of_list(tags, listed)
    is_plain = _is_plain(tags)
    said = group_said(tags)
    if not said:
        # formula and units say how many atoms there are
        if not is_plain and not (formula_of(tags) and known(tags, UNITS)):
            raise Fault(
                "CIF says nothing of its symmetry, nor how many atoms its cell has; add "
                "_space_group_name_H-M_alt 'P 1' if it lists all of them"
            )
        return Symmetry(["x,y,z"])
    settings = _settings_meant(tags)
    if not settings:
        raise Fault(
            f"CIF lists no symmetry operations, and its space group, {said}, is not understood"
        )
    return Symmetry(list(_written(_the_one_setting(tags, settings, lattice))))


def _of_list(tags: Tags, listed: list[str]) -> Symmetry:
    """Hold a list of operations against each word for the group; a crystal system is none."""
    found = frozenset(map(_packed, listed))
    if IDENTITY not in found:
        raise Fault("CIF has symmetry operations without the identity")
    if not _is_group(found):
        raise Fault("CIF has symmetry operations that are no group: one is missing or misspelt")
    said = [settings for name, settings in _understood(tags) if name not in SYSTEMS]
    # P 1 is true of all lists
    untrue = [
        settings
        for settings in said
        if settings[0].number != 1 and not any(_as_set(setting) == found for setting in settings)
    ]
    return Symmetry(
        listed, frozenset(setting.number for settings in untrue for setting in settings)
    )


def _is_plain(tags: Tags) -> bool:
    """Tell whether a tag for the group that is not known here says that there is no symmetry.

    Raises
    ------
    Fault
        If one says anything else.
    """
    understood = (*NAMES, *HALL, *NUMBERS, *REFERENCE, *SCHOENFLIES, *SYSTEMS)
    words: list[str] = []
    for key in tags:
        if key.startswith(ABOUT) and key not in understood:
            words += known(tags, key)[:1]
            if words and _key(words[-1]) not in PLAIN:
                raise Fault(
                    f"CIF lists no symmetry operations, and {key} has '{words[-1][:30]}', which is "
                    "not understood"
                )
    return bool(words)


@lru_cache(maxsize=512)
def _is_group(operations: frozenset[bytes]) -> bool:
    """Tell whether operations, see `_packed`, have all products of two of them among them."""
    if len(operations) > MOST_OPERATIONS:
        return False
    each = np.array([np.frombuffer(one, np.int8) for one in operations]).astype(int)
    rotations, shifts = each[:, :9].reshape(-1, 3, 3), each[:, 9:]
    turned = np.einsum("aij,bjk->abik", rotations, rotations).reshape(len(each) ** 2, 9)
    moved = np.einsum("aij,bj->abi", rotations, shifts) + shifts[:, None]
    products = np.hstack([turned, moved.reshape(-1, 3) % 24]).astype(np.int8)
    return {row.tobytes() for row in products} <= operations


def _the_one_setting(tags: Tags, settings: list[Setting], lattice: np.ndarray) -> Setting:
    """Return the one of several settings that a cell allows."""
    said = group_said(tags)
    misfits = [misfit(_matrices(setting.hall_number)[0], lattice) for setting in settings]
    # a cell of 90, 90.05 and 90 degrees says by its digits which axis is unique
    most = EXACT if min(misfits) <= EXACT else SAME_METRIC
    fitting = [s for s, off in zip(settings, misfits, strict=True) if off <= most]
    if not fitting:
        raise Fault(f"CIF has a cell that does not fit its symmetry, {said}")
    distinct = {_as_set(setting): setting for setting in reversed(fitting)}
    along_b = [setting for setting in distinct.values() if "b" in setting.choice]
    is_monoclinic = fitting[0].number in range(3, 16)
    is_named = any(known(tags, key) for key in NAMES)
    if is_named and is_monoclinic and len(along_b) == 1:
        return along_b[0]  # what a short symbol means in a cell of right angles
    # C m m e is the usual axes of its group, but A e m m may be A b m m or A c m m of before
    usual = [setting for setting in distinct.values() if setting.choice in ("", "1", "2")]
    if is_named and len(usual) == 1 and usual[0].number in BEFORE:
        return usual[0]
    if len(distinct) > 1:
        origins = all(setting.choice[:1] in ("1", "2") for setting in distinct.values())
        ways = "two origins" if origins else f"{len(distinct)} choices of its axes or cell"
        raise Fault(
            f"CIF does not list its symmetry operations, and its space group, {said}, has {ways}"
        )
    return next(iter(distinct.values()))


def group_said(tags: Tags) -> str:
    """Return what a CIF says of its group, in its own words."""
    keys = (*NAMES, *HALL, *NUMBERS, *REFERENCE, *SCHOENFLIES, *SYSTEMS)
    words = dict.fromkeys(word for key in keys for word in known(tags, key)[:1])
    return ", ".join(f"'{word[:30]}'" for word in words)


def _settings_meant(tags: Tags) -> list[Setting]:
    """Return the settings that fit all that is said and understood; none if nothing is.

    Raises
    ------
    Fault
        If two of the words contradict each other.
    """
    understood = [found for _, found in _understood(tags)]
    if not understood:
        return []
    numbers = set.intersection(*({setting.number for setting in found} for found in understood))
    common = [
        setting for setting in understood[0] if all(setting in found for found in understood[1:])
    ]
    if not numbers or not common:
        raise Fault(f"CIF names space groups that are not the same one: {group_said(tags)}")
    halls = [word for key in HALL for word in known(tags, key)[:1]]
    if halls:
        return common if all(map(_by_hall, halls)) else []
    # a number beside a symbol that is not understood says no setting, nor does a crystal system
    words = [word for key in NAMES for word in known(tags, key)[:1]]
    exact = any(known(tags, key) for key in (*NUMBERS, *REFERENCE, *SCHOENFLIES))
    return common if all(map(_by_name, words)) and (words or exact) else []


def _understood(tags: Tags) -> Iterator[tuple[str, list[Setting]]]:
    """Yield the tags of the group that are understood, with the settings that they allow."""
    for keys, meant in (
        (NAMES, _by_name), (HALL, _by_hall), (NUMBERS, _by_number), (REFERENCE, _by_reference),
        (SCHOENFLIES, _by_schoenflies), (SYSTEMS, _by_system),
    ):  # fmt: skip
        for key in keys:
            for word in known(tags, key)[:1]:
                if found := meant(word):
                    yield key, found


def _by_name(word: str) -> list[Setting]:
    """Return the settings of a Hermann-Mauguin symbol; the usual axes where it does not say."""
    match = CHOICE.search(word)
    choice = ""
    if match and (match["given"] or not _named(word)):
        letter = (match["given"] or match["icsd"]).upper()
        word, choice = word[: match.start()], OF_ICSD.get(letter, letter)
    found = _named(word)
    if choice:
        found = [s for s in found if s.choice.startswith(choice)]
    return found


def _named(word: str) -> list[Setting]:
    key = _key(word)
    return [setting for setting in _settings() if key in setting.names]


def _by_hall(word: str) -> list[Setting]:
    key = re.sub(r"[\s_]+", " ", word).strip().lower()
    return [setting for setting in _settings() if setting.hall.lower() == key]


def _by_number(word: str) -> list[Setting]:
    number = int(word) if word.isascii() and word.isdigit() else 0
    return [setting for setting in _settings() if setting.number == number]


def _by_reference(word: str) -> list[Setting]:
    numbers = {setting.number for setting in _by_name(word)}
    return [setting for setting in _settings() if setting.number in numbers]


def _by_schoenflies(word: str) -> list[Setting]:
    key = word.replace(".", "^").replace("_", "").lower()
    return [setting for setting in _settings() if setting.schoenflies.lower() == key]


def _by_system(word: str) -> list[Setting]:
    lowest, highest = RANGES.get(word.strip().lower(), (0, 0))
    return [setting for setting in _settings() if lowest <= setting.number <= highest]


@cache
def _settings() -> list[Setting]:
    """Return all settings, the usual one of each group first."""
    found = []
    for hall_number in range(1, 531):
        entry: Any = spglib.get_spacegroup_type(hall_number)
        hall = re.sub(r"[\s_]+", " ", entry.hall_symbol).strip()
        names = frozenset(_names(entry))
        found.append(
            Setting(hall_number, entry.number, entry.choice, hall, names, entry.schoenflies)
        )
    return found


def _names(entry: Any) -> Iterator[str]:
    """Return the symbols of a setting as `_key` writes them: full, short, and those of before."""
    full = entry.international_full
    short = entry.international_short
    if 3 <= entry.number <= 15:
        short = " ".join(part for part in full.split() if part != "1")
    if entry.number in BEFORE:
        yield _key(BEFORE[entry.number][AXES.index(entry.choice.lstrip("12"))])
    yield from map(_key, (full, short))
    if entry.number >= 195:  # m3 was written for m-3
        yield _key(short.replace("-3", "3"))


def _key(word: str) -> str:
    return re.sub(r"[\s_'\"()~]", "", word).lower()


@lru_cache(maxsize=4096)
def _packed(operation: str) -> bytes:
    """Return an operation as `_as_set` has it: nine factors, and three shifts in parts of 24."""
    rows: list[float] = []
    shifts: list[int] = []
    for part in re.sub(r"[\s'\"]", "", operation).lower().split(","):
        if not PART.fullmatch(part):
            raise Fault("CIF has symmetry operations that are not understood")
        factors, shift = dict.fromkeys("xyz", 0.0), 0.0
        for sign, number, axis in TERM.findall(part):
            value = float(Fraction(number.rstrip("*"))) if number else 1.0
            value = -value if sign == "-" else value
            if axis:
                factors[axis] += value
            else:
                shift += value
        rows += factors.values()
        shifts.append(round(24 * shift) % 24)
    whole = all(factor in (-1, 0, 1) for factor in rows)
    if len(shifts) != 3 or not whole or abs(round(np.linalg.det(np.reshape(rows, (3, 3))))) != 1:
        raise Fault("CIF has symmetry operations that are not understood")
    return np.array([*rows, *shifts]).astype(np.int8).tobytes()


@cache
def _matrices(hall_number: int) -> tuple[np.ndarray, np.ndarray]:
    found: Any = spglib.get_symmetry_from_database(hall_number)
    return found["rotations"], found["translations"]


def misfit(rotations: np.ndarray, lattice: np.ndarray) -> float:
    """Return by how much rotations, [n, 3, 3], change lengths and angles of a cell, relatively."""
    metric = lattice @ lattice.T
    turned = np.einsum("nji,jk,nkl->nil", rotations, metric, rotations)
    return float(np.abs(turned - metric).max() / metric.max())


@cache
def _as_set(setting: Setting) -> frozenset[bytes]:
    rotations, translations = _matrices(setting.hall_number)
    whole = np.round(24 * (translations % 1.0)).astype(int) % 24
    return frozenset(
        np.append(rotation, shift).astype(np.int8).tobytes()
        for rotation, shift in zip(rotations, whole, strict=True)
    )


def _written(setting: Setting) -> Iterable[str]:
    for rotation, shift in zip(*_matrices(setting.hall_number), strict=True):
        yield ",".join(_row(row, number) for row, number in zip(rotation, shift, strict=True))


def _row(row: np.ndarray, shift: float) -> str:
    """Write one coordinate of an operation, such as -x+y+1/2."""
    terms = [
        f"{'-' if factor < 0 else '+'}{axis}"
        for factor, axis in zip(row.tolist(), "xyz", strict=True) if factor
    ]  # fmt: skip
    part = round(24 * shift) % 24
    divisor = np.gcd(part, 24)
    fraction = f"+{part // divisor}/{24 // divisor}" if part else ""
    return "".join(terms).removeprefix("+") + fraction

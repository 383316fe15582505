"""CIF: its raw words are checked, ASE and pymatgen read what is left, and it is held to its word.

Readers of CIF guess where a file is unusual: species from labels, one of several structures, no
symmetry where they do not know the group.
"""

import io
import math
import re

import numpy as np
from ase.geometry import cellpar_to_cell
from ase.io.cif import parse_cif
from ase.spacegroup import crystal

from crystal_transfer.datasets.records import Fault, Structure
from crystal_transfer.datasets.sources.agreement import (
    SAME_POSITION,
    agreed,
    of_ase,
    of_pymatgen,
    tried,
)
from crystal_transfer.datasets.sources.cif_symmetry import (
    SAME_METRIC,
    group_said,
    misfit,
    symmetry_of,
)
from crystal_transfer.datasets.sources.cif_tags import (
    CIF_NUMBER,
    UNKNOWN,
    Tags,
    block_of,
    column,
    numbers_of,
)
from crystal_transfer.datasets.sources.cif_word import require_group, require_own_word
from crystal_transfer.species import ATOMIC_NUMBERS

MOST_POSITIONS = 50_000  # sites times symmetry operations: what the two libraries do in a minute
SAME_PLACE = 0.1  # Å; in a long cell the same in fractions would join atoms
CELL = tuple(
    f"_cell_{name}"
    for name in ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
)


def read_cif(text: str) -> Structure:
    """Read the text of a CIF that holds one ordered structure.

    Raises
    ------
    Fault
        If it holds anything else, or leaves a doubt.
    """
    tags, block = block_of(text)
    elements = _cif_elements(tags)
    coordinates = [numbers_of(tags, f"_atom_site_fract_{axis}", len(elements)) for axis in "xyz"]
    _require_whole_rows(block, coordinates)
    _require_ordered(tags)
    places = np.round(np.transpose(coordinates) % 1.0, 4) % 1.0
    if len(np.unique(places, axis=0)) < len(elements):
        raise Fault("CIF has two sites on one place")
    lattice = _cif_lattice(tags)
    symmetry = symmetry_of(tags, lattice)
    if len(elements) * len(symmetry.operations) > MOST_POSITIONS:
        raise Fault(f"CIF describes more than {MOST_POSITIONS} positions")
    closest = _closest(lattice)
    clean = _cif_text(tags, symmetry.operations, elements, np.transpose(coordinates))
    read = agreed(
        "CIF",
        lambda: _ase_cif(clean, closest),
        lambda: _pymatgen_cif(clean, closest),
    )
    require_own_word(tags, read, len(elements), len(symmetry.operations))
    if symmetry.to_find:
        require_group(symmetry.to_find, read, group_said(tags))
    return read


def _cif_elements(tags: Tags) -> list[str]:
    """Return the element of each site, from its type or, where it is clear, from its label."""
    types, labels = column(tags, "_atom_site_type_symbol"), column(tags, "_atom_site_label")
    if types is not None:
        return [_of_type(symbol) for symbol in types]
    if labels is None:
        raise Fault("CIF does not name its elements")
    return [_of_label(label) for label in labels]


def _of_type(symbol: str) -> str:
    """Return the element of Na, NA, Na1+ or O2-."""
    # a fraction is a charge only with its sign: Na0.5 may be half a sodium
    match = re.fullmatch(r"([A-Za-z]{1,2})(\d*|\d*\.?\d*[+-]|[+-]\d*)", symbol)
    element = match.group(1).capitalize() if match else ""
    if element not in ATOMIC_NUMBERS:
        raise Fault(f"CIF has the type symbol '{symbol[:20]}', which is no known element")
    return element


def _of_label(label: str) -> str:
    """Return the element of Na, Na1 or O2a, but not of CA1, which may be Ca or a carbon.

    Nor of Si/Al1, Fe0.5Mg0.5 or Si(Al), sites that two elements share, nor of O1H.
    """
    match = re.fullmatch(r"([A-Z][a-z]?)((?:[^A-Za-z].*)?)", label)
    rest = match.group(2) if match else ""
    shared = re.search(r"[A-Z][a-z]|[^A-Za-z0-9]\W*[A-Z]|\d\.\d|\dH", rest)
    if not match or shared or match.group(1) not in ATOMIC_NUMBERS:
        raise Fault(f"CIF has no type symbols, and the label '{label[:20]}' is not clear")
    return match.group(1)


def _require_whole_rows(block: str, coordinates: list[list[float]]) -> None:
    """Stop if ASE finds other sites: one library counts words, the other counts lines."""
    try:
        theirs = next(iter(parse_cif(io.StringIO(block)))).get("_atom_site_fract_x")
        theirs = [float(value) for value in np.atleast_1d(theirs)]
    except Exception:  # it is stricter than the format
        return
    if len(theirs) != len(coordinates[0]) or not np.allclose(theirs, coordinates[0]):
        raise Fault("CIF has sites with missing or extra values")


def _require_ordered(tags: Tags) -> None:
    for key in tags:
        if key.startswith("_atom_site_") and "occ" in key.removeprefix("_atom_site_"):
            for word in column(tags, key) or []:
                match = CIF_NUMBER.fullmatch(word)
                if word not in UNKNOWN and not (match and float(match.group(1)) == 1):
                    raise Fault("structure is disordered (partial occupancy)")
    if any(word.lower() == "dum" for word in column(tags, "_atom_site_calc_flag") or []):
        raise Fault("CIF has dummy sites, which are no atoms")
    groups = set(column(tags, "_atom_site_disorder_group") or []) - set(UNKNOWN)
    if len(groups) > 1 or any(group.startswith("-") for group in groups):
        raise Fault("structure is disordered (groups of sites that exclude each other)")
    hydrogens = column(tags, "_atom_site_attached_hydrogens") or []
    if any(word not in (*UNKNOWN, "0") for word in hydrogens):
        raise Fault("CIF has hydrogens without positions")


def _cif_lattice(tags: Tags) -> np.ndarray:
    """Return the cell of a CIF, [3, 3], rows are the lattice vectors."""
    values = [numbers_of(tags, name, 1)[0] for name in CELL]
    for name, value in zip(CELL, values, strict=True):
        if not 0 < value < math.inf:
            sign = "not finite" if value > 0 else "not positive"
            raise Fault(f"CIF has a cell {name.split('_')[2]} that is {sign}")
    lattice: np.ndarray = tried("ASE", "CIF", lambda: cellpar_to_cell(values))
    return lattice


def _cif_text(
    tags: Tags, operations: list[str], elements: list[str], coordinates: np.ndarray
) -> str:
    """Write what describes the structure as plain CIF, for libraries that are strict or guess."""
    lines = ["data_x", *(f"{name} {numbers_of(tags, name, 1)[0]!r}" for name in CELL)]
    lines += ["_symmetry_space_group_name_H-M 'P 1'", "_symmetry_Int_Tables_number 1"]
    lines += ["loop_", "_symmetry_equiv_pos_as_xyz", *(f"'{one}'" for one in operations)]
    lines += ["loop_", "_atom_site_label", "_atom_site_type_symbol"]
    lines += [f"_atom_site_fract_{axis}" for axis in "xyz"]
    for place, (element, (x, y, z)) in enumerate(zip(elements, coordinates.tolist(), strict=True)):
        lines.append(f"{element}{place} {element} {x!r} {y!r} {z!r}")
    return "\n".join(lines) + "\n"


def _ase_cif(text: str, closest: float) -> Structure:
    (block,) = parse_cif(io.StringIO(text))
    group = block.get_spacegroup(subtrans_included=True)
    sites = block.get_unsymmetrized_structure()
    atoms = crystal(sites, spacegroup=group, setting=group.setting, symprec=closest)
    read = of_ase([atoms])
    rotations, _ = group.get_op()
    if misfit(rotations, read.lattice) > SAME_METRIC:
        raise Fault("CIF has a cell that does not fit its symmetry")
    return read


def _closest(lattice: np.ndarray) -> float:
    """Return how near, in fractions of a cell, two positions are one."""
    return min(SAME_POSITION, SAME_PLACE / float(np.linalg.norm(lattice, axis=1).max()))


def _pymatgen_cif(text: str, closest: float) -> Structure:
    from pymatgen.io.cif import CifParser

    parser = CifParser.from_str(text, check_cif=False, site_tolerance=closest)
    (read,) = parser.parse_structures(primitive=False)
    return of_pymatgen(read)

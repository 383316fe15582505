"""One structure file, CIF, POSCAR or xyz: read by two libraries, and held to its own word.

Readers of these formats guess where a file is unusual: species from labels or from a comment, one
of several structures, no symmetry where they do not know the group. So the raw words are checked
first, ASE and pymatgen read what is left, and a file is used only if both find the same crystal
and it is the one that the file says it has.
"""

import io
import math
import re
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar

import ase
import ase.io
import numpy as np
import spglib
from ase.geometry import cellpar_to_cell
from ase.io.cif import parse_cif
from ase.spacegroup import crystal
from scipy.spatial import cKDTree

from crystal_transfer.datasets.records import NUMBER, Fault, Structure, because, require_periodic
from crystal_transfer.datasets.sources.cif_symmetry import (
    SAME_METRIC,
    group_said,
    known,
    misfit,
    symmetry_of,
)
from crystal_transfer.datasets.sources.text import lines_of, read_bytes
from crystal_transfer.datasets.sources.xyz_comment import canonical
from crystal_transfer.errors import InputError
from crystal_transfer.species import ATOMIC_NUMBERS

Read = TypeVar("Read")
MOST_BYTES = 10 * 2**20  # some CIFs carry their diffraction data; a crystal needs a tenth of it
MOST_POSITIONS = 50_000  # sites times symmetry operations: what the two libraries do in a minute
SAME_POSITION = 5e-3  # fractional; special positions are given with three digits
SAME_PLACE = 0.1  # Å; in a long cell the same in fractions would join atoms
SAME_VOLUME = 0.01  # relative; CIFs round their cell

FLAGS = {"T", "F", ".TRUE.", ".FALSE."}  # of selective dynamics, behind a position

# what a file begins with that is no plain text, and what to do
PACKED = {
    b"\x1f\x8b": "packed; unpack it with gunzip", b"PK\x03\x04": "packed; unpack it with unzip",
    b"\xff\xfe": "UTF-16; save it as UTF-8", b"\xfe\xff": "UTF-16; save it as UTF-8",
}  # fmt: skip

SYMMETRY_LENGTHS = (0.01, 0.02, 0.03, 0.05, 0.1)  # Å; of coordinates with many digits, to three
CELL = tuple(
    f"_cell_{name}"
    for name in ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
)
TEXT_FIELD = re.compile(r"^;.*?^;", re.MULTILINE | re.DOTALL)  # of a CIF
QUOTED = re.compile(r"""(?<!\S)(['"]).*?\1(?!\S)|(?<!\S)\#.*""")  # and comments, of a CIF
CIF_NUMBER = re.compile(rf"({NUMBER.pattern})(\(\d*\)?)?", re.ASCII)  # 5.64(2)


def read_structure(file: Path) -> Structure:
    """Read a structure file.

    Raises
    ------
    Fault
        If it is unreadable, in doubt, disordered, or holds several structures.
    """
    try:
        content = read_bytes(file, MOST_BYTES)
    except InputError as error:
        raise Fault(str(error).removeprefix(f"{file}: ").split(";")[0]) from None
    if not content.strip():
        raise Fault(f"file {file.name} is empty")
    packed = next((word for start, word in PACKED.items() if content.startswith(start)), None)
    if packed is not None:
        raise Fault(f"file {file.name} is {packed}")
    if b"\0" in content:
        raise Fault(f"file {file.name} is not text: it has NUL characters")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")  # authors' names; symbols are ASCII
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _reader(file.name, text)(text)


def _reader(name: str, text: str) -> Callable[[str], Structure]:
    """Choose the format by the file's name, else by its content."""
    lowered = name.lower()
    if lowered.endswith(".cif"):
        return read_cif
    if lowered.endswith((".xyz", ".extxyz")):
        return read_xyz
    if lowered.endswith((".vasp", ".poscar")) or lowered.startswith(("poscar", "contcar")):
        return read_poscar
    lines = text.splitlines()
    if re.search(r"^\s*data_", text, re.MULTILINE | re.IGNORECASE):
        return read_cif
    if lines[0].strip().isdigit():
        return read_xyz
    if len(lines) > 5 and all(_floats(line, 3) for line in lines[2:5]):
        return read_poscar
    raise Fault(f"file {name} is no CIF, POSCAR or xyz file")


# --- CIF --------------------------------------------------------------------------------------


def read_cif(text: str) -> Structure:
    """Read the text of a CIF that holds one ordered structure.

    Raises
    ------
    Fault
        If it holds anything else, or leaves a doubt.
    """
    tags, block = _cif_block(text)
    elements = _cif_elements(tags)
    coordinates = [_cif_numbers(tags, f"_atom_site_fract_{axis}", len(elements)) for axis in "xyz"]
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
    read = _agreed(
        "CIF",
        lambda: _ase_cif(clean, closest),
        lambda: _pymatgen_cif(clean, closest),
    )
    _require_own_word(tags, read, len(elements))
    if symmetry.to_find:
        _require_group(symmetry.to_find, read, group_said(tags))
    return read


def _cif_block(text: str) -> tuple[dict[str, str | list[str]], str]:
    """Return the tags and the text of the one block with atoms; tags as CIF 1.1 writes them."""
    from pymatgen.io.cif import CifBlock

    # what stands in a text field is no block; its letters are crossed out, so that places stay
    plain = TEXT_FIELD.sub(lambda field: re.sub(r"\S", "x", field[0]), text)
    starts = [m.start() for m in re.finditer(r"^[ \t]*data_", plain, re.MULTILINE | re.IGNORECASE)]
    if not starts:
        raise Fault("CIF has no data block")
    blocks = [text[a:b].lstrip() for a, b in zip(starts, [*starts[1:], None], strict=True)]
    blocks = [block for block in blocks if re.search(r"(?i)_atom_site[_.]fract_x", block)]
    if not blocks:
        raise Fault("CIF has no fractional coordinates")
    if len(blocks) > 1:
        raise Fault(f"CIF holds {len(blocks)} structures; which one has the value?")
    (block,) = blocks
    try:
        data = CifBlock.from_str(re.sub(r"(?im)^\s*loop_", "loop_", block)).data
    except Exception as error:
        raise Fault(f"CIF cannot be read{because(error)}") from None
    tags = {key.lower().replace(".", "_"): value for key, value in data.items()}
    twice = [key for key, count in Counter(_tags_of(block)).items() if count > 1]
    if twice:
        raise Fault(f"CIF has {twice[0]} twice; which one is meant?")
    if any("magn" in key for key in tags if "symop" in key or "space_group" in key):
        raise Fault("CIF has a magnetic space group, which is not supported")
    if any(key.startswith("_cell_modulation") for key in tags):
        raise Fault("CIF has a modulated structure, which is not supported")
    return tags, block


def _tags_of(block: str) -> list[str]:
    """List the tags of a data block that describe its structure, as often as it has them."""
    tags = re.findall(r"(?<!\S)_\S+", QUOTED.sub("", TEXT_FIELD.sub("", block)))
    return [
        tag for tag in map(str.lower, tags)
        if tag.startswith(("_cell", "_atom_site", "_symmetry", "_space_group"))
    ]  # fmt: skip


def _column(tags: dict[str, Any], key: str) -> list[str] | None:
    value = tags.get(key)
    return [value] if isinstance(value, str) else value


def _cif_elements(tags: dict[str, Any]) -> list[str]:
    """Return the element of each site, from its type or, where it is clear, from its label."""
    types, labels = _column(tags, "_atom_site_type_symbol"), _column(tags, "_atom_site_label")
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


def _cif_numbers(tags: dict[str, Any], key: str, n: int | None = None) -> list[float]:
    """Return the numbers of a tag, without their uncertainties."""
    words = _column(tags, key)
    if words is None:
        raise Fault(f"CIF lacks {key}")
    if n is not None and len(words) != n:
        raise Fault(f"CIF has {len(words)} values of {key} for {n} sites")
    matches = [CIF_NUMBER.fullmatch(word.strip()) for word in words]
    if not all(matches):
        odd = words[matches.index(None)]
        raise Fault(f"CIF has '{odd[:20]}' for {key}, which is not a number")
    return [float(match.group(1)) for match in matches if match]


def _require_whole_rows(block: str, coordinates: list[list[float]]) -> None:
    """Stop if ASE finds other sites: one library counts words, the other counts lines."""
    try:
        theirs = next(iter(parse_cif(io.StringIO(block)))).get("_atom_site_fract_x")
        theirs = [float(value) for value in np.atleast_1d(theirs)]
    except Exception:  # it is stricter than the format
        return
    if len(theirs) != len(coordinates[0]) or not np.allclose(theirs, coordinates[0]):
        raise Fault("CIF has sites with missing or extra values")


def _require_ordered(tags: dict[str, Any]) -> None:
    for key in tags:
        if key.startswith("_atom_site_") and "occ" in key.removeprefix("_atom_site_"):
            for word in _column(tags, key) or []:
                match = CIF_NUMBER.fullmatch(word)
                if word not in ("?", ".") and not (match and float(match.group(1)) == 1):
                    raise Fault("structure is disordered (partial occupancy)")
    if any(word.lower() == "dum" for word in _column(tags, "_atom_site_calc_flag") or []):
        raise Fault("CIF has dummy sites, which are no atoms")
    assemblies = _column(tags, "_atom_site_disorder_assembly") or []
    groups = [
        word for word in _column(tags, "_atom_site_disorder_group") or [] if word not in (".", "?")
    ]
    if assemblies and len(set(groups)) > 1:
        raise Fault("structure is disordered (several groups of sites that exclude each other)")
    hydrogens = _column(tags, "_atom_site_attached_hydrogens") or []
    if any(word not in ("?", ".", "0") for word in hydrogens):
        raise Fault("CIF has hydrogens without positions")


def _cif_lattice(tags: dict[str, Any]) -> np.ndarray:
    """Return the cell of a CIF, [3, 3], rows are the lattice vectors."""
    values = [_cif_numbers(tags, name, 1)[0] for name in CELL]
    for name, value in zip(CELL, values, strict=True):
        if not 0 < value < math.inf:
            sign = "not finite" if value > 0 else "not positive"
            raise Fault(f"CIF has a cell {name.split('_')[2]} that is {sign}")
    lattice: np.ndarray = _tried("ASE", "CIF", lambda: cellpar_to_cell(values))
    return lattice


def _cif_text(
    tags: dict[str, Any], operations: list[str], elements: list[str], coordinates: np.ndarray
) -> str:
    """Write what describes the structure as plain CIF, for libraries that are strict or guess."""
    lines = ["data_x", *(f"{name} {_cif_numbers(tags, name, 1)[0]!r}" for name in CELL)]
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
    read = _of_ase([atoms])
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
    return _of_pymatgen(read)


def _require_own_word(tags: dict[str, Any], read: Structure, n_sites: int) -> None:
    """Stop if a CIF's formula, number of formula units, multiplicities or volume say otherwise."""
    found = Counter(read.elements)
    names = ("_chemical_formula_sum", "_chemical_formula_structural")
    formula = next(filter(None, (_formula(_column(tags, name)) for name in names)), {})
    units = _whole(_column(tags, "_cell_formula_units_z"))
    if formula:
        ratio = len(read.elements) / sum(formula.values())
        expected = {symbol: ratio * count for symbol, count in formula.items()}
        whole = all(float(count).is_integer() for count in formula.values())
        # jarvis-tools and pymatgen write the formula of the whole cell, and Z as well
        whole_cell = whole and units and math.gcd(*map(int, formula.values())) % units == 0
        if expected.keys() != found.keys() or any(
            abs(expected[symbol] - found[symbol]) > 0.01 * found[symbol] for symbol in found
        ) or (units and abs(ratio - units) > 0.01 and not (whole_cell and ratio == 1)):  # fmt: skip
            raise Fault(
                f"CIF says {_written(formula)}" + (f" with Z = {units}" if units else "")
                + f", but its sites give {_written(found)}"
            )  # fmt: skip
    for key in ("_atom_site_symmetry_multiplicity", "_atom_site_site_symmetry_multiplicity"):
        counts = [_whole([word]) for word in known(tags, key)]
        n_atoms = sum(count or 0 for count in counts)
        if len(counts) == n_sites and all(counts) and n_atoms != len(read.elements):
            raise Fault(
                f"CIF has multiplicities of {n_atoms} atoms, but its symmetry gives "
                f"{len(read.elements)}"
            )
    volume = abs(np.linalg.det(read.lattice))
    words = known(tags, "_cell_volume")
    match = CIF_NUMBER.fullmatch(words[0]) if words else None
    if match and abs(float(match.group(1)) - volume) > SAME_VOLUME * volume:
        raise Fault(f"CIF says a volume of {words[0]} Å^3, but its cell has {volume:.2f} Å^3")


def _require_group(numbers: Collection[int], read: Structure, said: str) -> None:
    """Stop unless a crystal has one of these space groups, as spglib finds it."""
    kinds = [ATOMIC_NUMBERS[symbol] for symbol in read.elements]
    cell: Any = read.lattice, read.coordinates, kinds
    sets = [spglib.get_symmetry_dataset(cell, symprec=length) for length in SYMMETRY_LENGTHS]
    found = {own.number for own in sets if own is not None}
    if not found & set(numbers):
        raise Fault(
            f"CIF lists other symmetry operations than those of its space group, {said}, and with "
            f"them its crystal has {' or '.join(map(str, sorted(found))) or 'none'}"
        )


def _formula(words: list[str] | None) -> dict[str, float]:
    """Return counts by element; empty where a formula is missing or not simple."""
    text = re.sub(r"\s", "", words[0]) if words else ""
    parts = re.findall(r"([A-Z][a-z]?)(\d+\.?\d*|\.\d+)?", text)
    if not text or "".join(symbol + count for symbol, count in parts) != text:
        return {}
    counts: dict[str, float] = defaultdict(float)
    for symbol, count in parts:
        counts[symbol] += float(count or 1)
    known = all(symbol in ATOMIC_NUMBERS for symbol in counts)
    return dict(counts) if known and all(counts.values()) else {}


def _whole(words: list[str] | None) -> int | None:
    match = re.fullmatch(r"(\d+)(\.0*)?", words[0].strip()) if words else None
    return int(match.group(1)) if match and int(match.group(1)) else None


def _written(formula: Mapping[str, float]) -> str:
    return " ".join(f"{symbol}{count:g}" for symbol, count in sorted(formula.items()))


# --- POSCAR -----------------------------------------------------------------------------------


def read_poscar(text: str) -> Structure:
    """Read the text of a POSCAR of VASP 5 or later.

    Raises
    ------
    Fault
        If it does not name its elements, or is not one whole structure.
    """
    from pymatgen.io.vasp.inputs import Poscar

    lines = text.splitlines()
    symbols = _poscar_symbols(lines)
    read = _agreed(
        "POSCAR",
        lambda: _of_ase(ase.io.read(io.StringIO(text), format="vasp", index=":")),
        lambda: _of_pymatgen(Poscar.from_str(text, read_velocities=False).structure),
        ordered=True,
    )
    if read.elements != symbols:
        raise Fault("POSCAR is read with other elements than it names")
    return read


def _poscar_symbols(lines: list[str]) -> list[str]:
    """Check a POSCAR line by line; return the element of each atom as the file names them."""
    if len(lines) < 8:
        raise Fault("POSCAR is cut off")
    if not (_floats(lines[1], 1) and all(_floats(line, 3) for line in lines[2:5])):
        raise Fault("POSCAR has no scale and lattice in lines 2 to 5")
    words, counts = lines[5].split(), lines[6].split()
    if not words or words[0][0].isdigit():
        raise Fault("POSCAR does not name its elements (line 6 has no symbols)")
    symbols = [re.split("[_/]", word)[0] for word in words]  # Fe_pv, Fe/0123abc: names of POTCARs
    for symbol, word in zip(symbols, words, strict=True):
        if symbol not in ATOMIC_NUMBERS:
            raise Fault(f"POSCAR names '{word[:20]}', which is no known element")
    if not all(re.fullmatch("[0-9]{1,6}", count) for count in counts) or len(counts) != len(words):
        raise Fault("POSCAR does not give one number of atoms for each element")
    elements = [
        symbol for symbol, count in zip(symbols, counts, strict=True) for _ in range(int(count))
    ]
    start = 8 if lines[7].strip()[:1] in tuple("sS") else 7
    mode = lines[start].strip() if start < len(lines) else ""
    if mode[:1] not in tuple("dDcCkK"):
        raise Fault("POSCAR does not say Direct or Cartesian")
    _require_atoms(lines[start + 1 :], elements)
    return elements


def _require_atoms(lines: list[str], elements: list[str]) -> None:
    """Stop unless there are as many positions as atoms, and then an end."""
    atoms = lines[: len(elements)]
    if len(atoms) < len(elements) or not all(_floats(line, 3) for line in atoms):
        raise Fault(f"POSCAR has fewer positions than its {len(elements)} atoms")
    if not _is_motion(lines[len(elements) :], len(elements)):
        raise Fault(f"POSCAR goes on after its {len(elements)} atoms; it may hold several")
    # a comment need not name all, but what it names is held against line 6: Na, Na1, Na+, ! Na
    said = [line.split("!")[-1].split()[0 if "!" in line else 3 :] for line in atoms]
    named = [_symbol_in([word for word in words if word not in FLAGS]) for words in said]
    if all(named) and named != elements:
        raise Fault("POSCAR names other elements beside its positions than in line 6")


def _symbol_in(words: list[str]) -> str:
    """Return the element that a comment begins with; empty where it names none."""
    match = re.match(r"([A-Z][a-z]?)(?![a-z])", words[0]) if words else None
    return match[1] if match and match[1] in ATOMIC_NUMBERS else ""


def _is_motion(lines: list[str], n_atoms: int) -> bool:
    """Tell whether what follows the positions is nothing, or how VASP says that atoms move.

    Vectors of the lattice's velocities, then a velocity per atom, then the state of VASP's
    predictor and corrector: three numbers and three rows per atom.
    """
    left = [line.strip() for line in lines if line.strip()]
    if left and left[0].lower().startswith("lattice velocities"):
        left = left[8:]  # the title, a number, and two times three vectors
    if left and left[0][:1] in tuple("dDcCkK"):
        left = left[1:]
    whole = len(left) in (0, n_atoms, n_atoms + 3 + 3 * n_atoms)
    return whole and all(_floats(line, len(line.split())) for line in left)


def _floats(line: str, n: int) -> bool:
    """Tell whether a line starts with n numbers."""
    words = line.split()[:n]
    return len(words) == n and all(NUMBER.fullmatch(word) for word in words)


# --- xyz --------------------------------------------------------------------------------------


def read_xyz(text: str) -> Structure:
    """Read the text of an xyz file with one frame and a lattice in its second line.

    Raises
    ------
    Fault
        If it has several frames, no lattice, or is damaged.
    """
    from pymatgen.io.xyz import XYZ

    lines = lines_of(text)
    symbols = _xyz_symbols(lines)
    comment = canonical(lines[1])
    extended = "\n".join([lines[0].strip(), comment, *lines[2 : 2 + len(symbols)]]) + "\n"
    plain = "\n".join([lines[0].strip(), "", *lines[2 : 2 + len(symbols)]]) + "\n"
    read = _of_ase(_tried("ASE", "xyz", lambda: ase.io.read(
        io.StringIO(extended), format="extxyz", index=":")))  # fmt: skip
    molecule = _tried("pymatgen", "xyz", lambda: XYZ.from_str(plain).molecule)
    positions = read.coordinates @ read.lattice if not read.cartesian else read.coordinates
    if read.elements != symbols or not np.allclose(positions, molecule.cart_coords, atol=1e-6):
        raise Fault("ASE and pymatgen find different atoms in the xyz file")
    return read


def _xyz_symbols(lines: list[str]) -> list[str]:
    head = lines[0].strip()
    if not re.fullmatch("[0-9]{1,6}", head) or len(lines) < 2:
        raise Fault("xyz file does not begin with the number of atoms")
    n = int(head)
    atoms = lines[2 : 2 + n]
    if len(atoms) < n or not all(_floats(" ".join(line.split()[1:]), 3) for line in atoms):
        raise Fault(f"xyz file has fewer positions than its {n} atoms")
    if any(line.strip() for line in lines[2 + n :]):
        raise Fault("xyz file holds several structures, or more atoms than it says")
    symbols = [line.split()[0] for line in atoms]
    for symbol in symbols:
        if symbol not in ATOMIC_NUMBERS:
            raise Fault(f"xyz file names '{symbol[:20]}', which is no known element")
    return symbols


# --- both readers -----------------------------------------------------------------------------


def _tried(library: str, kind: str, read: Callable[[], Read]) -> Read:
    try:
        return read()
    except Fault:
        raise
    except Exception as error:  # readers raise whatever the damage leads to
        raise Fault(f"{kind} cannot be read by {library}{because(error)}") from None


def _agreed(
    kind: str,
    by_ase: Callable[[], Structure],
    by_pymatgen: Callable[[], Structure],
    ordered: bool = False,
) -> Structure:
    """Return what ASE reads, if pymatgen reads the same crystal."""
    one, two = _tried("ASE", kind, by_ase), _tried("pymatgen", kind, by_pymatgen)
    counts = Counter(one.elements), Counter(two.elements)
    if counts[0] != counts[1]:
        raise Fault(
            f"ASE and pymatgen do not agree on the {kind}: {_written(counts[0])[:60]} or "
            f"{_written(counts[1])[:60]}"
        )
    volumes = [abs(np.linalg.det(read.lattice)) for read in (one, two)]
    if not np.isclose(volumes[0], volumes[1], rtol=1e-4):
        raise Fault(f"ASE and pymatgen do not agree on the cell of the {kind}")
    if (ordered and one.elements != two.elements) or not _same_positions(one, two):
        raise Fault(f"ASE and pymatgen do not agree on the positions in the {kind}")
    return one


def _same_positions(one: Structure, two: Structure) -> bool:
    """Tell whether two structures have the same atoms at the same fractional coordinates."""
    places = [read.coordinates % 1.0 % 1.0 for read in (one, two)]  # twice: -1e-17 % 1 is 1
    if not all(np.isfinite(place).all() for place in places):
        return False
    distances, partners = cKDTree(places[1], boxsize=1.0).query(places[0])
    return bool(
        distances.max(initial=0) < SAME_POSITION
        and len(set(partners.tolist())) == len(partners)
        and all(one.elements[i] == two.elements[j] for i, j in enumerate(partners))
    )


def _of_ase(frames: Any) -> Structure:
    if len(frames) != 1:
        raise Fault(f"file holds {len(frames)} structures; which one has the value?")
    (atoms,) = frames
    if atoms.cell.rank != 3:
        raise Fault("structure has no lattice of three vectors")
    read = Structure(
        atoms.get_chemical_symbols(), np.array(atoms.cell), atoms.get_scaled_positions(wrap=False)
    )
    require_periodic(atoms.pbc, read)
    return read


def _of_pymatgen(read: Any) -> Structure:
    if not read.is_ordered:
        raise Fault("structure is disordered (partial occupancy)")
    symbols = [site.specie.symbol for site in read]
    return Structure(symbols, read.lattice.matrix, read.frac_coords)

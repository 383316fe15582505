"""POSCAR of VASP: checked line by line, then read by ASE and pymatgen."""

import io
import re

import ase.io

from crystal_transfer.datasets.records import Fault, Structure
from crystal_transfer.datasets.sources.agreement import agreed, of_ase, of_pymatgen
from crystal_transfer.datasets.text import has_numbers
from crystal_transfer.species import ATOMIC_NUMBERS

COMMENT = re.compile("[!#]")
FLAGS = {"T", "F", ".TRUE.", ".FALSE."}  # of selective dynamics, behind a position


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
    read = agreed(
        "POSCAR",
        lambda: of_ase(ase.io.read(io.StringIO(text), format="vasp", index=":")),
        lambda: of_pymatgen(Poscar.from_str(text, read_velocities=False).structure),
        ordered=True,
    )
    if read.elements != symbols:
        raise Fault("POSCAR is read with other elements than it names")
    return read


def _poscar_symbols(lines: list[str]) -> list[str]:
    """Check a POSCAR line by line; return the element of each atom as the file names them."""
    if len(lines) < 8:
        raise Fault("POSCAR is cut off")
    scale, *vectors = lines[1:5]
    if not (has_numbers(scale, 1) and all(has_numbers(line, 3) for line in vectors)):
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
    if len(atoms) < len(elements) or not all(has_numbers(line, 3) for line in atoms):
        raise Fault(f"POSCAR has fewer positions than its {len(elements)} atoms")
    if not _is_motion(lines[len(elements) :], len(elements)):
        raise Fault(f"POSCAR goes on after its {len(elements)} atoms; it may hold several")
    # each element that a comment names is held against line 6: Na, Na1, Na+, ! Na
    said = [COMMENT.split(line)[-1].split()[0 if COMMENT.search(line) else 3 :] for line in atoms]
    named = [_symbol_in([word for word in words if word not in FLAGS]) for words in said]
    if any(name not in ("", own) for name, own in zip(named, elements, strict=True)):
        raise Fault("POSCAR names other elements beside its positions than in line 6")


def _symbol_in(words: list[str]) -> str:
    """Return the element that a comment names, as Na, Na1 or Na+; empty for any other comment."""
    match = re.fullmatch(r"([A-Z][a-z]?)\d*[+-]?\d*[+-]?", " ".join(words))
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
    return whole and all(has_numbers(line, len(line.split())) for line in left)

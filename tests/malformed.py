"""Malformed inputs, each with the sentence that it must give.

Whole files as ASE, pymatgen and jarvis-tools write them are damaged in the ways that public bug
reports of this field and users' folders show. `FOLDERS` are structure files, read beside a sound
one: the row must be rejected with the reason. `TABLES` are whole data files: either one row of
them is rejected with the reason (``row``) or the file is refused with the sentence (``file``).
"""

import copy
import gzip
import io
import json
import re
import zipfile
from typing import NamedTuple

import ase.io
import numpy as np
from jarvis.core.atoms import Atoms as JarvisAtoms
from pymatgen.core import Lattice, Structure
from pymatgen.io.cif import CifWriter
from pymatgen.io.vasp import Poscar

SALT = Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.64), ["Na", "Cl"], [[0] * 3, [0.5] * 3])


class Malformed(NamedTuple):
    """A file's name and content, and a pattern of the sentence it gives."""

    kind: str
    name: str
    content: bytes
    sentence: str


# --- what the libraries write -----------------------------------------------------------------


def ase_text(structure: Structure, format: str) -> str:
    handle = io.BytesIO() if format == "cif" else io.StringIO()
    ase.io.write(handle, structure.to_ase_atoms(), format=format)
    content = handle.getvalue()
    return content.decode("latin-1") if isinstance(content, bytes) else content


def jarvis_atoms(structure: Structure) -> JarvisAtoms:
    return JarvisAtoms(
        lattice_mat=structure.lattice.matrix,
        coords=structure.frac_coords,
        elements=[site.specie.symbol for site in structure],
        cartesian=False,
    )


def jarvis_text(structure: Structure, write: str, folder) -> str:
    path = folder / write
    getattr(jarvis_atoms(structure), write)(str(path))
    return path.read_text()


def cifs(structure: Structure, folder) -> dict[str, str]:
    return {
        "ase": ase_text(structure, "cif"),
        "pymatgen": str(CifWriter(structure)),
        "symmetrised": str(CifWriter(structure, symprec=1e-3)),
        "jarvis": jarvis_text(structure, "write_cif", folder),
    }


def poscars(structure: Structure, folder) -> dict[str, str]:
    structure = structure.get_sorted_structure()
    return {
        "ase": ase_text(structure, "vasp"),
        "pymatgen": Poscar(structure).get_str(),
        "jarvis": jarvis_text(structure, "write_poscar", folder),
    }


def xyzs(structure: Structure, folder) -> dict[str, str]:
    return {
        "ase": ase_text(structure, "extxyz"),
        "jarvis": jarvis_text(structure, "write_xyz", folder),
    }


# --- CIF --------------------------------------------------------------------------------------


def _cif_sites(text: str) -> tuple[list[str], list[str], list[list[str]]]:
    """Split a CIF in the lines before its sites, the headers of the sites, and their words."""
    lines = text.rstrip().splitlines()
    headers = [i for i, line in enumerate(lines) if line.strip().startswith("_atom_site_")]
    rows = [line.split() for line in lines[headers[-1] + 1 :] if line.strip()]
    return lines[: headers[0]], [lines[i].strip() for i in headers], rows


def _joined(head, headers, rows) -> str:
    return "\n".join([*head, *headers, *(" ".join(row) for row in rows)]) + "\n"


def _word(text: str, header: str, word: str, place: int = 0) -> str:
    """Replace one word of the sites."""
    head, headers, rows = _cif_sites(text)
    (column,) = [i for i, name in enumerate(headers) if name.endswith(header)]
    rows[place][column] = word
    return _joined(head, headers, rows)


def _rows(text: str, change) -> str:
    head, headers, rows = _cif_sites(text)
    return _joined(head, headers, change(rows))


def _tag(text: str, tag: str, value: str) -> str:
    """Replace the value of a tag."""
    changed, n = re.subn(rf"(?m)^({re.escape(tag)})\s.*$", lambda m: f"{m.group(1)} {value}", text)
    assert n == 1, (tag, text)
    return changed


def _without(text: str, pattern: str) -> str:
    changed, n = re.subn(rf"(?m)^\s*{pattern}.*\n", "", text)
    assert n
    return changed


def _operations(text: str, operations: list[str]) -> str:
    """Replace the symmetry operations."""
    lines, result, done = text.splitlines(), [], False
    for line in lines:
        if re.match(r"\s*_(symmetry_equiv_pos|space_group_symop_operation)_", line):
            continue
        if re.match(r"\s*(\d+\s+)?'[-+xyz/\d, ]+'\s*$", line):
            if not done:
                result += ["_symmetry_equiv_pos_as_xyz", *(f"'{word}'" for word in operations)]
            done = True
            continue
        result.append(line)
    assert done
    return "\n".join(result) + "\n"


NOT_A_NUMBER = r"CIF has '.*' for _(cell|atom_site)_.*, which is not a number"
DAMAGED_CIFS = {
    "length is no number": (
        [lambda t, w=w: _tag(t, "_cell_length_a", w) for w in ("oops", "?", ".", "nan", "5,64")],
        NOT_A_NUMBER,
    ),
    "length is not positive": (
        [lambda t, w=w: _tag(t, "_cell_length_b", w) for w in ("0", "-5.64", "0.0(1)")],
        "CIF has a cell length that is not positive",
    ),
    "length out of range": (
        [lambda t: _tag(t, "_cell_length_a", "1e400")],
        "cannot be read by ASE|not agree|not finite|cell of the CIF|volume",
    ),
    "angle is no number": (
        [lambda t, w=w: _tag(t, "_cell_angle_beta", w) for w in ("right", "90x")],
        NOT_A_NUMBER,
    ),
    "angles of no cell": (
        [lambda t: _tag(_tag(t, "_cell_angle_alpha", "10"), "_cell_angle_beta", "100")],
        "cannot be read by|not agree|volume|not finite|lattice|not fit its symmetry",
    ),
    "cell missing": (
        [lambda t, a=a: _without(t, f"_cell_{a}") for a in ("length_c", "angle_gamma")],
        "CIF lacks _cell_",
    ),
    "volume contradicts the cell": (
        [lambda t: _tag(t, "_cell_length_a", "6.1") + ("" if "_cell_volume" in t else
                                                       "_cell_volume 179.4\n")],
        "CIF says a volume of .* its cell has|not fit its symmetry",
    ),
    "coordinate is no number": (
        [lambda t, w=w: _word(t, "fract_x", w) for w in ("?", ".", "abc", "nan", "inf", "1/2")],
        NOT_A_NUMBER,
    ),
    "coordinate missing": (
        [lambda t: _rows(t, lambda rows: [*rows[:-1], rows[-1][:-2]])],
        "CIF cannot be read|missing or extra values|values of .* for .* sites|cannot be read by",
    ),
    "coordinate too many": (
        [lambda t: _rows(t, lambda rows: [*rows[:-1], [*rows[-1], "0.5", "0.5"]])],
        "CIF cannot be read|missing or extra values|values of .* for .* sites|cannot be read by",
    ),
    "columns shifted": (
        [lambda t: _without(t, "_atom_site_fract_y")],
        "CIF lacks _atom_site_fract_y|CIF cannot be read",
    ),
    "no element": (
        [lambda t, w=w: _word(t, "type_symbol", w) for w in
         ("Xx", "?", ".", "Q", "Zz", "NaCl", "12", "Va", "Wat", "OH")],
        "CIF has the type symbol '.*', which is no known element",
    ),
    "another element": (
        [lambda t: _word(t, "type_symbol", "K"), lambda t: _word(t, "type_symbol", "BR1-")],
        "CIF says .* but its sites give",
    ),
    "labels only, not clear": (
        [lambda t, w=w: _labels_only(t, w) for w in ("CL1", "CA1", "na1", "Wat1", "M1", "X")],
        "CIF has no type symbols, and the label '.*' is not clear",
    ),
    "partial occupancy": (
        [lambda t, w=w: _occupancy(t, w) for w in ("0.5", "0", "0.999(1)", "1.5", "half")],
        "structure is disordered",
    ),
    "formula contradicts the sites": (
        [lambda t, f=f: _tag(t, "_chemical_formula_sum", f) for f in
         ("'Na4 Cl3'", "'K4 Cl4'", "'Na4 Cl4 O1'", "'Cl1'")],
        "CIF says .* but its sites give",
    ),
    "several structures": (
        [lambda t: t + t.replace("data_", "data_second"), lambda t: t + t],
        "CIF holds 2 structures; which one has the value",
    ),
    "cut off": (
        [lambda t, s=s: t[: int(len(t) * s)] for s in (0.15, 0.3, 0.5)],
        "CIF (lacks|has no|cannot|does not)|no fractional coordinates",
    ),
    "site lost": (
        [lambda t: _rows(t, lambda rows: rows[:-1])],
        "CIF says .* but its sites give",
    ),
    "site twice": (
        [lambda t: _rows(t, lambda rows: [*rows, rows[0]])],
        "CIF has two sites on one place",
    ),
    "unknown symmetry": (
        [lambda t, o=o: _operations(t, o) for o in
         (["x,y,z", "x,y,w"], ["x,y,z", "junk"], ["x,y,z", "x,y"], ["x,y,z", "-x,-y,1/'2-z"])],
        "operations that are not understood|cannot be read by|not agree|not fit its symmetry",
    ),
    "symmetry without identity": (
        [lambda t: _operations(t, ["-x,-y,-z"])],
        "CIF has symmetry operations without the identity",
    ),
    "cell does not fit the symmetry": (
        [lambda t: _operations(_tag(t, "_cell_length_a", "5.0"), ["x,y,z", "y,x,z"]),
         lambda t: _operations(_tag(t, "_cell_angle_gamma", "80"), ["x,y,z", "-x,y,z"])],
        "CIF has a cell that does not fit its symmetry",
    ),
    "magnetic symmetry": (
        [lambda t: t + "loop_\n_space_group_symop_magn_operation.xyz\n'x,y,z,+1'\n"],
        "CIF has a magnetic space group",
    ),
    "modulated": (
        [lambda t: t + "_cell_modulation_dimension 1\n"],
        "CIF has a modulated structure",
    ),
    "no data block": (
        [lambda t: re.sub(r"(?m)^data_.*$", "", t)],
        "CIF has no data block",
    ),
    "Cartesian coordinates": (
        [lambda t: t.replace("_atom_site_fract", "_atom_site_Cartn")],
        "CIF has no fractional coordinates",
    ),
    "hydrogens without positions": (
        [lambda t: _attached(t)],
        "CIF has hydrogens without positions",
    ),
    "atoms on one place": (
        [lambda t: _near(t)],
        "atoms closer than 0.5 Å|CIF says .* but|not agree|cannot be read by|other symmetry",
    ),
}  # fmt: skip


def _labels_only(text: str, label: str) -> str:
    head, headers, rows = _cif_sites(text)
    column = next(i for i, name in enumerate(headers) if name.endswith("type_symbol"))
    place = next(i for i, name in enumerate(headers) if name.endswith("label"))
    rows[0][place] = label
    for row in rows:
        del row[column]
    return _joined(head, [h for i, h in enumerate(headers) if i != column], rows)


def _occupancy(text: str, word: str) -> str:
    return _word(text, "occupancy", word)


def _attached(text: str) -> str:
    head, headers, rows = _cif_sites(text)
    return _joined(head, [*headers, "_atom_site_attached_hydrogens"], [[*row, "1"] for row in rows])


def _near(text: str) -> str:
    head, headers, rows = _cif_sites(text)
    for axis in "xyz":
        place = headers.index(f"_atom_site_fract_{axis}")
        rows[-1][place] = str(float(rows[0][place]) + 0.01)
    return _joined(head, headers, rows)


# --- POSCAR -----------------------------------------------------------------------------------


def _line(place: int, new: str):
    def change(text: str) -> str:
        lines = text.splitlines()
        lines[place] = new
        return "\n".join(lines) + "\n"

    return change


def _drop(start: int, end: int | None):
    def change(text: str) -> str:
        lines = text.rstrip("\n").splitlines()
        del lines[start:end]
        return "\n".join(lines) + "\n"

    return change


DAMAGED_POSCARS = {
    "no elements": (
        [_drop(5, 6), lambda t: _line(0, "Na Cl")(_drop(5, 6)(t)),
         lambda t: _line(0, "As relaxed In step 3")(_drop(5, 6)(t))],
        "POSCAR does not name its elements|is cut off",
    ),
    "element unknown": (
        [_line(5, w) for w in ("NA CL", "na cl", "Na Xx", "Na Zz", "A B", "Na_pv Q_s", "Cl1 Na1")],
        "POSCAR names '.*', which is no known element",
    ),
    "numbers of atoms": (
        [_line(6, w) for w in ("4", "4 4 4", "4 -4", "4.0 4.0", "", "four four", "4 1e1")],
        "POSCAR does not give one number of atoms for each element",
    ),
    "fewer positions": (
        [_drop(-1, None), _drop(-3, None), _line(6, "5 5"), _line(6, "4 400000")],
        "POSCAR has fewer positions than",
    ),
    "more positions": (
        [_line(6, "3 3"), lambda t: t.rstrip("\n") + "\n0.1 0.1 0.1\n",
         lambda t: t.rstrip("\n") + "\n" + t],
        "POSCAR goes on after its",
    ),
    "lattice": (
        [_line(2, w) for w in ("", "1 2", "a b c", "5.64 0 0,0", "nan 0 0")] + [_drop(4, 5)],
        "POSCAR has no scale and lattice",
    ),
    "scale": (
        [_line(1, w) for w in ("", "one", "nan")],
        "POSCAR has no scale and lattice",
    ),
    "scale is zero": ([_line(1, "0.0")], "cell volume|cannot be read by|not agree|no lattice"),
    "lattice vectors along each other": (
        [_line(3, "5.64 0 0")], "cell volume|cannot be read by|not agree|no lattice",
    ),
    "mode": (
        [_line(7, w) for w in ("", "0.0 0.0 0.0", "fractional", "xyz")],
        "POSCAR does not say Direct or Cartesian",
    ),
    "position": (
        [_line(8, w) for w in ("", "0.0 0.0", "0.0 0.0 x", "nan 0 0", "0.0 0.0 0,5", "T T T")],
        "POSCAR has fewer positions than",
    ),
    "positions on each other": (
        [lambda t: _line(8, t.splitlines()[9])(t)], "atoms closer than|not agree"
    ),
    "far away": ([_line(8, "1e9 0 0")], "farther than 1000000 cells|not agree"),
    "cut off": ([_drop(4, None), _drop(6, None), _drop(8, None)], "is cut off|fewer positions"),
    "other names beside the positions": (
        [lambda t: re.sub(r"(?m)^(\s*-?[\d.]+\s+-?[\d.]+\s+-?[\d.]+)(\s+[A-Z][a-z]?)?$",
                          lambda m: m.group(1), t)
         and _named(t)],
        "POSCAR names other elements beside its positions",
    ),
}  # fmt: skip


def _named(text: str) -> str:
    lines = text.rstrip("\n").splitlines()
    for place in range(8, 16):
        lines[place] = " ".join([*lines[place].split()[:3], "K"])
    return "\n".join(lines) + "\n"


# --- xyz --------------------------------------------------------------------------------------

DAMAGED_XYZS = {
    "no lattice": (
        [_line(1, w) for w in ("", "NaCl", "1,2,3", "5.64 0 0 0 5.64 0 0 0 5.64", "pbc=\"T T T\"")],
        "xyz file has no lattice",
    ),
    "lattice damaged": (
        [_line(1, f'Lattice="{w}" Properties=species:S:1:pos:R:3') for w in
         ("5.64 0 0 0 5.64 0 0 0", "a b c d e f g h i", "", "0 0 0 0 0 0 0 0 0")],
        "is not three vectors of three numbers|no lattice of three|cell volume",
    ),
    "not periodic": (
        [_line(1, 'Lattice="6 0 0 0 6 0 0 0 6" Properties=species:S:1:pos:R:3 pbc="F F F"')],
        "structure is not periodic",
    ),
    "other columns": (
        [_line(1, f'Lattice="6 0 0 0 6 0 0 0 6" Properties={w}') for w in
         ("pos:R:3:species:S:1", "id:I:1:species:S:1:pos:R:3")],
        "xyz file has other columns",
    ),
    "number of atoms": (
        [_line(0, w) for w in ("", "eight", "-8", "8.0", "8 atoms", "99999999")],
        "xyz file does not begin with the number of atoms",
    ),
    "fewer atoms": (
        [_drop(-1, None), _line(0, "9"), _line(0, "900000"), _line(3, ""), _line(3, "Na 1 2"),
         _line(3, "Na 0 0 x"), _line(3, "Na nan 0 0")],
        "xyz file has fewer positions than its",
    ),
    "several frames": (
        [lambda t: t + t, lambda t: t + t + t, _line(0, "7")],
        "xyz file holds several structures",
    ),
    "no element": (
        [_line(3, f"{w} 1.0 1.0 1.0") for w in ("Na1", "NA", "na", "11", "X", "Xx", "Na+")],
        "xyz file names '.*', which is no known element",
    ),
    "atoms on each other": (
        [lambda t: _line(3, " ".join([t.splitlines()[3].split()[0],
                                      *t.splitlines()[2].split()[1:4]]))(t)],
        "atoms closer than",
    ),
    "cut off": ([_drop(1, None), _drop(2, None), _drop(4, None)],
                "xyz file (does not begin|has fewer)"),
}  # fmt: skip

NO_STRUCTURE = {
    "empty": [b"", b"   \n\n"],
    "NUL characters": [b"\0" * 50, "data_x".encode("utf-16"), b"data_x\n\0"],
    "no structure": [b"<html><body>404</body></html>", b"PK\x03\x04 zip", b"hello\nworld\n"],
}
NO_STRUCTURE_SENTENCES = {
    "empty": "is empty",
    "NUL characters": "has NUL characters|is UTF-16",
    "no structure": "is packed|CIF has no data|POSCAR is cut off|xyz file does not begin",
}


def folders(folder) -> list[Malformed]:
    """List all damaged structure files."""
    formats = [
        ("cif", ".cif", cifs(SALT, folder), DAMAGED_CIFS),
        ("poscar", ".vasp", poscars(SALT, folder), DAMAGED_POSCARS),
        ("xyz", ".xyz", xyzs(SALT, folder), DAMAGED_XYZS),
    ]
    result = []
    for format, suffix, texts, damages in formats:
        for kind, (changes, sentence) in damages.items():
            for number, change in enumerate(changes):
                for writer, text in texts.items():
                    result.append(
                        Malformed(
                            f"{format}: {kind}", f"{writer}{number}{suffix}",
                            change(text).encode(), sentence,
                        )
                    )  # fmt: skip
        for kind, contents in NO_STRUCTURE.items():
            for number, content in enumerate(contents):
                name = f"{number}{suffix}"
                sentence = NO_STRUCTURE_SENTENCES[kind]
                result.append(Malformed(f"{format}: {kind}", name, content, sentence))
    return result


# --- data files -------------------------------------------------------------------------------

COPPER = {
    "lattice_mat": [[0, 1.8, 1.8], [1.8, 0, 1.8], [1.8, 1.8, 0]],
    "coords": [[0, 0, 0]],
    "elements": ["Cu"],
    "cartesian": False,
}
GOOD = {"jid": "good", "target": 1.0, "atoms": COPPER}


def _atoms(**changes) -> dict:
    return {"jid": "bad", "target": 1.0, "atoms": COPPER | changes}


def _lacking(key: str) -> dict:
    atoms = {name: value for name, value in COPPER.items() if name != key}
    return {"jid": "bad", "target": 1.0, "atoms": atoms}


JARVIS_ROWS = {
    "target is missing": (
        [GOOD | {"jid": "bad", "target": t} for t in
         (None, "", "na", "N/A", "nan", "-", float("nan"), float("inf"), 10**400)],
        "target is missing or not finite",
    ),
    "target is no number": (
        [GOOD | {"jid": "bad", "target": t} for t in
         ("1,5", "1.5 eV", "1_000", "٣", "0x1", "one", "1e", "inf!")],
        "target '.*' is not a number",
    ),
    "target of another kind": (
        [GOOD | {"jid": "bad", "target": t} for t in (True, False, [1.0], {"value": 1.0}, [])],
        "target is .*, not a number",
    ),
    "target out of range": (
        [GOOD | {"jid": "bad", "target": t} for t in (1e300, -1e31, 10**40, "1e99")],
        r"target is larger than 1e\+30",
    ),
    "name": (
        [GOOD | {"jid": j} for j in
         (None, True, [], {}, "", "  ", "a\0b", "\ud800", "a\nb", "a\x1b[0m", "n" * 201)],
        "name (is|has)",
    ),
    "no name": ([{"target": 1.0, "atoms": COPPER}], "row has no key 'jid'"),
    "no row": ([None, 1, "text", [1, 2]], "row is not an object with keys"),
    "no atoms": (
        [GOOD | {"jid": "bad", "atoms": a} for a in (None, [], "Cu", 1)]
        + [{"jid": "bad", "target": 1.0}],
        "`atoms` is missing or not an object",
    ),
    "key missing": ([_lacking(key) for key in COPPER], "structure cannot be read: it has no '"),
    "elements": (
        [_atoms(elements=e) for e in ("Cu", None, [29], [None], {"Cu": 1}, [["Cu"]])],
        "structure has elements that are not a list of symbols",
    ),
    "element unknown": (
        [_atoms(elements=[e]) for e in ("Xx", "X", "cu", "CU", "Cu2+", "D", "Cu1", "", "Og")],
        "unknown element",
    ),
    "no lattice": (
        [_atoms(lattice_mat=m) for m in
         ("cubic", [["a", "b", "c"]] * 3, [[None] * 3] * 3, [["3.6", 0, 0]] * 3, [[True] * 3] * 3,
          [[10**400, 0, 0]] * 3)],
        "lattice vectors that are not",
    ),
    "lattice of another shape": (
        [_atoms(lattice_mat=m) for m in
         ([1, 2, 3], [[1, 2], [3, 4], [5, 6]], [[1, 0, 0], [0, 1]], [[[1, 0, 0]] * 3],
          [[3.6, 0, 0], [0, 3.6, 0]], [[3.6, 0, 0]] * 4)],
        "lattice vectors (that are not|of different)|arrays of the wrong shape",
    ),
    "no volume": (
        [_atoms(lattice_mat=m) for m in
         ([[0] * 3] * 3, [[1, 0, 0], [2, 0, 0], [0, 0, 1]], [[9, 0, 0], [0, 9, 0], [9, 9, 0]],
          [[1e-200, 0, 0], [0, 1, 0], [0, 0, 1]], [[0.5, 0, 0], [0, 0.5, 0], [0, 0, 0.5]])],
        "cell volume is .* too small for an atom",
    ),
    "lattice out of range": (
        [_atoms(lattice_mat=m) for m in
         ([[1e300, 0, 0], [0, 1e300, 0], [0, 0, 1e300]], [[1e7, 0, 0], [0, 4, 0], [0, 0, 4]])],
        "lattice vector longer than",
    ),
    "not finite": (
        [_atoms(coords=[[0, 0, float("inf")]]), _atoms(coords=[[float("nan")] * 3]),
         _atoms(lattice_mat=[[float("nan"), 0, 0], [0, 3, 0], [0, 0, 3]])],
        "not finite",
    ),
    "coordinates": (
        [_atoms(coords=c) for c in
         ([["0", "0", "x"]], "0 0 0", [[0, 0]], [[0, 0, 0, 0]], [0, 0, 0], [[0, 0, None]],
          [[0, 0, 0], [0.5, 0.5, 0.5]], [], [[0, 0, 0], [0.5]])],
        "coordinates (that are not|of different)|arrays of the wrong shape",
    ),
    "cartesian": (
        [_atoms(cartesian=c) for c in (None, "perhaps", 2, [], "")],
        "does not say whether coordinates are `cartesian`",
    ),
    "no atom": ([_atoms(elements=[], coords=[])], "structure has no atoms"),
    "too close": (
        [_atoms(elements=["Cu"] * 2, coords=c) for c in
         ([[0, 0, 0]] * 2, [[0, 0, 0], [1, 1, 0]], [[0, 0, 0], [0.05, 0, 0]],
          [[0, 0, 0], [7, 0, 0]])]
        + [_atoms(lattice_mat=[[0.3, 0, 0], [0, 9, 0], [0, 0, 9]]),
           _atoms(lattice_mat=[[1e-5, 0, 0], [0, 900, 0], [0, 0, 900]])],
        "atoms closer than 0.5 Å",
    ),
    "isolated": (
        [_atoms(lattice_mat=(np.eye(3) * a).tolist()) for a in (8.1, 20, 5000)],
        "isolated atom: no neighbour within 8.0 Å",
    ),
    "far away": (
        [_atoms(elements=["Cu"] * 2, coords=[[0, 0, 0], c]) for c in
         ([1e18, 0, 0.5], [0.5, 0.5, 2e6], [0.5, -1e300, 0.5])],
        "atom farther than 1000000 cells",
    ),
    "too many atoms": (
        [_atoms(elements=["Cu"] * 5001, coords=[[0, 0, 0]] * 5001)],
        "structure has 5001 atoms, more than 5000",
    ),
    "twice": ([GOOD, GOOD | {"target": 2.0}], "id occurs before"),
}  # fmt: skip

SALT_DICT = SALT.as_dict()


def _salt(**changes) -> dict:
    return copy.deepcopy(SALT_DICT) | changes


def _site(**changes) -> dict:
    salt = _salt()
    salt["sites"][0].update(changes)
    return salt


TABLE_ROWS = {
    "no structure": (
        [[s, 1.0] for s in (None, "Na4 Cl4", 1, [], json.dumps([SALT_DICT]))],
        "structure cannot be read: it is not an object as pymatgen writes it",
    ),
    "part missing": (
        [[{k: v for k, v in SALT_DICT.items() if k != key}, 1.0] for key in ("sites", "lattice")],
        "structure cannot be read: it has no '",
    ),
    "part of another kind": (
        [[_salt(sites=None), 1.0], [_salt(sites={}), 1.0], [_salt(lattice=[]), 1.0]],
        "`sites` or `lattice` is not as pymatgen writes it",
    ),
    "lattice": (
        [[_salt(lattice=s), 1.0] for s in ({}, {"matrix": None}, {"matrix": [[1, 2], [3]]})],
        "it has no 'matrix'|lattice vectors that are not|of different lengths|wrong shape",
    ),
    "site": (
        [[_site(**s), 1.0] for s in
         ({"abc": None}, {"abc": "0 0 0"}, {"abc": [0, 0]}, {"species": None}, {"species": "Na"},
          {"species": [None]}, {"species": [{}]})],
        "structure (cannot be read|has coordinates|has a site without)",
    ),
    "disordered": (
        [[_site(species=s), 1.0] for s in
         ([{"element": "Na", "occu": 0.5}], [], [{"element": "Na", "occu": 0}],
          [{"element": "Na", "occu": 0.5}, {"element": "K", "occu": 0.5}])],
        "structure is disordered",
    ),
    "element": (
        [[_site(species=[{"element": e, "occu": 1}]), 1.0] for e in (None, 11, "Xx", "D", "X0+")],
        "elements that are not symbols|unknown element",
    ),
    "not periodic": (
        [[_salt(lattice=SALT_DICT["lattice"] | {"pbc": [False] * 3}), 1.0]],
        "structure is not periodic",
    ),
    "target": (
        [[SALT_DICT, t] for t in (None, "na", True, "1,5", [], 1e300)],
        "target",
    ),
    "short": ([[SALT_DICT], []], "row has . values for 2 columns"),
    "long": ([[SALT_DICT, 1.0, 2.0]], "row has 3 values for 2 columns"),
    "no row": ([None, 1, {"structure": SALT_DICT}], "row is not a list of values"),
}  # fmt: skip


def _gzip(content: bytes) -> bytes:
    # without the time of day, which would be another in each process of the tests
    return gzip.compress(content, mtime=0)


def _zip(members: dict[str, str]) -> bytes:
    handle = io.BytesIO()
    with zipfile.ZipFile(handle, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(zipfile.ZipInfo(name), text, zipfile.ZIP_DEFLATED)
    return handle.getvalue()


def _flipped(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]


LIST = json.dumps([GOOD] * 30)
SPLIT = {"columns": ["structure", "y"], "index": [0, 1], "data": [[SALT_DICT, 1.0]] * 2}
PACKED = _gzip(LIST.encode())

# name of the file (its ending decides how it is unpacked), content, sentence
FILES = [
    *(("empty", "d.json", c, "is empty") for c in (b"", b" \n\t")),
    ("empty", "d.json.gz", _gzip(b""), "is empty"),
    *(("no JSON", "d.json", c, "is not valid JSON") for c in
      (b"{", b"[1,", b'[{"jid": }]', b"jid,target\n1,2\n", b"\xff\xfe\x00", b"\x80abc", b"[1] [2]",
       b"[NaN", b"'text'", LIST[:-1].encode(), LIST.encode()[:200], b"<html></html>", PACKED)),
    ("nested", "d.json", b"[" * 100_000, "is nested too deeply"),
    ("nested", "d.json", b'{"a":' * 100_000, "is nested too deeply"),
    *(("no rows", "d.json", c, "is not a list of rows") for c in
      (b"[]", b"[1, 2]", b"[[]]", b"[null]", b'["a"]')),
    *(("a value", "d.json", c, "is a table; name the property") for c in (b"1", b'"a"', b"{}")),
    ("no target", "d.json", b'[{"jid": 1, "atoms": {}}]', "no row has the key 'target'"),
    *(("cut off", "d.json.gz", PACKED[:n], "cannot be unpacked") for n in (1, 9, 40, -20, -4)),
    *(("damaged", "d.json.gz", _flipped(PACKED, n), "cannot be unpacked") for n in (0, 2, 14, -5)),
    ("no gzip", "d.json.gz", LIST.encode(), "cannot be unpacked"),
    ("bomb", "d.json.gz", _gzip(b" " * (65 * 2**20)), "holds more than 64 MiB"),
    ("bomb", "d.zip", _zip({"d.json": " " * (65 * 2**20)}), "holds more than 64 MiB"),
    ("no zip", "d.zip", LIST.encode(), "cannot be unpacked"),
    ("cut off", "d.zip", _zip({"d.json": LIST})[:-30], "cannot be unpacked"),
    ("empty zip", "d.zip", _zip({}), "holds no .json file"),
    ("other zip", "d.zip", _zip({"d.csv": "a"}), "holds no .json file"),
    ("several", "d.zip", _zip({"a.json": LIST, "b.json": LIST}), "several .json files .a.json, b"),
    ("several", "d.zip", _zip({"x/a.json": LIST, "a.json": LIST}), "several .json files"),
]  # fmt: skip

# content of a table, column, sentence
REFUSED_TABLES = [
    (SPLIT, "z", "has no column 'z' .it has structure, y"),
    (SPLIT | {"index": [0]}, "y", "index of another length"),
    (SPLIT | {"index": 5}, "y", "index of another length"),
    (SPLIT | {"columns": ["y", "y", "structure"]}, "y", "several columns 'y'"),
    (SPLIT | {"columns": ["structure", "structure"]}, "structure", "several columns 'structure'"),
    ({"structure": [SALT_DICT], "y": [1.0, 2.0]}, "y", "columns of different lengths"),
    ({"structure": {"0": SALT_DICT}, "y": [1.0]}, "y", "neither lists nor objects"),
    ({"structure": "a", "y": "b"}, "y", "neither lists nor objects"),
    ({"structure": {"0": SALT_DICT}}, "y", "has no column 'y'"),
    ({"0": {"structure": SALT_DICT, "x": 1.0}}, "y", "has no column 'y'"),
    ({"0": {"struct": SALT_DICT, "y": 1.0}}, "y", "has no column 'structure'"),
    ([{"structure": SALT_DICT, "x": 1.0}], "y", "has no column 'y'"),
    ({"schema": {}, "data": []}, "y", "without names of columns"),
    ({"schema": {}, "data": [[SALT_DICT, 1.0]]}, "y", "without names of columns"),
    ([[SALT_DICT, 1.0]], "y", "is not a list of rows"),
    (5, "y", "is not a table"),
    ("text", "y", "is not a table"),
]

# content of id_prop.csv beside a.cif and b.cif, column, id, sentence for the whole table
REFUSED_CSVS = [
    ("", None, None, "is empty"),
    ("\n\n\r\n", None, None, "is empty"),
    ("file,gap\n", None, None, "has no rows"),
    ("a.cif,1.0,2.0\nb.cif,1.0,2.0\n", None, None, "has 3 columns .a.cif, 1.0, 2.0"),
    ("file,row,gap,k\na.cif,0,1,2\n", None, None, "has 4 columns .file, row, gap, k"),
    ("a.cif,1.0,\nb.cif,2.0,\n", None, None, "has 3 columns"),
    ('"a.cif,1.0\nb.cif,2.0\n', None, None, "is not a CSV file"),
    ('a.cif,1.0\n"b.cif,2.0\na.cif,3.0\n', None, None, "is not a CSV file"),
    ('a.cif,"1.0\nb.cif,"2.0\n', None, None, "is not a CSV file"),
    ('"a.cif"x,1.0\n', None, None, "is not a CSV file"),
    ('a.cif,1.0\n"b.cif\n",2.0\n', None, None, "is not a CSV file"),
    ("a.cif," + "1" * 200_000 + "\n", None, None, "is not a CSV file"),
    ("a.cif,1.0\0\n", None, None, "has NUL characters"),
    ("grün.cif,1.0\n".encode("latin-1"), None, None, "line 1: is not UTF-8"),
    ("a.cif,1.0\ngrün.cif,1.0\n".encode("cp1252"), None, None, "line 2: is not UTF-8"),
    ("a.cif,1.0\n".encode("utf-16"), None, None, "is not UTF-8"),
    ("file,gap\na.cif,1.0\n", "k", None, "has no column 'k' .its first row is file, gap"),
    ("a.cif,1.0\nb.cif,2.0\n", "gap", None, "has no column 'gap' .its first row is a.cif, 1.0"),
    ("file,gap,gap\na.cif,1.0,2.0\n", "gap", None, "has several columns 'gap'"),
    ("file,gap,k,k\na.cif,1.0,2.0,3\n", "gap", None, "has several columns 'k'"),
    ("file,gap\na.cif,1.0\n", "file", None, "column 'file' has the names"),
    ("file,gap\na.cif,1.0\n", "gap", "gap", "column 'gap' has the names"),
    ("file,gap\na.cif,1.0\n", "gap", "name", "has no column 'name'"),
    ("file,gap\na.cif,1.0\n", None, "file", "name the property's in `column` .* too"),
    ("file,gap\n", "gap", None, "has no rows"),
]

# a row of id_prop.csv beside a.cif, b.cif, b.vasp and the folder c, sentence for this row
REJECTED_CSV_ROWS = [
    *(("gone.cif,1.0", "does not exist"), ("gone,2.0", "does not exist")),
    ("c,1", "does not exist"),
    *(("../a.cif,1.0", "does not exist"), ("/etc/hostname,1.0", "does not exist")),
    *((f"{'n' * 300},1.0", "name has more than 200"), ("a\x07.cif,1.0", "cannot be printed")),
    *(("b,1.0", "b may be b.cif or b.vasp"), (",1.0", "names no file")),
    *(("b.cif", "has no value"), ("b.cif,1,5", "has 3 cells instead of 2")),
    *(("b.cif;1.0", "has no value"), ("b.cif\t1.0", "has no value")),
    *(("b.cif,", "target is missing"), ("b.cif,n/a", "target is missing")),
    *((f"b.cif,{w}", "is not a number") for w in
      ("x", '"1,5"', "1.5eV", "1 000", "0x10", "1_0", "True", "--1", "½", "infinity")),
    *(("b.cif,inf", "is not a number"), ("b.cif,1e400", "missing or not finite")),
    ("b.cif,1e31", "larger than"),
]  # fmt: skip

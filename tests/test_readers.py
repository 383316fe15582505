"""Sound files of other writers are read right, compared with pymatgen's reading of the same text.

In each layout, what is accepted must be what pymatgen finds; what is in doubt is a rejected row.
"""

import gzip
import io
import json
import re
import unicodedata
import warnings
import zipfile
from collections import Counter
from functools import cache
from pathlib import Path

import ase
import ase.io
import malformed
import numpy as np
import pandas as pd
import pymatgen.symmetry
import pytest
import spglib
from ase.build import bulk
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Molecule, Structure
from pymatgen.core.operations import SymmOp
from pymatgen.io.cif import CifParser
from pymatgen.io.vasp import Poscar

from crystal_transfer.datasets.cleaning import clean
from crystal_transfer.datasets.crystals import Record
from crystal_transfer.datasets.records import Fault
from crystal_transfer.datasets.registry import FileDataset
from crystal_transfer.datasets.sources.cif import read_cif
from crystal_transfer.datasets.sources.cif_symmetry import symmetry_of
from crystal_transfer.datasets.sources.file import read_file
from crystal_transfer.datasets.sources.structures import read_structure
from crystal_transfer.datasets.sources.unlabelled import read_structures
from crystal_transfer.errors import InputError
from crystal_transfer.species import SYMBOLS

ELEMENTS = ["H", "Li", "C", "N", "O", "Na", "Si", "Cl", "Ca", "Co", "Cs", "Sn", "Sc", "Os", "Pb"]


@cache
def prototype(kind: str, x: str, y: str) -> Structure:
    """A cubic or hexagonal prototype with a unit edge; slow to make."""
    if kind == "salt":
        return Structure.from_spacegroup("Fm-3m", Lattice.cubic(1), [x, y], [[0] * 3, [0.5] * 3])
    if kind == "fluorite":
        places = [[0, 0, 0], [0.25, 0.25, 0.25]]
        return Structure.from_spacegroup("Fm-3m", Lattice.cubic(1), [x, y], places)
    places = [[1 / 3, 2 / 3, 0], [1 / 3, 2 / 3, 0.375]]
    return Structure.from_spacegroup("P6_3mc", Lattice.hexagonal(1, 1.633), [x, y], places)


@st.composite
def structures(draw):
    """Prototypes with and without symmetry, in which letters of symbols can be confused."""
    x, y = draw(st.lists(st.sampled_from(ELEMENTS), min_size=2, max_size=2, unique=True))
    a = round(draw(st.floats(3.5, 7.0)), 4)
    kind = draw(st.sampled_from(["salt", "fluorite", "wurtzite", "triclinic", "primitive", "cell"]))
    if kind in ("salt", "fluorite", "wurtzite"):
        unit = prototype(kind, x, y)
        return Structure(unit.lattice.matrix * a, unit.species, unit.frac_coords)
    if kind == "primitive":
        half = a / 2
        lattice = Lattice([[0, half, half], [half, 0, half], [half, half, 0]])
        return Structure(lattice, [x, y], [[0] * 3, [0.5] * 3])
    if kind == "cell":
        return Structure(Lattice.cubic(a), [x, y], [[0] * 3, [0.5] * 3])
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    lattice = Lattice.from_parameters(a, a + 0.7, a + 1.9, *rng.uniform(75, 105, 3))
    return Structure(lattice, [x, x, y], [[0.1] * 3, [0.6, 0.5, 0.4], [0.35, 0.9, 0.75]])


def assert_same(record: Record, expected: Structure, tolerance: float = 1e-3) -> None:
    """Compare a record with pymatgen's reading: composition, volume, and all distances."""
    assert record.problem == ""
    read = Structure(
        record.lattice, record.elements, record.coordinates, coords_are_cartesian=record.cartesian
    )
    assert read.composition == expected.composition.element_composition
    assert read.volume == pytest.approx(expected.volume, rel=tolerance)
    ours, theirs = (np.sort(s.distance_matrix.ravel()) for s in (read, expected))
    assert np.allclose(ours, theirs, atol=10 * tolerance)


def in_folder(folder: Path, files: dict[str, str], value: str = "2.5") -> list[Record]:
    for name, text in files.items():
        (folder / name).write_text(text)
    lines = "".join(f"{name},{value}\n" for name in files)
    (folder / "id_prop.csv").write_text(lines)
    records = list(read_file(folder))
    assert all(record.target == float(value) for record in records if not record.problem)
    return records


PROPERTY = settings(max_examples=30)


@given(structure=structures())
@PROPERTY
def test_cifs_of_all_writers(structure, tmp_path):
    texts = malformed.cifs(structure, tmp_path)
    records = in_folder(tmp_path, {f"{writer}.cif": text for writer, text in texts.items()})
    for record, text in zip(records, texts.values(), strict=True):
        text = text[text.index("data_") :]
        (expected,) = CifParser.from_str(text).parse_structures(primitive=False)
        assert_same(record, expected)


@given(structure=structures())
@PROPERTY
def test_poscars_of_all_writers(structure, tmp_path):
    texts = malformed.poscars(structure, tmp_path)
    records = in_folder(tmp_path, {f"POSCAR-{writer}": text for writer, text in texts.items()})
    for record, text in zip(records, texts.values(), strict=True):
        assert_same(record, Poscar.from_str(text).structure, 1e-6)


@given(structure=structures())
@PROPERTY
def test_xyz_files_of_all_writers(structure, tmp_path):
    texts = malformed.xyzs(structure, tmp_path)
    records = in_folder(tmp_path, {f"{writer}.xyz": text for writer, text in texts.items()})
    for record in records:
        assert_same(record, structure, 1e-4)


@given(structure=structures(), cartesian=st.booleans(), value=st.floats(-1e20, 1e20))
@PROPERTY
def test_alignn_json(structure, cartesian, value, tmp_path):
    atoms = malformed.jarvis_atoms(structure).to_dict()
    if cartesian:
        atoms |= {"coords": structure.cart_coords.tolist(), "cartesian": True}
    path = tmp_path / "d.json"
    path.write_text(json.dumps([{"jid": "a", "target": value, "atoms": atoms}]))
    (record,) = read_file(path)
    assert record.target == value
    assert_same(record, structure, 1e-6)


ORIENTS = ["split", "columns", "index", "records", "table"]


@pytest.mark.parametrize("orient", ORIENTS)
@given(rows=st.lists(st.tuples(structures(), st.floats(-1e20, 1e20)), min_size=1, max_size=4))
@settings(PROPERTY, max_examples=10)
def test_every_orient_of_pandas(orient, rows, tmp_path):
    frame = pd.DataFrame(
        {"structure": [s.as_dict() for s, _ in rows], "gap": [v for _, v in rows]},
        index=[f"c{i}" for i in range(len(rows))],
    )
    path = tmp_path / "t.json"
    frame.to_json(path, orient=orient, double_precision=15)
    records = list(read_file(path, "gap"))
    assert len(records) == len(rows)
    for record, (structure, value) in zip(records, rows, strict=True):
        assert record.target == pytest.approx(value, rel=1e-14, abs=1e-14)
        assert_same(record, structure, 1e-6)
    names = ["0", "1", "2", "3"] if orient == "records" else ["c0", "c1", "c2", "c3"]
    assert [record.id for record in records] == names[: len(rows)]


def test_orients_that_do_not_name_columns_are_refused(tmp_path):
    frame = pd.DataFrame({"structure": [malformed.SALT_DICT], "gap": [1.0]})
    frame.to_json(tmp_path / "t.json", orient="values")
    with pytest.raises(InputError, match="is not a list of rows"):
        read_file(tmp_path / "t.json", "gap")


def test_a_column_can_name_the_rows(tmp_path):
    row = {"structure": malformed.SALT_DICT, "gap": 1.0, "mp": "mp-1"}
    (tmp_path / "t.json").write_text(json.dumps([row, row | {"mp": "mp-2"}]))
    assert [r.id for r in read_file(tmp_path / "t.json", "gap", "mp")] == ["mp-1", "mp-2"]
    with pytest.raises(InputError, match="has no column 'name'"):
        list(read_file(tmp_path / "t.json", "gap", "name"))


def test_names_that_match_no_key_are_missed(tmp_path):
    (tmp_path / "d.json").write_text(json.dumps([malformed.GOOD]))
    with pytest.raises(InputError, match=r"no row has the key 'name'.*correct `id`"):
        read_file(tmp_path / "d.json", id="name")


def test_rows_without_names_are_numbered(tmp_path):
    rows = [{key: malformed.GOOD[key] for key in ("target", "atoms")}] * 3
    (tmp_path / "d.json").write_text(json.dumps(rows))
    assert [record.id for record in read_file(tmp_path / "d.json")] == ["0", "1", "2"]


def test_keys_that_column_orient_lacks_are_rejected_rows(tmp_path):
    content = {
        "structure": {str(i): malformed.SALT_DICT for i in range(3)},
        "gap": {"0": 1.0, "2": 3.0, "3": 4.0},
    }
    (tmp_path / "t.json").write_text(json.dumps(content))
    table, rejected = clean(read_file(tmp_path / "t.json", "gap"))
    assert (table.ids.tolist(), table.targets.tolist()) == (["0", "2"], [1.0, 3.0])
    assert sorted(rejected) == [
        ("1", "row has no value in column 'gap'"),
        ("3", "row has no value in column 'structure'"),
    ]


def test_encodings_and_what_macos_adds(tmp_path):
    text = json.dumps([malformed.GOOD])
    (tmp_path / "bom.json").write_text(text, encoding="utf-8-sig")
    (tmp_path / "utf16.json").write_text(text, encoding="utf-16")
    with zipfile.ZipFile(tmp_path / "d.zip", "w") as archive:
        archive.writestr("d.JSON", text)
        archive.writestr("__MACOSX/._d.json", "not JSON")
    for name in ("bom.json", "utf16.json", "d.zip"):
        assert len(clean(read_file(tmp_path / name))[0]) == 1


# --- folders ----------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    for name in ("a.cif", "b.cif"):
        ase.io.write(tmp_path / name, bulk("Cu"))
    return tmp_path


@pytest.mark.parametrize(
    ("content", "column", "id", "expected"),
    [
        ("a.cif,1.0\nb.cif,2.0\n", None, None, [1.0, 2.0]),
        ("a,1\nb,2", None, None, [1.0, 2.0]),
        ("\ufefffile,gap\r\na.cif,1.0\r\n\r\nb.cif,2.0\r\n", None, None, [1.0, 2.0]),
        ("id,band gap (eV)\na.cif,1.0\nb.cif,2.0\n", None, None, [1.0, 2.0]),
        ('"a.cif", 1.0 \n"b.cif",+2e0\n', None, None, [1.0, 2.0]),
        ("file,row,gap\na.cif,0,1.0\nb.cif,1,2.0\n", "gap", None, [1.0, 2.0]),
        ("row,gap,file\n0,1.0,a.cif\n1,2.0,b.cif\n", "gap", "file", [1.0, 2.0]),
        ("any,gap\na.cif,1.0\nb.cif,2.0\n", "gap", None, [1.0, 2.0]),
        ('file,note,gap\na.cif,"x, y",1.0\nb.cif,,2.0\n', "gap", None, [1.0, 2.0]),
    ],
)
def test_tables_of_folders(content, column, id, expected, folder):
    (folder / "id_prop.csv").write_bytes(content.encode())
    table, rejected = clean(read_file(folder, column, id))
    assert (table.targets.tolist(), rejected) == (expected, [])


@pytest.mark.parametrize("first", ["gone.cif,n/a", "gone,n/a", "gone.cif,x", "file,n/a", "Cu,x"])
def test_a_first_row_that_is_no_known_header_is_a_row(first, folder):
    (folder / "id_prop.csv").write_text(f"{first}\na.cif,1.0\nb.cif,2.0\n")
    table, rejected = clean(read_file(folder))
    assert len(table) == 2
    assert len(rejected) == 1


def test_a_value_is_not_taken_from_a_quoted_comma(folder):
    (folder / "id_prop.csv").write_text('a.cif,1.0\n"Cu,1.cif",1.0\n')
    table, rejected = clean(read_file(folder))
    assert len(table) == 1
    assert rejected[0].reason == "file Cu,1.cif named in id_prop.csv does not exist"


@pytest.mark.parametrize("name", ["Si@300K.cif", "a@0.cif", "x y.cif", "ü.cif", "POSCAR@0", "s"])
def test_names_that_libraries_give_a_meaning(name, tmp_path):
    atoms = bulk("Si", cubic=True)
    format = "cif" if name.endswith("cif") else "vasp"
    with (tmp_path / name).open("wb" if format == "cif" else "w") as handle:
        ase.io.write(handle, atoms, format=format)
    (tmp_path / "id_prop.csv").write_text(f"{name},5\n")
    (record,) = read_file(tmp_path)
    assert len(record.elements) == 8


# --- files that the paper's kin have, in small ------------------------------------------------

CELL = "".join(f"_cell_length_{x} 4.2\n" for x in "abc") + "".join(
    f"_cell_angle_{x} 90\n" for x in ("alpha", "beta", "gamma")
)
SITES = "loop_\n_atom_site_label\n_atom_site_type_symbol\n" + "".join(
    f"_atom_site_fract_{x}\n" for x in "xyz"
)
PLAIN = f"data_x\n{CELL}_symmetry_space_group_name_H-M 'P 1'\n"
SOUND_CIFS = {
    "unknown occupancy": PLAIN + SITES + "_atom_site_occupancy\nA Na 0 0 0 ?\nB Cl .5 .5 .5 .\n",
    "capitals": PLAIN + SITES + "NA1 NA 0 0 0\nCL1 CL 0.5 0.5 0.5\n",
    "charges": PLAIN + SITES + "Na1 Na1+ 0 0 0\nCl1 Cl- 0.5 0.5 0.5\n",
    "clear labels": PLAIN + SITES.replace("_atom_site_type_symbol\n", "")
    + "Na1 0 0 0\nCl1a 0.5 0.5 0.5\n",
    "types only": PLAIN + SITES.replace("_atom_site_label\n", "") + "Na 0 0 0\nCl 0.5 0.5 0.5\n",
    "uncertainties": PLAIN + SITES + "Na1 Na 0.0(2) 0 0\nCl1 Cl 0.5000(12) 0.5 0.5\n",
    "words before": "Written by a program.\n" + PLAIN + SITES + "a Na 0 0 0\nb Cl .5 .5 .5\n",
    "a block without atoms": "data_global\n_journal_name_full 'J. X'\n" + PLAIN + SITES
    + "a Na 0 0 0\nb Cl .5 .5 .5\n",
    "dots": (PLAIN + SITES).replace("_atom_site_", "_atom_site.").replace("_cell_", "_cell.")
    + "a Na 0 0 0\nb Cl .5 .5 .5\n",
    "capital keywords": (PLAIN + SITES).replace("loop_", "LOOP_").replace("data_", "DATA_")
    + "a Na 0 0 0\nb Cl .5 .5 .5\n",
    "Windows": (PLAIN + SITES + "a Na 0 0 0\nb Cl .5 .5 .5\n").replace("\n", "\r\n"),
    "an author": (PLAIN + SITES + "a Na 0 0 0\nb Cl .5 .5 .5\n").replace(
        "_cell_length_a", "_publ_author_name 'Müller, J.'\n_cell_length_a"),
    "number of the group": f"data_x\n{CELL}_space_group_IT_number 221\n" + SITES
    + "a Na 0 0 0\nb Cl .5 .5 .5\n",
}  # fmt: skip


@pytest.mark.parametrize("kind", SOUND_CIFS)
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_sound_cifs_are_read(kind, encoding, tmp_path):
    (tmp_path / "x.cif").write_bytes(SOUND_CIFS[kind].encode(encoding))
    read = read_structure(tmp_path / "x.cif")
    assert sorted(read.elements) == ["Cl", "Na"]
    assert np.linalg.det(read.lattice) == pytest.approx(4.2**3)


AMBIGUOUS_CIFS = {
    "two origins": (CELL + "_space_group_name_H-M_alt 'F d -3 m'\n", "two origins"),
    "two origins, by number": (CELL + "_symmetry_Int_Tables_number 129\n", "two origins"),
    "three cells": (
        CELL.replace("gamma 90", "gamma 110") + "_space_group_IT_number 14\n",
        "'14', has 3 choices of its axes or cell",
    ),
    "another axis": (
        CELL.replace("alpha 90", "alpha 110") + "_space_group_name_H-M_alt 'P 1 21/c 1'\n",
        "not fit its symmetry",
    ),
    "unknown group": (CELL + "_space_group_name_H-M_alt 'F u n'\n", "'F u n', is not understood"),
    "unknown setting": (
        CELL + "_space_group_name_H-M_alt 'P b n m S'\n_space_group_IT_number 62\n",
        "is not understood",
    ),
    "number of several settings": (CELL + "_space_group_IT_number 64\n", "has 6 choices"),
    "crystal system alone": (CELL + "_space_group_crystal_system cubic\n", "is not understood"),
    "two groups": (
        CELL + "_space_group_name_H-M_alt 'P m -3 m'\n_space_group_IT_number 225\n",
        "not the same one",
    ),
    "identity alone": (
        CELL + "_space_group_IT_number 225\nloop_\n_symmetry_equiv_pos_as_xyz\n'x,y,z'\n",
        "other symmetry operations than those of its space group, '225'",
    ),
}


@pytest.mark.parametrize("kind", AMBIGUOUS_CIFS)
def test_cifs_of_doubtful_symmetry_are_rejected(kind, tmp_path):
    head, reason = AMBIGUOUS_CIFS[kind]
    text = f"data_x\n{head}{SITES}a Na .11 .23 .37\n"
    (record,) = in_folder(tmp_path, {"x.cif": text})
    assert re.search(reason, record.problem), record.problem


def settings_of_pymatgen() -> list[tuple[str, list[str]]]:
    """Names of settings of space groups and their operations, which is not spglib's table."""
    table = json.loads((Path(pymatgen.symmetry.__file__).parent / "symm_ops.json").read_text())
    return [
        (entry[key], entry["symops"])
        for entry in table if "(" not in entry["universal_h_m"]
        for key in ("universal_h_m", "hermann_mauguin", "short_h_m")
    ]  # fmt: skip


def test_a_named_setting_has_its_own_operations_or_is_refused():
    """In a cell that all of them allow: the mean of any cell over their rotations."""
    rng = np.random.default_rng(0)
    wrong, read = [], 0
    for name, symops in settings_of_pymatgen():
        expected = {SymmOp.from_xyz_str(text) for text in symops}
        vectors = np.eye(3) * [5.0, 6.1, 7.3] + rng.uniform(-0.5, 0.5, (3, 3))
        turned = [op.rotation_matrix.T @ vectors for op in expected]
        lattice = np.linalg.cholesky(np.mean([t @ t.T for t in turned], axis=0))
        try:
            found = symmetry_of({"_symmetry_space_group_name_h-m": name}, lattice).operations
        except Fault:
            continue
        read += 1
        ours = {SymmOp.from_xyz_str(text) for text in found}
        if {places(op) for op in ours} != {places(op) for op in expected}:
            wrong.append(name)
    assert not wrong
    assert read > 1100


def places(operation: SymmOp) -> tuple[int, ...]:
    shift = np.round(24 * operation.translation_vector) % 24
    return (*operation.rotation_matrix.round().astype(int).ravel(), *shift.astype(int))


def test_a_setting_that_is_not_the_usual_one_is_read_as_it_is():
    """Ca2FeMoO6 of P 21/n with the number of P 21/c, as ICSD and SHELXL write it."""
    head = (
        "data_x\n_cell_length_a 5.416\n_cell_length_b 5.522\n_cell_length_c 7.706\n"
        "_cell_angle_alpha 90\n_cell_angle_beta 90.05\n_cell_angle_gamma 90\n"
    )
    sites = SITES + (
        "Ca1 Ca 0.990 0.045 0.250\nFe1 Fe 0.5 0 0\nMo1 Mo 0 0.5 0\nO1 O 0.085 0.473 0.247\n"
        "O2 O 0.703 0.294 0.036\nO3 O 0.214 0.203 0.962\n"
    )
    listed = (
        "loop_\n_symmetry_equiv_pos_as_xyz\n'x,y,z'\n'-x+1/2,y+1/2,-z+1/2'\n'-x,-y,-z'\n"
        "'x+1/2,-y+1/2,z+1/2'\n"
    )
    expected = read_cif(head + listed + sites)
    for group in (
        "_symmetry_space_group_name_H-M 'P 21/n'\n_symmetry_Int_Tables_number 14\n",
        "_space_group_name_H-M_alt 'P2(1)/n'\n_space_group_name_Hall '-P 2yn'\n",
        "_space_group_name_Hall '-P 2yn'\n", "_space_group_name_H-M_full 'P 1 21/n 1'\n",
    ):  # fmt: skip
        found = read_cif(head + group + sites)
        assert Counter(found.elements) == Counter(expected.elements)
        ours, theirs = (
            Structure(read.lattice, read.elements, read.coordinates) for read in (found, expected)
        )
        assert np.allclose(
            np.sort(ours.distance_matrix.ravel()), np.sort(theirs.distance_matrix.ravel())
        )


POTCAR_NAMES = "x\n1.0\n4 0 0\n0 4 0\n0 0 4\nNa_pv Cl/1a2b3c\n1 1\n"
SOUND_POSCARS = {
    "names of POTCARs": POTCAR_NAMES + "Direct\n0 0 0\n.5 .5 .5\n",
    "selective dynamics": "x\n1.0\n4 0 0\n0 4 0\n0 0 4\nNa Cl\n1 1\nSelective dynamics\nDirect\n"
    "0 0 0 T T T\n.5 .5 .5 F F F\n",
    "velocities": "x\n1.0\n4 0 0\n0 4 0\n0 0 4\nNa Cl\n1 1\nDirect\n0 0 0\n.5 .5 .5\n\n"
    "0.1 0.1 0.1\n0.1 0.1 0.1\n",
    "scale as a volume": "x\n-64.0\n1 0 0\n0 1 0\n0 0 1\nNa Cl\n1 1\nDirect\n0 0 0\n.5 .5 .5\n",
    "scale": "x\n4.0\n1 0 0\n0 1 0\n0 0 1\nNa Cl\n1 1\nCartesian\n0 0 0\n.5 .5 .5\n",
    "symbols beside": "x\n1.0\n4 0 0\n0 4 0\n0 0 4\nNa Cl\n1 1\nDirect\n0 0 0 Na\n.5 .5 .5 Cl\n",
}


@pytest.mark.parametrize("kind", SOUND_POSCARS)
def test_sound_poscars_are_read_or_left_in_doubt(kind, tmp_path):
    text = SOUND_POSCARS[kind]
    (record,) = in_folder(tmp_path, {"x.vasp": text})
    if record.problem:
        assert "agree" in record.problem or "POSCAR" in record.problem
        assert kind == "names of POTCARs", record.problem
    else:
        assert record.elements == ["Na", "Cl"]
        assert_same(record, Poscar.from_str(text).structure, 1e-6)
        assert np.linalg.det(record.lattice) == pytest.approx(64)


# --- files that installed packages ship -------------------------------------------------------


def shipped(pattern: str) -> list[Path]:
    folder = Path(ase.__file__).parents[1]
    return sorted(folder.glob(pattern))


@pytest.mark.parametrize("file", shipped("ase/test/testdata/minerals/*.cif"), ids=lambda f: f.stem)
def test_cifs_of_the_open_crystallography_database(file):
    read = read_structure(file)
    (expected,) = CifParser(file).parse_structures(primitive=False)
    assert_same(Record("x", 1.0, *read), expected)
    assert Counter(read.elements) == Counter(ase.io.read(file).symbols)


def test_the_layout_of_cgcnn(tmp_path):
    # as cgcnn's data/sample-regression: names are stems, atom_init.json lies beside them
    (tmp_path / "atom_init.json").write_text("{}")
    structure = malformed.SALT
    lines = []
    for number, text in enumerate(malformed.cifs(structure, tmp_path).values()):
        (tmp_path / f"100{number}.cif").write_text(text)
        lines.append(f"100{number},{number}.5")
    (tmp_path / "id_prop.csv").write_text("\n".join(lines))
    table, rejected = clean(read_file(tmp_path))
    assert (table.targets.tolist(), rejected) == ([0.5, 1.5, 2.5, 3.5], [])


def test_the_layout_of_alignn_with_several_targets(tmp_path):
    (tmp_path / "POSCAR-1.vasp").write_text(malformed.poscars(malformed.SALT, tmp_path)["jarvis"])
    (tmp_path / "id_prop.csv").write_text("POSCAR-1.vasp," + ",".join(["0.1"] * 300))
    with pytest.raises(InputError, match="has 301 columns"):
        read_file(tmp_path)


@given(symbols=st.lists(st.sampled_from(SYMBOLS[1:]), min_size=1, max_size=4), seed=st.integers())
@settings(PROPERTY, max_examples=60)
def test_any_element_is_read_as_it_is_or_not_at_all(symbols, seed, tmp_path):
    places = np.arange(len(symbols))[:, None] / len(symbols) * [1, 0, 0]
    structure = Structure(Lattice.cubic(4.0 * len(symbols)), symbols, places)
    ordered = structure.get_sorted_structure()
    texts = {
        "x.cif": malformed.ase_text(structure, "cif"),
        "x.vasp": Poscar(ordered).get_str(),
        "x.xyz": malformed.ase_text(structure, "extxyz"),
    }
    for record in in_folder(tmp_path, texts):
        assert record.problem == ""
        assert Counter(record.elements) == Counter(symbols)


@given(data=st.binary(max_size=300), name=st.sampled_from(["x.cif", "x.vasp", "x.xyz", "x"]))
@settings(PROPERTY, max_examples=150)
def test_no_bytes_whatever_crash_the_readers_of_structures(data, name, tmp_path):
    (tmp_path / name).write_bytes(data)
    (tmp_path / "id_prop.csv").write_text(f"{name},1.0\n")
    table, rejected = clean(read_file(tmp_path))
    assert len(table) + len(rejected) == 1


@given(
    seed=st.integers(0, 2**32 - 1), edits=st.integers(1, 3),
    what=st.sampled_from(["cif", "poscar", "xyz"]), writer=st.integers(0, 3),
)  # fmt: skip
@example(seed=5813, edits=2, what="cif", writer=3)  # a wrong element, and no sum formula
@settings(PROPERTY, max_examples=150)
def test_random_edits_are_rejected_or_read_as_pymatgen_reads_them(
    seed, edits, what, writer, tmp_path
):
    texts = {"cif": malformed.cifs, "poscar": malformed.poscars, "xyz": malformed.xyzs}[what]
    written = list(texts(malformed.SALT, tmp_path).values())
    text = written[writer % len(written)]
    rng = np.random.default_rng(seed)
    for _ in range(edits):
        place = int(rng.integers(len(text)))
        kind = rng.integers(3)
        new = str(rng.choice(list("0123456789.-+ \n'\"_#?NaClKO()eE,;")))
        text = text[:place] + ("" if kind == 0 else new) + text[place + (kind < 2) :]
    suffix = {"cif": ".cif", "poscar": ".vasp", "xyz": ".xyz"}[what]
    (record,) = in_folder(tmp_path, {f"x{suffix}": text})
    table, _ = clean([record])
    if not len(table):
        return
    if what == "cif":
        try:
            with warnings.catch_warnings(action="ignore"):
                (expected,) = CifParser.from_str(text[text.index("data_") :]).parse_structures(
                    primitive=False
                )
        except Exception:  # it needs labels, and a well-formed rest
            assert Counter(record.elements) == {"Na": 4, "Cl": 4}
            return
        assert_same(record, expected, 1e-2)
    elif what == "poscar":
        assert_same(record, Poscar.from_str(text).structure, 1e-6)
    else:
        atoms = ase.io.read(io.StringIO(text), format="extxyz") if "Lattice" in text else None
        if atoms is not None:
            assert Counter(record.elements) == Counter(atoms.symbols)


# --- what people have, in other words -----------------------------------------------------------


def jarvis_rows() -> list[dict]:
    return [
        {"jid": f"J{i}", "target": 1.0 + i, "atoms": malformed.jarvis_atoms(salt).to_dict()}
        for i, salt in enumerate(salts())
    ]


def salts() -> list[Structure]:
    return [malformed.SALT.copy().scale_lattice(180.0 + i) for i in range(3)]


def documents() -> list[dict]:
    return [
        {"material_id": f"mp-{i}", "gap": 1.0 + i, "structure": salt.as_dict()}
        for i, salt in enumerate(salts())
    ]


LABELLED = {
    "answer of a web interface": lambda: (json.dumps({"data": documents()}), "gap", None),
    "a lone document": lambda: (json.dumps(documents()[0]), "gap", None),
    "rows by name": lambda: (json.dumps({row["jid"]: row for row in jarvis_rows()}), None, "jid"),
    "lines": lambda: ("\n".join(map(json.dumps, jarvis_rows())), None, None),
    "another name": lambda: (
        json.dumps([{"gap": 1.0, "final_structure": salts()[0].as_dict(), "atoms": 8}]),
        "gap", None,
    ),
    "text": lambda: (
        json.dumps([{"gap": 1.0, "structure": json.dumps(salts()[0].as_dict())}]), "gap", None,
    ),
} | {
    f"pandas, {orient}": lambda orient=orient: (
        pd.DataFrame(jarvis_rows()).to_json(orient=orient), None, "jid",
    )
    for orient in ORIENTS
}  # fmt: skip


LABELLED |= {
    f"pandas, {orient}, of {kind}": lambda orient=orient, kind=kind: (
        pd.DataFrame(
            {"gap": [1.0, 2.0, 3.0], kind: structures_as(kind)}, index=["a", "b", "c"]
        ).to_json(orient=orient),
        "gap", None,
    )
    for orient in ORIENTS for kind in ("atoms", "final_structure")
}  # fmt: skip


def structures_as(kind: str) -> list[dict]:
    if kind == "atoms":
        return [row["atoms"] for row in jarvis_rows()]
    return [salt.as_dict() for salt in salts()]


@pytest.mark.parametrize("layout", LABELLED)
def test_layouts_that_say_the_same(layout, tmp_path):
    text, column, id = LABELLED[layout]()
    path = tmp_path / ("x.jsonl" if layout == "lines" else "x.json")
    path.write_text(text)
    records = list(read_file(path, column, id))
    assert [record.target for record in records] == [1.0, 2.0, 3.0][: len(records)]
    for record, salt in zip(records, salts(), strict=False):
        assert_same(record, salt, 1e-4)
    if layout.endswith((" of atoms", " of final_structure")) and "records" not in layout:
        assert [record.id for record in records] == ["a", "b", "c"]


@pytest.mark.parametrize("layout", ["records", "split", "index", "columns", "table", "data"])
def test_a_missing_relaxed_structure_is_not_the_unrelaxed_one(layout, tmp_path):
    """Of several structures per row all rows take the same, missing or not."""
    finals = [salt.as_dict() for salt in salts()]
    finals[1] = None
    start = [salt.as_dict() for salt in reversed(salts())]
    table = pd.DataFrame({"gap": [1.0, 2.0, 3.0], "final_structure": finals,
                          "initial_structure": start})  # fmt: skip
    orient = "records" if layout == "data" else layout
    content = json.loads(table.to_json(orient=orient))
    path = tmp_path / "x.json"
    path.write_text(json.dumps({"data": content} if layout == "data" else content))
    read, rejected = clean(read_file(path, "gap"))
    assert read.targets.tolist() == [1.0, 3.0]
    assert len(rejected) == 1


def test_tables_of_atoms_that_do_not_fit_are_not_read(tmp_path):
    atoms = jarvis_rows()[0]["atoms"]
    path = tmp_path / "x.json"
    for content, reason in (
        ({"columns": ["atoms", "gap", "gap"], "data": [[atoms, 1, 2]]}, "several columns 'gap'"),
        ({"columns": ["atoms", "gap"], "data": [[atoms, 1]], "index": [0, 1]}, "another length"),
        ({"atoms": [atoms, atoms], "gap": [1]}, "different lengths"),
    ):
        path.write_text(json.dumps(content))
        with pytest.raises(InputError, match=reason):
            list(read_file(path, "gap"))
    rows = [[atoms, 1], [atoms, 1, 99], [atoms]]
    path.write_text(json.dumps({"columns": ["atoms", "gap"], "data": rows}))
    table, rejected = clean(read_file(path, "gap"))
    assert (table.targets.tolist(), len(rejected)) == ([1.0], 2)


def test_structures_alone_are_predicted(tmp_path):
    for content in (salts()[0].as_dict(), [salt.as_dict() for salt in salts()], documents()[0],
                    [malformed.jarvis_atoms(salt).to_dict() for salt in salts()]):  # fmt: skip
        (tmp_path / "x.json").write_text(json.dumps(content))
        records = list(read_structures(tmp_path / "x.json"))
        assert len(records) == (len(salts()) if isinstance(content, list) else 1)
        for record, salt in zip(records, salts(), strict=False):
            assert_same(record, salt, 1e-4)


@pytest.mark.parametrize("name", ["t.csv", "t.xlsx", "t.parquet", "t.pkl", "a.cif", "f.xyz.gz"])
def test_other_kinds_of_files_are_named(name, tmp_path):
    (tmp_path / name).write_bytes(b"PK\x03\x04")
    with pytest.raises(InputError, match="is of a kind that is not read with a property"):
        read_file(tmp_path / name, "gap")


@pytest.mark.parametrize("name", ["J.json.GZ", "J.JSON.gz", "J.ZIP", "J.JSONL"])
def test_endings_in_capitals(name, tmp_path):
    content = json.dumps(jarvis_rows()[0]).encode()
    path = tmp_path / name
    if name.endswith("ZIP"):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("J.json", content.join([b"[", b"]"]))
    else:
        path.write_bytes(gzip.compress(content) if name.lower().endswith(".gz") else content)
    assert [record.target for record in read_file(path, "target")] == [1.0]


NAMES_LIKE_NUMBERS = ["001", "1e5", "12e4", "InF", "NaN", "1.10", "1.1", "T", "a b", "_x", "x-1"]


def test_names_in_xyz_files_are_what_is_written(tmp_path):
    """ASE makes numbers, infinities and truths of them."""
    frames = []
    for place, name in enumerate(NAMES_LIKE_NUMBERS):
        atoms = bulk("Cu", a=3.6 + place / 100)
        atoms.info = {"name": name, "gap": 1.5, "note": "gap=2 name=3"}
        frames.append(atoms)
    ase.io.write(tmp_path / "x.extxyz", frames)
    text = (tmp_path / "x.extxyz").read_text()
    records = list(read_file(tmp_path / "x.extxyz", "gap", "name"))
    assert [record.id for record in records] == NAMES_LIKE_NUMBERS, text
    assert [record.target for record in records] == [1.5] * len(frames)


def test_twice_the_same_key_is_refused(tmp_path):
    atoms = bulk("Cu")
    atoms.info = {"gap": 1.5}
    ase.io.write(tmp_path / "x.xyz", atoms, format="extxyz")
    text = (tmp_path / "x.xyz").read_text()
    twice = text.replace("gap=1.5", "gap=1.5 gap=2.5 note=a note=b")
    (tmp_path / "x.xyz").write_text(twice + text.replace("gap=1.5", "gap=1,5"))
    first, second = read_file(tmp_path / "x.xyz", "gap")
    assert first.problem == "frame at line 1 has 'gap' twice"
    assert second.problem == "target '1,5' is not a number"
    row = json.dumps(jarvis_rows()[0])
    (tmp_path / "x.json").write_text(f'[{row[:-1]}, "target": 3}}]')
    with pytest.raises(InputError, match="the key 'target' twice"):
        read_file(tmp_path / "x.json")
    sites = SITES + "a Na 0 0 0\nb Cl .5 .5 .5\n"
    for twice, reason in (
        (PLAIN + sites + sites, "_atom_site_label twice"),
        (PLAIN + "_cell_length_a 5\n" + sites, "_cell_length_a twice"),
    ):
        with pytest.raises(Fault, match=reason):
            read_cif(twice)


def test_a_file_of_two_names_is_read_once(tmp_path):
    (tmp_path / "a.cif").write_text(PLAIN + SITES + "a Na 0 0 0\nb Cl .5 .5 .5\n")
    (tmp_path / "id_prop.csv").write_text("a,1\na.cif,2\n./a.cif,3\n")
    table, rejected = clean(read_file(tmp_path))
    assert table.targets.tolist() == [1.0]
    assert all("was named before, as a" in row.reason for row in rejected)


def test_slabs_need_a_vacuum(tmp_path):
    atoms = bulk("Cu", cubic=True)
    atoms.pbc = (True, True, False)
    atoms.info = {"gap": 1.5}
    for vacuum, reason in ((0.0, "no vacuum of 8"), (12.0, "")):
        slab = atoms.copy()
        slab.cell[2, 2] += vacuum
        ase.io.write(tmp_path / "x.xyz", slab, format="extxyz")
        (record,) = read_file(tmp_path / "x.xyz", "gap")
        assert reason in record.problem and bool(reason) == bool(record.problem)
        lattice = Lattice(slab.cell, pbc=(True, True, False))
        structure = Structure(lattice, slab.get_chemical_symbols(), slab.get_scaled_positions())
        (tmp_path / "x.json").write_text(json.dumps([{"gap": 1, "structure": structure.as_dict()}]))
        (record,) = read_file(tmp_path / "x.json", "gap")
        assert reason in record.problem and bool(reason) == bool(record.problem)


def test_special_positions_of_three_digits(tmp_path):
    """Thirds, and x beside 2x, as experimental CIFs print them."""
    head = "data_x\n_cell_length_a 3.19\n_cell_length_b 3.19\n_cell_length_c 12.3\n" + "".join(
        f"_cell_angle_{name} {angle}\n"
        for name, angle in (("alpha", 90), ("beta", 90), ("gamma", 120))
    )
    named = "_symmetry_space_group_name_H-M 'P 63/m m c'\n_symmetry_Int_Tables_number 194\n"
    sites = SITES + "Mo1 Mo 0.333 0.667 0.25\nS1 S 0.333 0.667 0.621\n"
    assert Counter(read_cif(head + named + sites).elements) == {"Mo": 2, "S": 4}


@pytest.mark.parametrize("label", ["Si/Al1", "Si,Al", "Mg.Fe", "Fe+Mg", "Si(Al)", "Fe0.5Mg0.5"])
def test_labels_of_sites_that_two_elements_share(label):
    text = PLAIN + SITES.replace("_atom_site_type_symbol\n", "") + f"{label} 0 0 0\nO1 .5 .5 .5\n"
    with pytest.raises(Fault, match="is not clear"):
        read_cif(text)


@cache
def operations_of(hall_number: int) -> list[str]:
    """Operations as a CIF lists them, the identity first, from spglib's table."""
    found = spglib.get_symmetry_from_database(hall_number)
    written = [
        SymmOp.from_rotation_and_translation(rotation, shift).as_xyz_str()
        for rotation, shift in zip(found["rotations"], found["translations"], strict=True)
    ]
    return sorted(written, key=lambda operation: operation != "x, y, z")


NAMED = "_symmetry_space_group_name_H-M '{}'\n"
ONE = CELL.replace("length_a 4.2", "length_a 5").replace("length_c 4.2", "length_c 7")
ONE_SITE = SITES + "C1 C .1 .2 .3\n"


def listed(*operations: str) -> str:
    return "loop_\n_symmetry_equiv_pos_as_xyz\n" + "".join(f"'{o}'\n" for o in operations)


OF_P222 = ("x,y,z", "-x,-y,z", "-x,y,-z", "x,-y,-z")


@pytest.mark.parametrize(
    ("name", "operations"),
    [
        ("P m c 21", OF_P222),
        ("P 2 2 2", (*OF_P222[:2], "-x+1/2,y,-z", "x+1/2,-y,-z")),
        ("P 2 2 2", OF_P222[:2]),
        ("P m m m", (*OF_P222, *(o.replace("x", "x+1/2") for o in OF_P222))),
        ("F m -3 m", ("x,y,z",)),
    ],
)
def test_operations_that_are_not_those_of_the_named_group(name, operations):
    text = f"data_x\n{ONE}{NAMED.format(name)}{listed(*operations)}{ONE_SITE}"
    with pytest.raises(Fault, match="other symmetry operations than those of its space group"):
        read_cif(text)


@given(data=st.data())
def test_operations_that_are_no_group(data):
    """One that is lost or misspelt, of any setting: more than half of a group make all of it."""
    operations = operations_of(data.draw(st.integers(1, 530)))
    assume(len(operations) > 2)
    lost = data.draw(st.sampled_from(operations[1:]))
    kept = [operation for operation in operations if operation != lost]
    with pytest.raises(Fault, match="no group: one is missing or misspelt"):
        symmetry_of({"_symmetry_equiv_pos_as_xyz": kept}, np.eye(3))
    assert symmetry_of({"_symmetry_equiv_pos_as_xyz": operations}, np.eye(3)).operations


@pytest.mark.parametrize(
    ("operations", "fault"),
    [
        (("x,y,z", "z,x,y"), "no group"),
        (("x,y,z", "-y,x,z"), "no group"),
        (("x,y,z", "x,y,z1/2"), "not understood"),
        (("x,y,z", "x,y,z+1/0"), "not understood"),
        (("x,y,z", "x,y,2*z"), "not understood"),
        (("x,y,z", "x,y,z/2"), "not understood"),
        (("x,y,z", "x,x,z"), "not understood"),
    ],
)
def test_operations_that_are_none(operations, fault):
    with pytest.raises(Fault, match=fault):
        symmetry_of({"_symmetry_equiv_pos_as_xyz": list(operations)}, np.eye(3))


def test_two_lists_of_operations():
    one, two = ["x,y,z"], ["x,y,z", "-x,-y,-z"]
    tags = {"_symmetry_equiv_pos_as_xyz": one, "_space_group_symop_operation_xyz": two}
    with pytest.raises(Fault, match="twice, and not the same ones"):
        symmetry_of(tags, np.eye(3))
    same = tags | {"_symmetry_equiv_pos_as_xyz": ["-x, -y, -z", "X,Y,Z"]}
    assert len(symmetry_of(same, np.eye(3)).operations) == 2


@pytest.mark.parametrize(
    ("tag", "word"),
    [
        ("_symmetry_space_group_name_h-m_alt", "F m -3 m"),
        ("_space_group_number", "225"),
        ("_symmetry_int_tables_no", "225"),
        ("_space_group_laue_class", "m-3m"),
        ("_parent_space_group_name_h-m_alt", "F m -3 m"),
        ("_layer_group_symbol", "p m m m"),
    ],
)
def test_a_group_under_a_tag_that_is_not_known_is_not_p1(tag, word):
    with pytest.raises(Fault, match=f"{tag} has '{word}', which is not understood"):
        symmetry_of({tag: word}, np.eye(3))
    assert symmetry_of({tag: "P 1"}, np.eye(3)).operations == ["x,y,z"]
    with pytest.raises(Fault, match="says nothing of its symmetry"):
        symmetry_of({tag: "?"}, np.eye(3))
    counted = {"_cell_formula_units_z": "1", "_chemical_formula_sum": "Na Cl"}
    assert symmetry_of({tag: "?"} | counted, np.eye(3)).operations == ["x,y,z"]


def test_a_hall_symbol_that_is_not_understood_is_not_the_usual_setting():
    tags = {
        "_space_group_name_h-m_alt": "P n m a",
        "_space_group_name_hall": "-P 2ac 2n (x,y,z+1/4)",
    }
    with pytest.raises(Fault, match="is not understood"):
        symmetry_of(tags, np.diag([9.0, 10, 11]))


@pytest.mark.parametrize(
    "said",
    [
        NAMED.format("P 2 2 2") + "_symmetry_cell_setting cubic\n",
        NAMED.format("P 1"),
        NAMED.format("P222"),
        NAMED.format("P 2 2 2") + "_symmetry_Int_Tables_number 16\n",
        "",
    ],
)
def test_operations_that_are_listed_are_used(said):
    found = read_cif(f"data_x\n{ONE}{said}{listed(*OF_P222)}{ONE_SITE}")
    assert found.elements == ["C"] * 4


@pytest.mark.parametrize(
    ("name", "n"),
    [("C m m e", 16), ("C m m a", 16), ("C m m b", 16), ("B m a m", 16), ("C m c b", 0),
     ("A e m m", 0), ("C c c a :2", 16), ("C c c a", 0)],
)  # fmt: skip
def test_symbols_with_a_double_glide(name, n):
    text = f"data_x\n{ONE}{NAMED.format(name)}{ONE_SITE}"
    if n:
        assert read_cif(text).elements == ["C"] * n
    else:
        with pytest.raises(Fault, match=r"does not list|is not understood"):
            read_cif(text)


def test_atoms_of_a_long_cell_stay_apart():
    """Two atoms 1.4 Å apart are 0.005 of 300 Å apart."""
    long = CELL.replace("length_c 4.2", "length_c 300")
    sites = SITES + "C1 C 0 0 0.00233\nO1 O .5 .5 .1\n"
    found = read_cif(f"data_x\n{long}{NAMED.format('P -1')}{sites}")
    assert Counter(found.elements) == {"C": 2, "O": 2}


def test_a_text_field_is_no_data_block():
    field = "_x_res_file\n;\nTITL x\ndata_foo\nloop_\n;\n"
    text = f"data_x\n{field}{CELL}{NAMED.format('P 1')}{SITES}a Na 0 0 0\nb Cl .5 .5 .5\n"
    assert read_cif(text).elements == ["Na", "Cl"]


# --- what other tools and hands write beside a structure ---------------------------------------


CUBE = 'Lattice="5 0 0 0 5 0 0 0 5"'
TWO_ATOMS = "Na 0 0 0\nCl 2.5 2.5 2.5\n"


@pytest.mark.parametrize(
    "comment",
    [
        f"{CUBE} pbc=FFF", f'{CUBE} pbc="p p f"', f'{CUBE} pbc="no no no"', f"{CUBE} pbc=none",
        f'{CUBE} PBC="F F F"', f'{CUBE} periodic="F F F"', f'{CUBE} pbc="T T"',
        f'{CUBE} pbc="F F F" pbc="T T T"', f'{CUBE} {CUBE.replace("5", "6")}',
        f"{CUBE} {CUBE.lower()}", f'{CUBE} note="old gap=1',
    ],
)  # fmt: skip
def test_xyz_that_is_in_doubt(tmp_path, comment):
    (tmp_path / "x.xyz").write_text(f"2\n{comment}\n{TWO_ATOMS}")
    with pytest.raises(Fault):
        read_structure(tmp_path / "x.xyz")


@pytest.mark.parametrize(
    "comment",
    [CUBE, CUBE.lower(), f'{CUBE} pbc="1 1 1"', f"{CUBE} pbc=[True,True,True]", f"{CUBE} PBC=T"],
)
def test_xyz_in_other_spellings(tmp_path, comment):
    (tmp_path / "x.xyz").write_text(f"2\n{comment}\n{TWO_ATOMS}")
    read = read_structure(tmp_path / "x.xyz")
    assert (read.elements, np.diag(read.lattice).tolist()) == (["Na", "Cl"], [5, 5, 5])


def test_characters_that_end_a_line_in_python_alone(tmp_path):
    (tmp_path / "x.xyz").write_text(f"2\n{CUBE} note=a\u2028b\x0cc\x85d\n{TWO_ATOMS}")
    assert read_structure(tmp_path / "x.xyz").elements == ["Na", "Cl"]


SALT = "salt\n1.0\n5 0 0\n0 5 0\n0 0 5\nNa Cl\n1 1\nDirect\n0 0 0{0}\n.5 .5 .5{1}\n"


@pytest.mark.parametrize(
    "after",
    [
        "\n" + SALT.format("", ""), "\n0 0 0\n0 0 0\n" + SALT.format("", ""),
        "\n.2 .2 .2\n.3 .3 .3\n.7 .7 .7\n", "\nCartesian\n0 0 0\n",
    ],
)  # fmt: skip
def test_poscar_that_goes_on(tmp_path, after):
    (tmp_path / "x.vasp").write_text(SALT.format("", "") + after)
    with pytest.raises(Fault, match="goes on after its 2 atoms"):
        read_structure(tmp_path / "x.vasp")


@pytest.mark.parametrize(
    "after", ["", "\n\n", "\n0 0 0\n1E-3 0 0\n", "\nCartesian\n0 0 0\n0.1 0 0\n",
              "\n0 0 0\n0 0 0\n\n1\n1.5\n0.0 0.0 0.0 0.0\n" + 6 * "0 0 0\n"]
)  # fmt: skip
def test_poscar_with_velocities(tmp_path, after):
    (tmp_path / "x.vasp").write_text(SALT.format("", "") + after)
    assert read_structure(tmp_path / "x.vasp").elements == ["Na", "Cl"]


@pytest.mark.parametrize("names", [(" Cl1", " Na1"), (" Cl-", " Na+"), (" ! Cl", " ! Na")])
def test_poscar_with_other_names_beside_its_positions(tmp_path, names):
    (tmp_path / "x.vasp").write_text(SALT.format(*names))
    with pytest.raises(Fault, match="names other elements beside its positions"):
        read_structure(tmp_path / "x.vasp")
    (tmp_path / "x.vasp").write_text(SALT.format(*reversed(names)))
    assert read_structure(tmp_path / "x.vasp").elements == ["Na", "Cl"]
    (tmp_path / "x.vasp").write_text(SALT.format(" site A", " site B"))
    assert read_structure(tmp_path / "x.vasp").elements == ["Na", "Cl"]


@pytest.mark.parametrize(
    ("tags", "values", "fault"),
    [
        ("_atom_site_calc_flag", ("d", "dum"), "dummy sites"),
        ("_atom_site_occ", ("1", "0.5"), "partial occupancy"),
        (
            "_atom_site_disorder_assembly\n_atom_site_disorder_group", ("A 1", "A 2"),
            "groups of sites that exclude each other",
        ),
    ],
)  # fmt: skip
def test_cif_sites_that_are_no_whole_atoms(tags, values, fault):
    sites = f"Na1 Na 0 0 0 {values[0]}\nCl1 Cl .5 .5 .5 {values[1]}\n"
    with pytest.raises(Fault, match=fault):
        read_cif(PLAIN + SITES + f"{tags}\n{sites}")


@pytest.mark.parametrize("symbol", ["Na0.5", "Na.5"])
def test_a_fraction_without_a_sign_is_no_charge(symbol):
    with pytest.raises(Fault, match="no known element"):
        read_cif(PLAIN + SITES + f"Na1 {symbol} 0 0 0\nCl1 Cl .5 .5 .5\n")


@pytest.mark.parametrize("pbc", [["F", "F", "F"], "FFF", [1, 1, 1], [True, True]])
def test_periodicity_in_words(tmp_path, pbc):
    content = salts()[0].as_dict()
    content["lattice"]["pbc"] = pbc
    (tmp_path / "x.json").write_text(json.dumps([{"structure": content, "y": 1.0}]))
    table, rejected = clean(read_file(tmp_path / "x.json", "y"))
    assert (len(table), len(rejected)) == (0, 1)


@pytest.mark.parametrize("header", [",file,gap", "index,file,gap", "Unnamed: 0,cif,gap"])
def test_the_index_of_pandas_is_no_name(tmp_path, header):
    for place in range(3):
        (tmp_path / f"{place}.cif").write_text(malformed.SALT.to(fmt="cif"))
    (tmp_path / "id_prop.csv").write_text(f"{header}\n0,2.cif,2.0\n1,0.cif,0.0\n2,1.cif,1.0\n")
    name = header.split(",")[1]
    with pytest.raises(InputError, match=f"column '{name}' names files.* say which one has them"):
        read_file(tmp_path, "gap")
    found = {record.id: record.target for record in read_file(tmp_path, "gap", name)}
    assert found == {"2.cif": 2.0, "0.cif": 0.0, "1.cif": 1.0}


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("ending", ["", ".cif"])
def test_accents_of_file_names_are_written_in_two_ways(form, ending, tmp_path):
    """macOS takes them apart; the table may come from elsewhere, and say one file twice."""
    name = "P\u00e9rovskite \u00c5"
    (tmp_path / f"{unicodedata.normalize(form, name)}.cif").write_text(salts()[0].to(fmt="cif"))
    rows = [unicodedata.normalize(other, name) + ending for other in ("NFC", "NFD")]
    (tmp_path / "id_prop.csv").write_text("".join(f"{row},1.0\n" for row in rows))
    first, second = read_file(tmp_path)
    assert not first.problem
    assert "was named before" in second.problem


def test_files_of_linked_folders_are_inputs(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/a.cif").write_text("")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/id_prop.csv").write_text("s/a,1\n")
    (tmp_path / "mine/s").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere/back").symlink_to(tmp_path / "mine")
    entry = FileDataset.model_construct(path=str(tmp_path / "mine"), test_path=None)
    names = [Path(file).relative_to(tmp_path / "mine").as_posix() for file in entry.local_files]
    assert "s/a.cif" in names
    assert len(names) == len({Path(name).name for name in names}) == 2


@pytest.mark.parametrize("row", ["file;gap", "0.cif;1,5", "0.cif;1.5", "0.cif\t1,5", "0.cif\t1.5"])
@pytest.mark.parametrize("column", [None, "gap"])
def test_other_characters_than_commas(tmp_path, row, column):
    (tmp_path / "0.cif").write_text(malformed.SALT.to(fmt="cif"))
    (tmp_path / "id_prop.csv").write_text(f"{row}\n{row}\n")
    with pytest.raises(InputError, match=r"has (semicolons|tabs) between its cells; write commas"):
        list(read_file(tmp_path, column))


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (gzip.compress(b"2", mtime=0), "is packed; unpack it with gunzip"),
        ("2\n".encode("utf-16"), "is UTF-16; save it as UTF-8"),
    ],
    ids=["packed", "UTF-16"],
)
def test_structures_that_are_no_plain_text(tmp_path, content, fault):
    (tmp_path / "a.cif.gz").write_bytes(content)
    with pytest.raises(Fault, match=fault):
        read_structure(tmp_path / "a.cif.gz")


def test_hidden_files_in_a_zip(tmp_path):
    rows = json.dumps([{"structure": salts()[0].as_dict(), "y": 1.0}])
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("data/x.json", rows)
        archive.writestr("data/._x.json", "")
    assert [record.target for record in read_file(tmp_path / "x.zip", "y")] == [1.0]


def edited(change) -> dict:
    """A structure as pymatgen writes it, with one of its numbers changed."""
    content = json.loads(json.dumps(salts()[0].as_dict()))
    change(content["lattice"], content["sites"])
    return content


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda cell, sites: cell.update(a=1.1 * cell["a"]), "not that of its lengths"),
        (lambda cell, sites: cell.update(gamma=cell["gamma"] + 10), "not that of its lengths"),
        (lambda cell, sites: cell.update(matrix=np.diag([4, 5, 6]).tolist()), "not that of its"),
        (lambda cell, sites: sites[1].update(abc=[0.3, 0.5, 0.5]), "are two places"),
        (lambda cell, sites: sites[0].update(xyz=[1.0, 0.0, 0.0]), "are two places"),
    ],
)
def test_numbers_that_pymatgen_writes_twice(change, fault, tmp_path):
    rows = [{"structure": edited(change), "y": 1.0}]
    (tmp_path / "x.json").write_text(json.dumps(rows))
    (record,) = read_file(tmp_path / "x.json", "y")
    assert fault in record.problem


@pytest.mark.parametrize(
    ("key", "value", "fault"),
    [
        ("abc", None, ""), ("abc", [9.0, 9.0, 9.0], "`lattice_mat` that is not that of its"),
        ("angles", [90.0, 90.0, 60.0], "`lattice_mat` that is not that of its"),
        ("lattice_mat", [[3, 0, 0], [0, 4, 0], [0, 0, 5]], "`lattice_mat` that is not that of its"),
        ("abc", [1.0], "structure cannot be read"),
    ],
)  # fmt: skip
def test_numbers_that_jarvis_writes_twice(key, value, fault, tmp_path):
    atoms = malformed.jarvis_atoms(salts()[0]).to_dict()
    atoms = atoms if value is None else {**atoms, key: value}
    (tmp_path / "x.json").write_text(json.dumps([{"jid": "a", "atoms": atoms, "y": 1.0}]))
    (record,) = read_file(tmp_path / "x.json", "y")
    assert fault in record.problem
    assert bool(fault) == bool(record.problem)


@given(structures(), st.lists(st.integers(-2, 2), min_size=3, max_size=3))
@settings(max_examples=30)
def test_a_site_in_another_cell_is_the_same_place(tmp_path, crystal, cells):
    content = json.loads(json.dumps(crystal.as_dict()))
    content["sites"][0]["abc"] = (np.array(content["sites"][0]["abc"]) + cells).tolist()
    (tmp_path / "x.json").write_text(json.dumps([{"structure": content, "y": 1.0}]))
    (record,) = read_file(tmp_path / "x.json", "y")
    assert not record.problem
    content["sites"][0].pop("xyz")  # `as_dict(verbosity=0)` has none
    (tmp_path / "x.json").write_text(json.dumps([{"structure": content, "y": 1.0}]))
    assert not next(read_file(tmp_path / "x.json", "y")).problem


@pytest.mark.parametrize("line", ["_cell_length_a 5.64 _cell_length_a 6.0", "_cell_length_a 6.0"])
def test_a_tag_of_a_cif_twice_wherever_it_stands(line):
    text = PLAIN + SITES + "Na1 Na 0 0 0\nCl1 Cl .5 .5 .5\n"
    assert read_cif(text + "_x '# _cell_length_a'\n# _cell_length_a 3\n").elements == ["Na", "Cl"]
    with pytest.raises(Fault, match="CIF has _cell_length_a twice; which one is meant"):
        read_cif(text + "_y 1 " + line + "\n")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (Molecule(["C", "O"], [[0, 0, 0], [0, 0, 1.1]]).as_dict(), "is a molecule, which has no"),
        ({"data": [{"attributes": {"cartesian_site_positions": [[0, 0, 0]]}}]}, "OPTIMADE"),
    ],
    ids=["molecule", "OPTIMADE"],
)
def test_what_is_no_table_of_crystals_is_named(tmp_path, content, sentence):
    (tmp_path / "x.json").write_text(json.dumps(content))
    for read in (lambda path: read_file(path, "y"), read_structures):
        with pytest.raises(InputError, match=sentence):
            list(read(tmp_path / "x.json"))


def test_a_molecule_among_crystals_is_a_rejected_row(tmp_path):
    molecule = Molecule(["C", "O"], [[0, 0, 0], [0, 0, 1.1]]).as_dict()
    rows = [{"structure": one, "y": 1.0} for one in (salts()[0].as_dict(), molecule)]
    (tmp_path / "x.json").write_text(json.dumps(rows))
    problems = [record.problem for record in read_file(tmp_path / "x.json", "y")]
    assert problems == ["", "structure is a molecule, which has no lattice"]


def test_rows_on_lines_of_their_own_under_another_name(tmp_path):
    (tmp_path / "x.json").write_text('{"y": 1}\n{"y": 2}\n')
    with pytest.raises(InputError, match=r"call it \.jsonl if each line is a row"):
        read_file(tmp_path / "x.json", "y")

"""What a file says besides its structure is believed or refused, never passed over.

Each case is a sound file with words added; those that are true are read, the others are not.
"""

import json
from pathlib import Path

import pandas as pd
import pytest
from malformed import SALT, jarvis_atoms

from crystal_transfer.bundles.data import read_unlabelled
from crystal_transfer.cli import own
from crystal_transfer.datasets.records import Fault
from crystal_transfer.datasets.sources.cif import read_cif
from crystal_transfer.datasets.sources.file import read_file
from crystal_transfer.datasets.sources.poscar import read_poscar
from crystal_transfer.errors import InputError
from crystal_transfer.experiments.config_files import read_config
from crystal_transfer.models.weights import load_weights

CELL = "".join(f"_cell_length_{a} 4.0\n" for a in "abc") + "".join(
    f"_cell_angle_{a} 90\n" for a in ("alpha", "beta", "gamma")
)  # volume 64 Å^3, of NaCl 1.516 g/cm^3
P1 = "_space_group_name_H-M_alt 'P 1'\n"
SITES = "loop_\n_atom_site_type_symbol\n" + "".join(f"_atom_site_fract_{a}\n" for a in "xyz")


def cif(tags: str = P1, column: str = "", words: tuple[str, str] = ("", "")) -> str:
    named = f"{column}\n" if column else ""
    rows = f"Na 0 0 0 {words[0]}\nCl .5 .5 .5 {words[1]}\n"
    return f"data_x\n{CELL}{tags}{SITES}{named}{rows}"


@pytest.mark.parametrize(
    ("tag", "true", "untrue"),
    [
        ("_cell_formula_units_Z", ["1", "?", "1.0", "0"], ["4", "2", "0.5", "4(0)", "one"]),
        (
            "_cell_volume",
            ["64", "64.2(3)", "64.2(1.2)", "0.0", "?"],
            ["179.4", "64,0", "'64 A^3'", "nan"],
        ),
        (
            "_exptl_crystal_density_diffrn",
            ["1.52", "1.516(2)", "0.000", "."],
            ["2.165", "1,5", "1516"],
        ),
        ("_chemical_formula_sum", ["'Na Cl'", "?"], ["'Na2 Cl'", "'Na K'"]),
    ],
)
def test_what_a_cif_says_of_its_cell(tag, true, untrue):
    for word in true:
        assert read_cif(cif(f"{P1}{tag} {word}\n")).elements == ["Na", "Cl"], word
    for word in untrue:
        with pytest.raises(Fault, match=r"CIF (says|has)"):
            read_cif(cif(f"{P1}{tag} {word}\n"))


@pytest.mark.parametrize(
    ("column", "true", "untrue"),
    [
        (
            "_atom_site_symmetry_multiplicity", [("1", "1"), ("?", "1"), ("0", "1")],
            [("4", "4"), ("4", "?"), ("?", "2"), ("1", "a")],
        ),
        (
            "_atom_site_Wyckoff_symbol", [("a", "a"), ("1a", "1a"), ("?", "1a")],
            [("4a", "4b"), ("4a", "?"), ("4a", "b")],
        ),
        (
            "_atom_site_disorder_group", [(".", "."), ("1", "1"), ("?", "1")],
            [("1", "2"), (".", "-1"), ("-1", "-1")],
        ),
    ],
)  # fmt: skip
def test_what_a_cif_says_of_its_sites(column, true, untrue):
    for words in true:
        assert len(read_cif(cif(P1, column, words)).elements) == 2, words
    for words in untrue:
        with pytest.raises(Fault, match=r"multiplicit|disordered"):
            read_cif(cif(P1, column, words))


def test_shelxl_calls_the_order_of_a_site_its_multiplicity():
    """As OLEX2 does; checkCIF's PLAT700 tells authors so."""
    cell = CELL.replace("gamma 90", "gamma 100")
    rows = "Fe 0 0 0 {}\nO .2 .3 .1 {}\nO .6 .1 .7 {}\n"
    text = f"data_x\n{cell}_space_group_name_H-M_alt 'P -1'\n{SITES}{{}}\n{rows}"
    tag = "_atom_site_symmetry_multiplicity"
    for words in (("1", "2", "2"), ("2", "1", "1")):  # the multiplicities, and the orders
        assert len(read_cif(text.format(tag, *words)).elements) == 5
    with pytest.raises(Fault, match="multiplicities of 3 atoms, but its symmetry gives 5"):
        read_cif(text.format(tag, "1", "1", "1"))


def test_a_cif_without_a_word_on_symmetry_is_not_p1():
    for tags in ("", "_cell_formula_units_Z 1\n", "_chemical_formula_sum 'Na Cl'\n"):
        with pytest.raises(Fault, match="says nothing of its symmetry"):
            read_cif(cif(tags))
    counted = "_chemical_formula_sum 'Na Cl'\n_cell_formula_units_Z 1\n"
    assert len(read_cif(cif(counted)).elements) == 2
    with pytest.raises(Fault, match="Z = 4"):
        read_cif(cif(counted.replace("Z 1", "Z 4")))
    with pytest.raises(Fault, match="says nothing of its symmetry"):  # nor is this a formula
        read_cif(cif(counted.replace("Na Cl", "Na4 Cl4 (halite)")))
    for words in (P1, "_symmetry_Int_Tables_number 225\n"):
        with pytest.raises(Fault, match="symmetry in another data block"):
            read_cif(f"data_global\n{words}{cif('')}")
        note = f"_publ_note\n;\n{words};\n"  # of which a text may speak
        assert len(read_cif(f"data_global\n{note}{cif(counted)}").elements) == 2


@pytest.mark.parametrize(
    "names", [("Cl", ""), ("", "Na"), ("Cl", "Na"), ("# Cl", ""), ("", "! Na1")]
)
def test_a_poscar_names_other_elements_beside_some_positions(names):
    text = "salt\n1.0\n4 0 0\n0 4 0\n0 0 4\nNa Cl\n1 1\nDirect\n0 0 0 {}\n.5 .5 .5 {}\n"
    for said in (("Na", ""), ("A site", "B site"), ("NA", "CL"), ("! In the middle", "Cl1-")):
        assert read_poscar(text.format(*said)).elements == ["Na", "Cl"], said
    with pytest.raises(Fault, match="other elements beside its positions"):
        read_poscar(text.format(*names))


def test_pymatgens_copies_one_by_one(tmp_path):
    def problem(change) -> str:
        content = json.loads(json.dumps(SALT.as_dict()))
        change(content["lattice"], content["sites"])
        (tmp_path / "x.json").write_text(json.dumps([{"structure": content, "y": 1.0}]))
        (record,) = read_file(tmp_path / "x.json", "y")
        return record.problem

    assert problem(lambda cell, sites: cell.pop("gamma")) == ""
    assert problem(lambda cell, sites: sites[1].pop("xyz")) == ""
    assert "lengths and angles" in problem(lambda cell, sites: cell.update(gamma=None, a=9.0))
    assert "`volume`" in problem(lambda cell, sites: cell.update(volume=1000.0))

    def other_place(cell, sites):
        sites[0]["xyz"] = [1.0, 0.0, 0.0]
        del sites[1]["xyz"]

    assert "two places" in problem(other_place)


FRAME = '1\nLattice="3 0 0 0 3 0 0 0 3" Properties=species:S:1:pos:R:3 {}\nCu 0 0 0\n'


@pytest.mark.parametrize(
    "words",
    ["gap=1 234.5 id=a", "gap=-1 .5 id=a", "gap=1.5 meV id=a", "id=a gap=12 GPa", "gap=1 2 id=a"],
)
def test_a_value_of_extended_xyz_is_not_cut_at_a_blank(words, tmp_path):
    sound = FRAME.format("gap=1.5 id=b relaxed")
    (tmp_path / "x.xyz").write_text(FRAME.format(words) + sound)
    first, second = read_file(tmp_path / "x.xyz", "gap", "id")
    assert "behind its 'gap'; write the number alone" in first.problem
    assert (second.problem, second.target) == ("", 1.5)


def test_values_in_two_pairs_of_brackets_and_flags_are_no_rest_of_a_number(tmp_path):
    matrix = "[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]"
    words = f"id=a 2D relaxed gap=1.5 virial={matrix} name=bulk Si 64"
    (tmp_path / "x.xyz").write_text(FRAME.format(words))
    (record,) = read_file(tmp_path / "x.xyz", "gap", "id")
    assert (record.problem, record.id, record.target) == ("", "a", 1.5)


def rows(**structures) -> list[dict]:
    return [{"jid": "a", "gap": 1.0} | structures]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (rows(structure=SALT.as_dict(), atoms=jarvis_atoms(SALT).to_dict()), "two structures"),
        (rows(structure=SALT.as_dict(), final_structure=SALT.as_dict()), "two structures"),
        (
            {"data": rows(atoms=jarvis_atoms(SALT).to_dict()),
             "test": rows(atoms=jarvis_atoms(SALT).to_dict())},
            "rows under 'test', where none are read",
        ),
        (
            {"crystals": rows(structure=SALT.as_dict())},
            "rows under 'crystals', where none are read",
        ),
    ],
)  # fmt: skip
def test_no_structure_and_no_row_is_passed_over(content, fault, tmp_path):
    (tmp_path / "x.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=fault):
        list(read_file(tmp_path / "x.json", "gap"))


@pytest.mark.parametrize("orient", ["split", "columns", "index", "records", "table", "list"])
@pytest.mark.parametrize("write", [dict, json.dumps])
def test_two_structures_in_any_orient(orient, write, tmp_path):
    structure = write(SALT.as_dict())
    frame = pd.DataFrame({"gap": [1.0], "structure": [structure], "final_structure": [structure]})
    text = json.dumps(frame.to_dict("list")) if orient == "list" else frame.to_json(orient=orient)
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(InputError, match="two structures, 'structure' and 'final_structure'"):
        list(read_file(tmp_path / "x.json", "gap"))


def test_steps_beside_the_structure_of_one_row_are_no_rows(tmp_path):
    content = {"structure": SALT.as_dict(), "gap": 1.0, "steps": [{"structure": SALT.as_dict()}]}
    (tmp_path / "x.json").write_text(json.dumps(content))
    (record,) = read_file(tmp_path / "x.json", "gap")
    assert (record.problem, record.target) == ("", 1.0)


def test_the_structure_before_relaxation_is_no_second_one(tmp_path):
    other = SALT.copy()
    other.scale_lattice(200)
    content = rows(structure=SALT.as_dict(), initial_structure=other.as_dict())
    (tmp_path / "x.json").write_text(json.dumps(content))
    (record,) = read_file(tmp_path / "x.json", "gap")
    assert record.lattice[0, 0] == pytest.approx(SALT.lattice.a)


def test_a_row_that_names_a_file_is_no_header(tmp_path):
    (tmp_path / "a.cif").write_text(SALT.to(fmt="cif"))
    (tmp_path / "id_prop.csv").write_text("a.cif,1\na.cif,2\n")
    with pytest.raises(InputError, match=r"its first row names a file, a.cif, so that it is no"):
        read_file(tmp_path, "1")
    (tmp_path / "id_prop.csv").write_text("a,gap\na.cif,2\n")  # a header, by its other cell
    (record,) = read_file(tmp_path, "gap")
    assert (record.problem, record.target) == ("", 2.0)


@pytest.mark.parametrize("name", [".", "a/", "a.cif/", "./", "mine/.."])
def test_names_that_are_none_of_a_file(name, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    for path in (folder / "a.cif", tmp_path / "mine.cif"):
        path.write_text(SALT.to(fmt="cif"))
    (folder / "id_prop.csv").write_text(f"{name},1\n")
    (record,) = read_file(folder)
    assert record.problem


def test_a_column_of_names_for_files_is_refused(tmp_path):
    (tmp_path / "a.cif").write_text(SALT.to(fmt="cif"))
    for path in (tmp_path, tmp_path / "a.cif"):
        with pytest.raises(InputError, match="files have their own names; leave out `id`"):
            read_unlabelled(path, "name")


@pytest.mark.parametrize("name", ["none.xyz", "none.json"])
@pytest.mark.parametrize("id", [None, "name"])
def test_a_file_that_is_not_there_is_said_not_to_be(name, id, tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_unlabelled(tmp_path / name, id)


@pytest.mark.parametrize("name", ["x.xlsx", "x.tar.gz", "x.json.bz2", "x.db", "x.xsf", "x.cif.gz"])
def test_kinds_that_are_not_read_are_named(name, tmp_path):
    (tmp_path / name).write_bytes(b"PK\x03\x04\0")
    with pytest.raises(InputError, match="is of a kind that is not read"):
        read_file(tmp_path / name, "gap")
    with pytest.raises(InputError, match="is of a kind that is not read"):
        read_unlabelled(tmp_path / name, None)


@pytest.mark.parametrize("line", ['{"a": 1', '{"a": 1, "a": 2}'])
def test_the_damaged_line_of_many_is_named(line, tmp_path):
    (tmp_path / "x.jsonl").write_text('{"a": 1}\n\n' + line + '\n{"a": 2}\n')
    with pytest.raises(InputError, match=r"x.jsonl, line 3: is not valid JSON"):
        read_file(tmp_path / "x.jsonl", "a")


@pytest.mark.parametrize("word", ["0123", "-010", "0x10", "0b1", "1:30", "10:00:00", "0:30.5"])
def test_numbers_of_another_base_in_a_config(word, tmp_path):
    (tmp_path / "c.yaml").write_text(f"a:\n  b: [1, {word}]\n")
    with pytest.raises(InputError, match=f"{word} is read as no decimal number"):
        read_config(tmp_path / "c.yaml")
    (tmp_path / "c.yaml").write_text(f"a: '{word}'\nb: [0.5, -0.25, .5, 0, 1.0e-3, 1_000]\n")
    assert read_config(tmp_path / "c.yaml") == {"a": word, "b": [0.5, -0.25, 0.5, 0, 1e-3, 1000]}


@pytest.mark.parametrize(("key", "read"), [("NO", "false"), ("on", "true"), ("1", "1")])
def test_keys_that_yaml_reads_as_something_else(key, read, tmp_path):
    (tmp_path / "c.yaml").write_text(f"a:\n  {key}: 1\n")
    with pytest.raises(InputError, match=f"the key {key} is read as {read}; write '{key}'"):
        read_config(tmp_path / "c.yaml")


def test_two_merges_into_one_mapping(tmp_path):
    (tmp_path / "c.yaml").write_text("a: {<<: {b: 3}, <<: {b: 7}}\n")
    with pytest.raises(InputError, match="the key '<<' occurs twice"):
        read_config(tmp_path / "c.yaml")


def test_text_that_figures_cannot_show(tmp_path):
    (tmp_path / "a.cif").write_text(SALT.to(fmt="cif"))
    (tmp_path / "id_prop.csv").write_text("a.cif,1\n" * 12)
    for target, unit in (("y", "$\\gap$"), ("$\\frac$", "")):
        with pytest.raises(InputError, match="that figures and reports cannot show"):
            own.check(tmp_path, target, None, unit, None)
    # nobody has named the property: the folder's name, or none that would be blamed on the user
    assert own.name_of(Path("gaps.json.gz")) == "gaps"
    assert {own.name_of(Path(name)) for name in ("Bob's data", "+x", ".hidden")} == {"target"}


def test_nobody_is_told_to_unpickle(tmp_path):
    (tmp_path / "x.pt").write_text("no checkpoint")
    with pytest.raises(InputError, match="not a checkpoint that can be read safely") as error:
        load_weights(tmp_path / "x.pt")
    assert "weights_only" not in str(error.value)

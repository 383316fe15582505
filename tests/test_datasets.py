"""Sources, cleaning, splits and scaling: the formats users have, and the ways they break."""

import gzip
import json
import zipfile

import ase.io
import numpy as np
import pandas as pd
import pytest
from ase.build import bulk
from conftest import REAL, real_table
from hypothesis import given, settings
from hypothesis import strategies as st
from matminer.utils.io import load_dataframe_from_json, store_dataframe_as_json
from pymatgen.core import Lattice, Structure

from crystal_transfer.datasets import crystals, imposed, scaling, splits
from crystal_transfer.datasets.cleaning import Rejected, clean, fault, require_enough
from crystal_transfer.datasets.crystals import Record, tabulate
from crystal_transfer.datasets.overlap import equals_of_tested, occurring_in, shared_with
from crystal_transfer.datasets.read import read_dataset
from crystal_transfer.datasets.registry import dataset
from crystal_transfer.datasets.sources.emt import PROPERTIES, read_emt
from crystal_transfer.datasets.sources.file import read_file
from crystal_transfer.datasets.sources.tables import read_table
from crystal_transfer.errors import InputError
from crystal_transfer.files import write_sealed_json

COPPER = {
    "lattice_mat": [[0, 1.8, 1.8], [1.8, 0, 1.8], [1.8, 1.8, 0]],
    "coords": [[0, 0, 0]],
    "elements": ["Cu"],
    "cartesian": False,
}


def row(jid="a", target=1.0, **atoms) -> dict:
    return {"jid": jid, "target": target, "atoms": COPPER | atoms}


def write(path, content):
    path.write_text(json.dumps(content))
    return path


def reasons(path) -> list[str]:
    return [row.reason for row in clean(read_file(path))[1]]


# --- formats ----------------------------------------------------------------------------------


def rock_salts() -> list[Structure]:
    pairs = [("Na", "Cl", 5.64), ("Mg", "O", 4.21), ("K", "F", 5.34)]
    return [
        Structure.from_spacegroup("Fm-3m", Lattice.cubic(a), [x, y], [[0, 0, 0], [0.5] * 3])
        for x, y, a in pairs
    ]


def test_matminer_tables_are_read_as_matminers_own_loader_reads_them(tmp_path):
    frame = pd.DataFrame({"structure": rock_salts(), "last phdos peak": [250.0, 700.0, 330.0]})
    path = tmp_path / "matbench_phonons.json.gz"
    store_dataframe_as_json(frame, str(path), compression="gz")
    theirs = load_dataframe_from_json(str(path))
    ours = list(read_table(path, "last phdos peak"))
    assert [record.target for record in ours] == theirs["last phdos peak"].tolist()
    for record, structure in zip(ours, theirs["structure"], strict=True):
        assert record.elements == [site.specie.symbol for site in structure]
        assert np.allclose(record.lattice, structure.lattice.matrix)
        assert np.allclose(record.coordinates, structure.frac_coords)


def test_oxidation_states_are_stripped_and_disorder_is_rejected(tmp_path):
    charged, disordered = rock_salts()[:2]
    charged.add_oxidation_state_by_element({"Na": 1, "Cl": -1})
    disordered[0] = {"Mg": 0.5, "Ca": 0.5}
    frame = pd.DataFrame({"structure": [charged, disordered], "y": [1.0, 2.0]})
    store_dataframe_as_json(frame, str(tmp_path / "t.json"))
    table, rejected = clean(read_table(tmp_path / "t.json", "y"))
    assert table[0].numbers.tolist() == [11] * 4 + [17] * 4
    assert [r.reason for r in rejected] == ["structure is disordered (partial occupancy)"]


def test_the_band_gap_join(tmp_path):
    gaps = {
        "columns": ["formula", "expt_gap", "likely_mpid"],
        "index": [0, 1, 2, 3],
        "data": [["Cu", 0.5, "mp-1"], ["X", 1.0, None], ["Y", 2.0, "mp-9"], ["Cu", 0.7, "mp-1"]],
    }
    write(tmp_path / "gaps.json", gaps)
    with zipfile.ZipFile(tmp_path / "all_mp.json.zip", "w") as archive:
        archive.writestr("all_mp.json", json.dumps([{"id": "mp-1", "atoms": COPPER}]))
    join = {"key": "likely_mpid", "id": "id", "structures": "jarvis"}
    entry = dataset(
        {"source": "matminer", "column": "expt_gap", "join": join, "files": [
            {"name": "gaps.json", "url": "https://x/gaps.json"},
            {"name": "all_mp.json.zip", "url": "https://x/all_mp.json.zip"},
        ]}, "EBG",
    )  # fmt: skip
    files = [str(tmp_path / "gaps.json"), str(tmp_path / "all_mp.json.zip")]
    table, rejected = clean(read_dataset(entry, files)[0])
    assert table.ids.tolist() == ["0", "3"]
    assert table.targets.tolist() == [0.5, 0.7]
    assert [(r.id, r.reason) for r in rejected] == [("2", "structure mp-9 is not in the source")]


@pytest.mark.parametrize("name", ["d.json", "d.json.gz", "d.json.zip"])
def test_alignn_json_plain_and_packed(tmp_path, name):
    content = json.dumps([row("a", 1.0), row("b", 2.0)]).encode()
    path = tmp_path / name
    if name.endswith("gz"):
        path.write_bytes(gzip.compress(content))
    elif name.endswith("zip"):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("d.json", content)
    else:
        path.write_bytes(content)
    table, rejected = clean(read_file(path))
    assert (table.ids.tolist(), table.targets.tolist(), rejected) == (["a", "b"], [1.0, 2.0], [])


@pytest.mark.parametrize(
    ("name", "format"), [("c.cif", "cif"), ("POSCAR-c", "vasp"), ("c.xyz", "extxyz")]
)
def test_folders_of_structure_files(tmp_path, name, format):
    atoms = bulk("NaCl", "rocksalt", a=5.64)
    ase.io.write(tmp_path / name, atoms, format=format)
    (tmp_path / "id_prop.csv").write_text(f"file,gap\n{name},5.0\n")
    table, rejected = clean(read_file(tmp_path))
    assert rejected == []
    assert sorted(table[0].numbers) == sorted(atoms.numbers)
    assert abs(np.linalg.det(table[0].lattice)) == pytest.approx(atoms.get_volume(), rel=1e-4)


def test_pandas_columns_layout(tmp_path):
    structures = {str(i): s.as_dict() for i, s in enumerate(rock_salts())}
    content = {"structure": structures, "y": {"0": 1.0, "1": 2.0, "2": None}}
    table, rejected = clean(read_file(write(tmp_path / "t.json", content), "y"))
    assert table.targets.tolist() == [1.0, 2.0]
    assert rejected[0].reason == "target is missing or not finite"


def test_real_files(tmp_path):
    if not REAL.is_dir():
        pytest.skip(f"needs real crystals: {REAL}")
    table, rejected = clean(read_file(REAL / "jarvis2d.json.gz"))
    assert len(table) + len(rejected) == 993
    assert table.cartesian.all()
    crystals.save(table, tmp_path / "t.npz")
    again = crystals.load(tmp_path / "t.npz")
    assert np.array_equal(again.coordinates, table.coordinates)


# --- broken input -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"  \n", "is empty"),
        (b'[{"jid": 1, ', "is not valid JSON"),
        (b"\xff\xfe\x00", "is not valid JSON"),
        (b"[]", "is not a list of rows"),
        (b"[1, 2]", "is not a list of rows"),
        (b'[{"jid": 1, "atoms": {}}]', "no row has the key 'target'"),
        (b'{"a": 1}', "name the property's column"),
    ],
)
def test_files_that_are_no_data(tmp_path, content, message):
    path = tmp_path / "d.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as error:
        clean(read_file(path))
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_gzip_that_is_cut_off(tmp_path):
    path = tmp_path / "d.json.gz"
    path.write_bytes(gzip.compress(json.dumps([row()] * 50).encode())[:-20])
    with pytest.raises(InputError, match="cannot be unpacked"):
        read_file(path)


def test_no_such_file():
    with pytest.raises(InputError, match="no such file"):
        read_file("nowhere.json")


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (row(target=float("nan")), "target is missing or not finite"),
        (row(target=None), "target is missing or not finite"),
        (row(target="na"), "target is missing or not finite"),
        (row(elements=[], coords=[]), "structure has no atoms"),
        (row(elements=["Xx"]), "unknown element Xx"),
        (
            row(lattice_mat=[[1, 0, 0], [2, 0, 0], [0, 0, 1]]),
            "cell volume is 0 Å^3, too small",
        ),
        (row(lattice_mat=[[0, 0, 0]] * 3), "cell volume is 0 Å^3, too small"),
        (row(coords=[[0, 0, float("inf")]]), "structure has a coordinate that is not finite"),
        (row(elements=["Cu", "Cu"]), "structure has arrays of the wrong shape"),
        (
            row(elements=["Cu"] * 2, coords=[[0, 0, 0], [0.05, 0, 0]]),
            "atoms closer than 0.5 Å (0.13 Å)",
        ),
        (
            row(lattice_mat=(np.eye(3) * 20).tolist()),
            "isolated atom: no neighbour within 8.0 Å",
        ),
        ({"jid": "a", "target": 1.0, "atoms": None}, "structure cannot be read"),
        ({"jid": "a", "target": 1.0}, "structure cannot be read"),
    ],
)
def test_broken_rows_are_listed_with_the_reason(tmp_path, broken, reason):
    path = write(tmp_path / "d.json", [row("good"), broken])
    table, rejected = clean(read_file(path))
    assert table.ids.tolist() == ["good"]
    assert rejected[0].reason.startswith(reason)


def test_duplicate_ids_keep_the_first(tmp_path):
    path = write(tmp_path / "d.json", [row("a", 1.0), row("a", 2.0)])
    table, rejected = clean(read_file(path))
    assert table.targets.tolist() == [1.0]
    assert rejected == [("a", "id occurs before")]


def test_a_table_that_names_a_missing_file(tmp_path):
    ase.io.write(tmp_path / "there.cif", bulk("Cu"))
    (tmp_path / "damaged.cif").write_text("data_x\n_cell_length_a oops\n")
    (tmp_path / "empty.cif").write_text("")
    names = "there.cif,1\nmissing.cif,2\ndamaged.cif,3\nempty.cif,4\nthere\n"
    (tmp_path / "id_prop.csv").write_text(names)
    assert [reason.split(" (")[0] for reason in reasons(tmp_path)] == [
        "file missing.cif named in id_prop.csv does not exist",
        "CIF has no fractional coordinates",
        "file empty.cif is empty",
        "line 5 of id_prop.csv has no value",
    ]


def test_folder_without_table_or_rows(tmp_path):
    with pytest.raises(InputError, match=r"id_prop\.csv: missing"):
        list(read_file(tmp_path))
    (tmp_path / "id_prop.csv").write_text("\n")
    with pytest.raises(InputError, match="is empty"):
        list(read_file(tmp_path))


def test_a_large_cell(tmp_path):
    atoms = bulk("Cu", cubic=True).repeat((4, 4, 7))[:444]
    large = {
        "lattice_mat": atoms.cell.tolist(),
        "coords": atoms.positions.tolist(),
        "elements": atoms.get_chemical_symbols(),
        "cartesian": True,
    }
    path = write(tmp_path / "d.json", [{"jid": "large", "target": 1.0, "atoms": large}])
    table, rejected = clean(read_file(path))
    assert len(table[0].numbers) == 444
    assert rejected == []


def test_too_many_rejected():
    rejected = [Rejected(f"r{i}", "target is missing or not finite") for i in range(6)]
    require_enough(95, rejected[:5], 0.05, "X")
    with pytest.raises(InputError, match=r"6 of 100 rows were rejected.*r0 \(target is missing"):
        require_enough(94, rejected, 0.05, "X")
    with pytest.raises(InputError, match="and 1 more"):
        require_enough(0, rejected, 1.0, "X")
    with pytest.raises(InputError, match="none of its 3 rows"):
        require_enough(0, rejected[:3], 1.0, "X")
    with pytest.raises(InputError, match="allows"):
        require_enough(94, rejected, float("nan"), "X")


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(atoms=json_values, target=json_values, key=st.sampled_from(list(COPPER)), value=json_values)
@settings(max_examples=200)
def test_no_row_whatever_crashes_the_reader(tmp_path_factory, atoms, target, key, value):
    path = tmp_path_factory.mktemp("any") / "d.json"
    rows = [
        row("good"),
        {"jid": "atoms", "target": 1.0, "atoms": atoms},
        {"jid": "target", "target": target, "atoms": COPPER},
        row("key", **{key: value}),
    ]
    write(path, rows)
    table, rejected = clean(read_file(path))
    assert "good" in table.ids
    assert len(table) + len(rejected) == 4


# --- splits and scaling -----------------------------------------------------------------------

IDS = [f"c{i}" for i in range(100)]


def test_a_split_is_fixed_and_complete():
    split = splits.split("PH", IDS, 0.1, seed=0)
    assert len(split.test) == 10
    assert sorted([*split.test, *split.pool]) == sorted(IDS)
    assert split == splits.split("PH", IDS, 0.1, seed=0)
    assert split.test != splits.split("DC", IDS, 0.1, seed=0).test
    assert split.test != splits.split("PH", IDS, 0.1, seed=1).test


@given(size=st.integers(3, 90), trial=st.integers(1, 9))
def test_samples_are_distinct_and_never_tested_on(size, trial):
    split = splits.split("PH", IDS, 0.1, seed=0)
    sample = splits.draw(split, size, trial)
    assert len(set(sample)) == size
    assert not set(sample) & set(split.test)
    assert sample == splits.draw(split, size, trial)
    training, validation = splits.train_and_validation(sample)
    assert training + validation == sample
    assert len(validation) == max(1, round(0.1 * size))


def test_the_pt_size_of_pz_is_all_of_pz():
    # Devi et al.: 941 crystals of which 847 are trained on; `shared` data have these 847
    assert splits.pool_share(941, 0.1) == 847


def test_imposed_samples(tmp_path):
    content = {"ph": {"1": {"10": [f"c{i}" for i in range(10)]}}}
    path = tmp_path / "trials.json.gz"
    path.write_bytes(gzip.compress(json.dumps(content).encode()))
    samples = imposed.samples_of(path, "PH")
    split = splits.split("PH", IDS, 0.1, 0, samples=samples)
    sample = splits.sample_of(split, 10, 1, "random", {})
    assert sample == IDS[:10]
    assert splits.tested(split, sample) == IDS[10:]
    fixed = splits.split("PH", IDS, 0.1, 0, ["c50"], samples)
    assert splits.tested(fixed, sample) == ["c50"]
    with pytest.raises(InputError, match="none of size 20 for trial 1"):
        splits.sample_of(split, 20, 1, "random", {})
    with pytest.raises(InputError, match="name crystal 'c9'"):
        splits.split("PH", IDS[:9], 0.1, 0, samples=samples)
    with pytest.raises(InputError, match="in an imposed sample and in the imposed test set"):
        splits.split("PH", IDS, 0.1, 0, ["c3"], samples)
    with pytest.raises(InputError, match="the imposed test set has crystal 'c50' twice"):
        splits.split("PH", IDS, 0.1, 0, ["c50", "c51", "c50"], samples)
    twice = {"1": {"4": ["c1", "c2", "c3", "c1"]}}
    with pytest.raises(InputError, match="imposed sample 4 of trial 1 has crystal 'c1' twice"):
        splits.split("PH", IDS, 0.1, 0, samples=twice)
    assert imposed.samples_of(path, "DC") is None
    with pytest.raises(InputError, match="says nothing of dataset DC"):
        imposed.samples_of(path, "DC", required=True)
    short = {"1": {"7": IDS[:6]}}
    with pytest.raises(InputError, match="imposed sample 7 of trial 1 has 6 crystals"):
        splits.split("PH", IDS, 0.1, 0, samples=short)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "is not of the form"),
        ({"PH": []}, "PH: .* is not a mapping"),
        ({"PH": {"1": ["c1"]}}, "PH.1: .* is not a mapping"),
        ({"PH": {"1": {"5": 5}}}, "PH.1.5: 5 is not a list"),
        ({"PH": {"1": {"5": "c1"}}}, "PH.1.5: 'c1' is not a list"),
        ({"PH": {"1": {"5": [[]]}}}, "PH.1.5.0"),
        ({"PH": {}}, "has nothing for dataset PH"),
        ({"PH": {"1": {}}, " ph": {"1": {}}}, "has dataset PH 2 times"),
    ],
)
def test_samples_of_another_form(tmp_path, content, message):
    path = tmp_path / "trials.json"
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=message) as caught:
        imposed.samples_of(path, "PH")
    assert "\n" not in str(caught.value)


def test_the_published_samples_are_read_whole():
    path = REAL.parents[1] / "reference/trials.json.gz"
    if not path.exists():
        pytest.skip("needs ../shared")
    for code in ("GV", "PH", "FE", "BG", "PZ", "DC", "EBG"):
        samples = imposed.samples_of(path, code, required=True)
        assert samples
        assert all(samples.values())
        assert all(
            len(ids) == int(size) for sizes in samples.values() for size, ids in sizes.items()
        )


def test_a_test_file_and_an_imposed_test_set(tmp_path):
    own, file = tmp_path / "own.json", tmp_path / "test_ids.json"
    file.write_text(json.dumps({"PH": ["c1", 2]}))
    for noted, code, expected in (
        (None, "PH", ["c1", 2]), (["test-a"], "DC", ["test-a"]), (None, "DC", None),
    ):  # fmt: skip
        write_sealed_json(own, noted)
        assert imposed.test_ids_of(own, [file], code) == expected
    write_sealed_json(own, ["test-a"])
    assert imposed.test_ids_of(own, [file], "DC", required=True) == ["test-a"]
    with pytest.raises(InputError, match="has one of its own in its `test_path`"):
        imposed.test_ids_of(own, [file], "PH")
    file.write_text(json.dumps({"PH": "c1"}))
    write_sealed_json(own, None)
    with pytest.raises(InputError, match="PH: 'c1' is not a list"):
        imposed.test_ids_of(own, [file], "PH")


def test_imposed_test_set():
    with pytest.raises(InputError, match=r"names crystal 'rejected' \(1 of 3\)"):
        splits.split("PH", IDS, 0.1, 0, ["c5", "c7", "rejected"])
    split = splits.split("PH", IDS, 0.1, 0, ["c5", "c7"])
    assert split.test == ["c5", "c7"]
    assert len(split.pool) == 98


def test_equals_of_test_crystals_are_not_drawn():
    table = tabulate(c for c in real_table("ph"))
    twin = table[3]._replace(id="twin", target=0.0, lattice=1.01 * table[3].lattice)
    table = tabulate([*table, twin])
    split = splits.split("PH", table.ids.tolist(), 0.2, 0, [table[3].id, table[9].id])
    equal = equals_of_tested(table, set(split.test))
    assert "twin" in equal
    rest = splits.without(split, equal)
    assert rest.test == split.test
    assert set(rest.pool) == set(split.pool) - equal
    assert "twin" not in splits.draw(rest, len(rest.pool), 1)


def test_a_separate_test_file(tmp_path):
    files = [write(tmp_path / name, [row("a"), row("b")]) for name in ("train.json", "test.json")]
    content = {"source": "file", "path": str(files[0]), "test_path": str(files[1])}
    entry = dataset(content, "MINE")
    records, test_ids = read_dataset(entry, [])
    assert clean(records)[0].ids.tolist() == ["a", "b", "test-a", "test-b"]
    assert test_ids == ["test-a", "test-b"]
    write(files[0], [row("test-a"), row("b")])
    with pytest.raises(InputError, match="row 'test-a' is named as 'a' of"):
        clean(read_dataset(entry, [])[0])


@given(st.lists(st.floats(-1e6, 1e6), min_size=2), st.floats(-1e6, 1e6))
def test_scaling_goes_back(targets, value):
    apart = max(targets) - min(targets)
    if apart < 1e-30 or apart <= 1e-9 * max(map(abs, targets)):
        with pytest.raises(InputError, match=r"all targets equal|whose square is too small"):
            scaling.fit(targets, "X")
        return
    scaler = scaling.fit(targets, "X")
    scaled = scaler.scale(np.array(targets))
    assert scaled.min() >= -1 - 1e-6
    assert scaled.max() <= 1 + 1e-6
    span = scaler.maximum - scaler.minimum
    if span > 1e-3:
        assert scaler.restore(scaler.scale(value)) == pytest.approx(
            value, abs=1e-6 * (1 + abs(value))
        )


def test_imposed_ranges(tmp_path):
    path = tmp_path / "ranges.csv"
    path.write_text("dataset,raw_min,raw_max\nPH,59.5,3643.7\nDC,3,2\n")
    assert imposed.range_of_dataset(path, "PH") == scaling.Scaler(59.5, 3643.7)
    assert imposed.range_of_dataset(path, "GV") is None
    with pytest.raises(InputError, match="line 3"):
        imposed.range_of_dataset(path, "DC")
    with pytest.raises(InputError, match="has no range for dataset GV"):
        imposed.range_of_dataset(path, "GV", required=True)
    for text, message in (
        ("dataset,raw_min,raw_max\n ph ,1,2\nPH,1,3\n", "has dataset PH 2 times"),
        ("dataset,raw_min,raw_max\nPH,1,inf\n", "line 2: not a range"),
        ("dataset,raw_min,raw_max\nPH,1\n", "line 2: has 2 cells instead of 3"),
        ("dataset,raw_min,raw_max\nPH,1_0,20\n", "line 2: not a range"),
        ("dataset,raw_min,raw_max,raw_max\nPH,0,1,5\n", "has several columns 'raw_max'"),
        ("dataset;raw_min\n", "has no column 'dataset'"),
        ("", "has no column 'dataset'"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=message):
            imposed.range_of_dataset(path, "PH")
    path.write_bytes(b"dataset,raw_min,raw_max\n\xff,1,2\n")
    with pytest.raises(InputError, match="line 2: is not UTF-8 text"):
        imposed.range_of_dataset(path, "PH")
    path.write_text("\ufeffdataset,raw_min,raw_max\n ph ,1,2\n")
    assert imposed.range_of_dataset(path, "PH") == scaling.Scaler(1, 2)


# --- the demo's physics -----------------------------------------------------------------------


def test_emt_properties_of_copper():
    from ase.calculators.emt import EMT

    from crystal_transfer.datasets.sources.emt import relaxed

    copper = bulk("Cu", cubic=True)
    copper.calc = EMT()
    copper = relaxed(copper)
    # experiment: 3.61 Å, 137 GPa, 48 GPa (Voigt 54)
    assert copper.cell[0, 0] == pytest.approx(3.6, abs=0.05)
    assert PROPERTIES["formation_energy"](copper) == pytest.approx(0, abs=1e-4)
    assert PROPERTIES["bulk_modulus"](copper) == pytest.approx(137, rel=0.1)
    assert PROPERTIES["shear_modulus"](copper) == pytest.approx(54, rel=0.25)
    # X point, longitudinal: 7.2 THz = 240/cm
    assert PROPERTIES["highest_frequency"](copper) == pytest.approx(240, rel=0.2)


def test_emt_datasets_are_reproducible_and_distinct():
    one, two = list(read_emt("bulk_modulus", 12, 3)), list(read_emt("bulk_modulus", 12, 3, 2))
    assert [r.id for r in one] == [r.id for r in two]
    assert [r.target for r in one] == pytest.approx([r.target for r in two])
    assert len({round(r.target, 9) for r in one}) > 9
    with pytest.raises(InputError, match="EMT has no property 'hardness'"):
        list(read_emt("hardness", 12, 3))


def test_overlap_finds_a_crystal_in_another_cell():
    salt, magnesia, _ = rock_salts()
    records = [
        Record(name, 1.0, [s.specie.symbol for s in found], found.lattice.matrix, found.frac_coords)
        for name, found in (("super", salt * (2, 1, 1)), ("other", magnesia))
    ]
    primitive = salt.get_primitive_structure()
    same = Record(
        "p", 1.0, [s.specie.symbol for s in primitive], primitive.lattice.matrix,
        primitive.frac_coords,
    )  # fmt: skip
    assert not any(map(fault, [*records, same]))
    tested = list(clean([same])[0])
    table = clean(records)[0]
    assert occurring_in(table, tested) == ["super"]
    assert shared_with(clean([same])[0], table) == {"p": ["super"]}
    assert shared_with(table, clean([same])[0]) == {"super": ["p"]}

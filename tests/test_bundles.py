"""A model for one's own crystals: made, interrupted, copied, damaged, and asked."""

import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import ase.io
import numpy as np
import pandas as pd
import psutil
import pytest
import torch
from ase import Atoms
from conftest import ROOT, fresh_copy, snakemake
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.io.ase import AseAtomsAdaptor
from runs import SCRATCH, SETTINGS, outputs, prepare

from crystal_transfer.bundles.begin import begin, settle
from crystal_transfer.bundles.bundle import load_bundle, sealed
from crystal_transfer.bundles.check import summarise
from crystal_transfer.bundles.comparison import BLEND, NETWORK, out_of_fold, score, verdict
from crystal_transfer.bundles.data import (
    Crystals,
    read_labelled,
    read_unlabelled,
    without_known,
)
from crystal_transfer.bundles.domain import Domain
from crystal_transfer.bundles.finetune import finetune, training_batches
from crystal_transfer.bundles.folds import folds_of, groups_of, said_of_folds
from crystal_transfer.bundles.intervals import Calibration, factor
from crystal_transfer.bundles.member import robust_scaler, training_rows
from crystal_transfer.bundles.names import published
from crystal_transfer.bundles.paths import DESCRIPTION, LOCK, TEST
from crystal_transfer.bundles.plan import Options, Part, part_of, parts_of, plan_of
from crystal_transfer.bundles.predict import csv_of, outputs_of, predict_bundle
from crystal_transfer.bundles.report import test_values as values_of_test
from crystal_transfer.bundles.sources import MIRROR, downloaded, find_source
from crystal_transfer.bundles.work import Work
from crystal_transfer.datasets.cells import in_primitive_cells
from crystal_transfer.datasets.crystals import tabulate
from crystal_transfer.errors import InputError
from crystal_transfer.models.saved import load_model, save_model
from crystal_transfer.models.sizes import AlignnSizes
from crystal_transfer.processes import usable_cores
from crystal_transfer.species import ATOMIC_NUMBERS
from crystal_transfer.training.interruption import only_one
from crystal_transfer.training.run import train

OPTIONS = Options("energy", "eV/atom", strategy="all_new_head", folds=3, group_by="none", epochs=2)


def command(*arguments: str | Path, check: bool = True, **options) -> subprocess.CompletedProcess:
    done = subprocess.run(
        [sys.executable, "-m", "crystal_transfer.cli", *map(str, arguments)],
        capture_output=True, text=True, **options,
    )  # fmt: skip
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def source(alloys, tmp_path_factory) -> Path:
    """A small network to start from, as a run of a study leaves it."""
    folder = tmp_path_factory.mktemp("source")
    result = outputs(folder / "run")
    train(SCRATCH, prepare(alloys, folder / "data"), result, SETTINGS)
    return Path(result.model)


@pytest.fixture(scope="module")
def options(source) -> Options:
    return Options(**{**vars(OPTIONS), "source": str(source)})


@pytest.fixture(scope="module")
def folder(alloys, options, tmp_path_factory) -> Path:
    """A finished bundle of thirty alloys; ten are left to predict."""
    folder = tmp_path_factory.mktemp("bundle") / "model"
    finetune(Crystals(first(alloys, 30), []), options, folder, 2, last(alloys, 10))
    return folder


def first(table, n):
    return tabulate(table[row] for row in range(n))


def last(table, n):
    return tabulate(table[row] for row in range(len(table) - n, len(table)))


def atoms_of(crystal) -> Atoms:
    return Atoms(crystal.numbers, cell=crystal.lattice, pbc=True,
                 **{"positions" if crystal.cartesian else "scaled_positions":
                    crystal.coordinates})  # fmt: skip


# --- what a bundle is ----------------------------------------------------------------------------


def test_a_bundle_has_what_it_promises(folder):
    names = {path.name for path in folder.iterdir()}
    files = {
        "member_1.safetensors", "member_2.safetensors", "member_3.safetensors", "model.json",
        "training.npz", "README.md", "report.html", "out_of_fold.csv", "splits.json",
        "rejected.csv", "baselines.csv", "test.csv",
    }  # fmt: skip
    with_source = load_bundle(folder).verdict.baseline == "ridge"
    assert names == files | ({"source.safetensors"} if with_source else set())
    content = json.loads((folder / DESCRIPTION).read_text())
    assert content["files"].keys() == names - {DESCRIPTION}
    assert set(pd.read_csv(folder / "baselines.csv")["model"]) == {
        "network", "blend", "median", "forest", "kernel", "ridge"
    }  # fmt: skip
    report = (folder / "report.html").read_text()
    assert report.count("data:image/png;base64") == 6
    assert "On 10 test crystals" in report


def test_out_of_fold_is_out_of_fold(folder, alloys):
    """Each crystal is predicted by the one member that was not trained on it."""
    bundle, table = load_bundle(folder), first(alloys, 30)
    splits = json.loads((folder / "splits.json").read_text())
    shown = pd.read_csv(folder / "out_of_fold.csv", dtype={"id": str}).set_index("id")
    every = outputs_of(bundle.members, in_primitive_cells(table)).predictions
    place = {id: row for row, id in enumerate(table.ids.tolist())}
    assert sorted(id for ids in splits.values() for id in ids) == sorted(table.ids.tolist())
    for fold, ids in enumerate(splits.values()):
        rows = [place[id] for id in ids]
        assert np.allclose(shown.loc[ids, "network"], every[fold, rows], rtol=0, atol=1e-6)
        others = every[(fold + 1) % 3, rows]
        assert not np.allclose(shown.loc[ids, "network"], others, rtol=0, atol=1e-6)


def test_a_copy_predicts_the_same_elsewhere(folder, alloys, tmp_path):
    shutil.copytree(folder, tmp_path / "copy")
    (tmp_path / "new").mkdir()
    for place, crystal in enumerate(last(alloys, 10)):
        ase.io.write(tmp_path / "new" / f"{place}.vasp", atoms_of(crystal), direct=True)
    (tmp_path / "new/broken.cif").write_text("data_x\n_cell_length_a ?\n")
    done = command("predict", "copy", "new", "-o", "out.csv", "--threads", "1", cwd=tmp_path)
    assert "left out: broken.cif" in done.stdout
    assert list(pd.read_csv(tmp_path / "out.rejected.csv")["id"]) == ["broken.cif"]
    found = pd.read_csv(tmp_path / "out.csv")
    here = predict_bundle(load_bundle(folder), last(alloys, 10))
    assert list(found["id"]) == [f"{place}.vasp" for place in range(10)]
    assert np.allclose(found["prediction"], here["prediction"], rtol=0, atol=1e-5)
    again = command("predict", "copy", "new", "-o", "again.csv", "--threads", "2", cwd=tmp_path)
    assert again.returncode == 0
    pd.testing.assert_frame_equal(found, pd.read_csv(tmp_path / "again.csv"), rtol=0, atol=1e-6)


def test_the_best_can_answer(folder, alloys):
    bundle, new = load_bundle(folder), last(alloys, 10)
    baseline, network, blend = (
        predict_bundle(bundle, new, model=name)["prediction"]
        for name in (bundle.verdict.baseline, NETWORK, BLEND)
    )
    assert np.isfinite(baseline).all()
    assert not np.allclose(baseline, network)
    assert np.allclose(blend, (network + baseline) / 2)
    scores = {score.model: score.mae for score in bundle.scores}
    assert bundle.best == min(scores, key=scores.get)
    expected = np.abs(bundle.training.calibration(BLEND).residuals).mean()
    assert scores[BLEND] == pytest.approx(expected)


def test_a_level_is_a_width(folder, alloys):
    bundle, new = load_bundle(folder), last(alloys, 10)
    widths = [
        (found["upper"] - found["lower"]).to_numpy()
        for found in (predict_bundle(bundle, new, level) for level in (0.5, 0.8))
    ]
    assert (widths[0] < widths[1]).all()
    # 30 residuals cannot tell where 999 of 1,000 lie
    assert np.isinf(predict_bundle(bundle, new, 0.999)["upper"]).all()


def test_unseen_elements_are_flagged(folder, alloys):
    strange = alloys[0]._replace(numbers=np.full_like(alloys[0].numbers, ATOMIC_NUMBERS["U"]))
    found = predict_bundle(load_bundle(folder), tabulate([strange, alloys[0]]))
    assert list(found["unseen_elements"]) == ["U", ""]
    assert list(found["in_domain"]) == [False, True]
    assert found["nearest"][1] == alloys[0].id
    assert found["distance"][1] < 1e-3


def test_features_are_written(folder, source, alloys, tmp_path):
    ase.io.write(tmp_path / "some.extxyz", [atoms_of(crystal) for crystal in last(alloys, 4)])
    for model, width in ((folder, 48), (source, 16)):
        command(
            "embed", model, tmp_path / "some.extxyz", "-o", tmp_path / "x.npz", "--threads", "1"
        )
        with np.load(tmp_path / "x.npz") as arrays:
            assert arrays["features"].shape == (4, width)
            assert list(arrays["ids"]) == [f"frame {place}" for place in range(4)]


# --- faults --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["member_2.safetensors", "training.npz"])
def test_a_damaged_bundle_is_refused(folder, tmp_path, name):
    shutil.copytree(folder, tmp_path / "copy")
    content = bytearray((tmp_path / "copy" / name).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "copy" / name).write_bytes(content)
    with pytest.raises(InputError, match=f"{name}: is damaged"):
        load_bundle(tmp_path / "copy")
    (tmp_path / "copy" / name).unlink()
    with pytest.raises(InputError, match=f"{name}: is missing"):
        load_bundle(tmp_path / "copy")


@pytest.mark.parametrize("part", ["seed", "folds", "mae", "baseline"])
def test_an_edited_description_is_refused(folder, tmp_path, part):
    shutil.copytree(folder, tmp_path / "copy")
    content = json.loads((tmp_path / "copy" / DESCRIPTION).read_text())
    match part:
        case "mae":
            content["scores"][0]["mae"] = 0
        case "baseline":
            content["verdict"]["baseline"] = "median"
        case _:
            content["plan"][part] += 1
    (tmp_path / "copy" / DESCRIPTION).write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"model\.json: is damaged or was edited"):
        load_bundle(tmp_path / "copy")


def test_a_newer_bundle_is_refused(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "copy")
    content = json.loads((tmp_path / "copy" / DESCRIPTION).read_text())
    (tmp_path / "copy" / DESCRIPTION).write_text(
        json.dumps(content | {"format": 99, "version": "9.9"})
    )
    with pytest.raises(InputError, match=r"version 9\.9.*update"):
        load_bundle(tmp_path / "copy")


@given(data=st.data())
@settings(max_examples=40)
def test_any_description_gives_a_bundle_or_a_sentence(folder, tmp_path_factory, data):
    content = json.loads((folder / DESCRIPTION).read_text())
    key = data.draw(st.sampled_from(sorted(content)))
    value = data.draw(
        st.none() | st.text(max_size=3) | st.integers() | st.lists(st.none(), max_size=2)
        | st.dictionaries(st.text(max_size=3), st.none(), max_size=2)
    )  # fmt: skip
    copy = tmp_path_factory.mktemp("copy")
    for path in folder.iterdir():
        (copy / path.name).symlink_to(path)
    (copy / DESCRIPTION).unlink()
    (copy / DESCRIPTION).write_text(json.dumps(sealed(content | {key: value})))
    try:
        load_bundle(copy)
    except InputError as error:
        assert str(copy) in str(error)


def test_results_are_not_written_over_the_crystals(folder, tmp_path):
    crystals = tmp_path / "new.xyz"
    crystals.write_text("")
    for output, fault in (
        (crystals, "has the crystals to read"),
        (tmp_path, "is a folder; name a file in it"),
        (crystals / "out.csv", "new.xyz is a file, so nothing can lie in it"),
    ):
        done = command("predict", folder, crystals, "-o", output, check=False)
        assert fault in done.stderr
        assert "Traceback" not in done.stderr


def test_no_model_is_no_model(tmp_path):
    done = command("predict", tmp_path, tmp_path, "-o", tmp_path / "out.csv", check=False)
    assert done.returncode == 1
    assert done.stderr == (
        f"error: {tmp_path}: has no model.json, so it is no model; give the folder that "
        "`crystal-transfer finetune` wrote.\n"
    )
    assert not (tmp_path / "out.csv").exists()


def test_a_folder_of_something_else_is_left_alone(alloys, options, tmp_path):
    (tmp_path / "work").mkdir()
    (tmp_path / "work/thesis.tex").write_text("mine")
    with pytest.raises(InputError, match="is not empty"):
        finetune(Crystals(first(alloys, 30), []), options, tmp_path)
    assert (tmp_path / "work/thesis.tex").read_text() == "mine"


def test_test_crystals_are_not_among_those_to_train_on(alloys, options, folder, tmp_path):
    crystals = Crystals(first(alloys, 30), [])
    with pytest.raises(InputError, match=r"is among the crystals to train on \(5 of 5 are\)"):
        finetune(crystals, options, tmp_path / "m", test=first(alloys, 5))
    found = without_known(Crystals(tabulate([alloys[0], alloys[39]]), []), crystals.table)
    assert found.table.ids.tolist() == [alloys[39].id]
    assert [row.reason for row in found.rejected] == ["same structure as a crystal to train on"]
    with pytest.raises(InputError, match="is finished, and was not tested on these crystals"):
        finetune(crystals, options, folder, test=last(alloys, 3))


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"seed": -1}, "seed -1: is out of range; take one from 0 to 4294967295"),
        ({"seed": 2**32}, "seed 4294967296: is out of range"),
        ({"epochs": -1}, "epochs -1: are too few"),
        ({"unit": "$/m$^"}, "unit .*: has a character that figures and reports cannot show"),
        ({"target": "=1+1"}, "target '=1.1': begins with a character that spreadsheets"),
    ],
)
def test_options_that_would_fail_in_the_end_are_refused_at_once(options, fault):
    with pytest.raises(InputError, match=fault):
        plan_of(Options(**options), 100)


def test_a_finished_model_is_that_of_its_test_crystals_alone(alloys, options, tmp_path):
    crystals, test = Crystals(first(alloys, 30), []), last(alloys, 3)
    made = finetune(crystals, options, tmp_path / "m", test=test)
    assert finetune(crystals, options, tmp_path / "m", test=test).tested == made.tested != ""
    other = replace(test, targets=test.targets + 1)
    with pytest.raises(InputError, match="not tested on these crystals with these targets"):
        finetune(crystals, options, tmp_path / "m", test=other)
    one = pd.read_csv(tmp_path / "m" / TEST).head(1)
    assert values_of_test(one)["r2"] is None


def test_a_share_of_the_crystals_has_as_many_steps_as_all():
    plan = plan_of(Options(), 400)
    whole, share = plan.epochs_of(Part(0)), plan.epochs_of(Part(0, 0.5))
    assert (whole, share, plan.epochs_of(Part(0, 0.25))) == (62, 124, 248)
    assert training_batches(plan, 400, [Part(0, 0.5)]) == 124 * (160 // 16)


def test_names_in_predictions_are_no_formulas():
    table = pd.DataFrame({"id": ["=1+1", "a"], "prediction": [1.0, np.nan], "nearest": ["b", "@x"]})
    assert csv_of(table) == "id,prediction,nearest\n'=1+1,1.0,b\na,,'@x\n"


def test_only_models_of_the_bundle_answer(alloys, folder):
    bundle, table = load_bundle(folder), last(alloys, 3)
    with pytest.raises(InputError, match="model 'netwrok': the bundle has none; take one of"):
        predict_bundle(bundle, table, model="netwrok")
    network, blend, plain = (
        predict_bundle(bundle, table, model=name)
        for name in (NETWORK, BLEND, bundle.verdict.baseline)
    )
    assert plain["std"].isna().all()
    assert np.allclose(2 * blend["std"], network["std"])


def test_names_that_look_like_markup_are_printed_as_they_are(alloys, tmp_path):
    frames = []
    for crystal in first(alloys, 20):
        atoms = atoms_of(crystal)
        atoms.info |= {"e": crystal.target, "name": f"[alpha] {crystal.id}[/b]"}
        frames.append(atoms)
    frames[3].info["e"] = 1e5
    ase.io.write(tmp_path / "d.extxyz", frames)
    done = command("check", "d.extxyz", "--target", "e", "--id", "name", "--unit", "[eV]",
                   cwd=tmp_path)  # fmt: skip
    assert f"far from all others: [alpha] {alloys[3].id}[/b]" in done.stdout
    assert "[eV], median" in done.stdout


def test_rows_left_out_of_an_earlier_prediction_do_not_stay(alloys, folder, tmp_path):
    ase.io.write(tmp_path / "a.cif", atoms_of(alloys[0]))
    (tmp_path / "out.rejected.csv").write_text("id,reason\nold,of another run\n")
    command("predict", folder, "a.cif", "-o", "out.csv", cwd=tmp_path)
    assert (tmp_path / "out.rejected.csv").read_text() == "id,reason\n"


def test_a_system_that_does_not_say_how_many_cores_may_be_used(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity")  # as on macOS
    assert usable_cores() == os.cpu_count()


def test_a_model_stopped_while_its_files_were_written_goes_on(alloys, options, tmp_path):
    """Some of its files are there beside the work, and no description yet."""
    crystals = Crystals(first(alloys, 30), [])
    begin(Work(tmp_path / "m/work"), settle(crystals.table, options), 1)
    (tmp_path / "m/member_1.safetensors").write_bytes(b"cut")
    finetune(crystals, options, tmp_path / "m")
    assert load_bundle(tmp_path / "m").training.ids.tolist() == crystals.table.ids.tolist()
    assert not (tmp_path / "m/work").exists()


def test_another_model_is_not_written_over(alloys, options, folder):
    other = Options(**{**vars(options), "seed": 7})
    with pytest.raises(InputError, match="holds another model"):
        finetune(Crystals(first(alloys, 30), []), other, folder)
    moved = tabulate(c._replace(lattice=1.01 * c.lattice) for c in first(alloys, 30))
    with pytest.raises(InputError, match="holds another model"):
        finetune(Crystals(moved, []), options, folder)


def test_a_finished_model_is_not_trained_again(alloys, options, folder):
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    again = finetune(Crystals(first(alloys, 30), []), options, folder)
    assert again.plan == load_bundle(folder).plan
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"source": "nobody"}, "source 'nobody': there is no such file and no such name"),
        ({"strategy": "none"}, "strategy 'none': there is none"),
        ({"strategy": "all", "source": "auto"}, "has 7 properties .* output cannot be kept"),
        ({"strategy": "all", "source": "scratch"}, "from scratch has nothing to keep"),
        ({"folds": 31}, "30 groups, which 31 folds cannot share; ask for fewer folds, or group"),
        ({"folds": 3, "group_by": "one group"}, "2 groups, which 3 folds cannot share; group by"),
        ({"group_by": "nowhere.csv"}, "nowhere.csv: no such file.* --group-by takes formula, none"),
    ],
)
def test_bad_options_get_a_sentence(alloys, options, tmp_path, changed, sentence):
    table = first(alloys, 30)
    if changed.get("group_by") == "one group":
        rows = [f"{id},{id == table.ids[0]}" for id in table.ids]
        (tmp_path / "g.csv").write_text("\n".join(["id,group", *rows]))
        changed = changed | {"group_by": str(tmp_path / "g.csv")}
    with pytest.raises(InputError, match=sentence):
        finetune(Crystals(table, []), Options(**{**vars(options), **changed}), tmp_path / "m")
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    ("shape", "sentence"),
    [((1, 64), "parameter 'fc.weight' has shape .*network of other sizes"), ((2, 256), "shape")],
)
def test_weights_that_do_not_fit_are_refused_before_the_work(
    alloys, options, tmp_path, shape, sentence
):
    alignn = pytest.importorskip("alignn.models.alignn")
    weights = alignn.ALIGNN(alignn.ALIGNNConfig(name="alignn")).state_dict()
    torch.save({**weights, "fc.weight": torch.zeros(shape)}, tmp_path / "w.pt")
    odd = Options(**{**vars(options), "source": str(tmp_path / "w.pt")})
    with pytest.raises(InputError, match=sentence) as refused:
        finetune(Crystals(first(alloys, 30), []), odd, tmp_path / "m")
    assert str(refused.value).startswith(str(tmp_path / "w.pt"))
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize("place", ["file", "file/m"])
def test_a_file_is_no_folder_for_a_model(alloys, options, tmp_path, place):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match=rf"^{tmp_path / place}: .*name a folder"):
        finetune(Crystals(first(alloys, 30), []), options, tmp_path / place)
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("strategy", ["all", "last_layer", "two_body"])
def test_a_member_is_a_source_whose_output_can_be_kept(alloys, options, folder, tmp_path, strategy):
    member = folder / "member_1.safetensors"
    kept = Options(**{**vars(options), "source": str(member), "strategy": strategy})
    made = finetune(Crystals(first(alloys, 30), []), kept, tmp_path / "m")
    assert made.members[0].head == load_model(member).head
    names = [name for name in made.members[0].tensors if not name.startswith("fc.")]
    same = [
        torch.equal(made.members[0].tensors[name], load_model(member).tensors[name])
        for name in names
    ]
    assert all(same) == (strategy == "last_layer")


def test_from_nothing_there_is_no_strategy(alloys, options, tmp_path):
    nothing = Options(**{**vars(options), "source": "scratch", "strategy": "", "epochs": 1})
    finetune(Crystals(first(alloys, 30), []), nothing, tmp_path / "m")
    card = (tmp_path / "m/README.md").read_text()
    assert "**Started from** scratch, 1 epochs" in card
    assert "strategy" not in card


def test_targets_that_are_too_close_are_refused(alloys, tmp_path):
    frames = []
    for place, crystal in enumerate(first(alloys, 12)):
        atoms = atoms_of(crystal)
        atoms.info["e"] = (place + 1) * 1e-200
        frames.append(atoms)
    ase.io.write(tmp_path / "d.extxyz", frames)
    with pytest.raises(InputError, match=r"targets differ by 1\.1e-199 at most"):
        read_labelled(tmp_path / "d.extxyz", "e")


# --- the choice of the cell ----------------------------------------------------------------------


def test_a_prediction_does_not_depend_on_the_cell(folder, alloys):
    """A supercell that pymatgen makes is the same crystal to a model, and to its baseline."""
    bundle, table = load_bundle(folder), last(alloys, 10)
    to_pymatgen = AseAtomsAdaptor.get_structure
    structures = [to_pymatgen(atoms_of(crystal)) for crystal in table]
    in_other_cells = (
        [structure.make_supercell(cells, in_place=False) for structure in structures]
        for cells in ([2, 1, 1], [[1, 1, 0], [-1, 1, 0], [0, 0, 1]], [3, 2, 1])
    )
    expected = predict_bundle(bundle, table, model=bundle.verdict.baseline)
    networks = predict_bundle(bundle, table)
    for others in in_other_cells:
        written = tabulate(
            crystal._replace(
                numbers=np.array(other.atomic_numbers, dtype=np.uint8),
                lattice=np.array(other.lattice.matrix),
                coordinates=np.array(other.frac_coords),
                cartesian=False,
            )
            for crystal, other in zip(table, others, strict=True)
        )
        found = predict_bundle(bundle, written)
        np.testing.assert_allclose(found["prediction"], networks["prediction"], rtol=0, atol=1e-5)
        found = predict_bundle(bundle, written, model=bundle.verdict.baseline)
        np.testing.assert_allclose(found["prediction"], expected["prediction"], rtol=0, atol=1e-5)


# --- two at once ---------------------------------------------------------------------------------


def test_two_commands_do_not_mix_in_one_folder(alloys, source, tmp_path):
    """One makes its model; the other waits, and then says that another is there."""
    frames = []
    for crystal in first(alloys, 30):
        atoms = atoms_of(crystal)
        atoms.info["e"] = crystal.target
        frames.append(atoms)
    ase.io.write(tmp_path / "data.extxyz", frames)
    both = [
        subprocess.Popen(
            [sys.executable, "-m", "crystal_transfer.cli", "finetune", "data.extxyz", "--target",
             "e", "--from", str(source), "--strategy", "all_new_head", "--folds", "3",
             "--group-by", "none", "--epochs", "2", "--threads", "1", "--seed", seed, "-o", "m"],
            cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for seed in "12"
    ]  # fmt: skip
    said = [process.communicate(timeout=300) for process in both]
    codes = [process.returncode for process in both]
    assert sorted(codes) == [0, 1], said
    assert "another model (seed" in said[codes.index(1)][1]
    assert load_bundle(tmp_path / "m").plan.seed == int("12"[codes.index(0)])
    assert not [path.name for path in (tmp_path / "m").iterdir() if path.name[0] == "."]


def test_who_finds_the_folder_in_use_says_so(alloys, options, tmp_path, monkeypatch):
    monkeypatch.setattr("crystal_transfer.training.interruption.PATIENCE", 0.1)
    (tmp_path / "m").mkdir()
    with (
        only_one(tmp_path / "m" / LOCK),
        pytest.raises(InputError, match="another process makes a model in this folder"),
    ):
        finetune(Crystals(first(alloys, 30), []), options, tmp_path / "m")


def test_trainings_of_another_start_are_not_taken(alloys, options, tmp_path):
    """Files of a member that another version, or another command, has left."""
    crystals, work = Crystals(first(alloys, 30), []), Work(tmp_path / "m/work")
    begin(work, settle(crystals.table, options), 1)
    old = {"start": "another", "predictions": dict.fromkeys(crystals.table.ids.tolist(), 1e9)}
    (work.folder / "member_1.json").write_text(json.dumps(old))
    assert not work.is_done(Part(0))
    with pytest.raises(InputError, match="is of another training"):
        work.load_predictions(Part(0))
    made = finetune(crystals, options, tmp_path / "m")
    assert np.abs(made.training.network).max() < 100


# --- one group that has most crystals ------------------------------------------------------------


def test_a_group_with_most_crystals_is_said_to_be(alloys, options, tmp_path):
    table = first(alloys, 30)
    rows = [f"{id},{'most' if place < 20 else place}" for place, id in enumerate(table.ids)]
    (tmp_path / "g.csv").write_text("\n".join(["id,group", *rows]))
    folds = folds_of(groups_of(table, str(tmp_path / "g.csv")), 3, 0)
    assert said_of_folds(folds).startswith("One fold has 20 of the 30 crystals")
    assert not said_of_folds(np.arange(30) % 3)
    assert not said_of_folds(folds_of(np.arange(35), 30, 0))
    assert "since groups stay together" in said_of_folds(folds_of(np.arange(60) // 10, 5, 0))
    grouped = Options(**{**vars(options), "group_by": str(tmp_path / "g.csv"), "epochs": 1})
    finetune(Crystals(table, []), grouped, tmp_path / "m")
    for name in ("README.md", "report.html"):
        assert "One fold has 20 of the 30 crystals" in (tmp_path / "m" / name).read_text()


# --- interrupted ---------------------------------------------------------------------------------


def begun_training(options: list, folder: str, here: Path) -> subprocess.Popen:
    """Start the command and wait until it trains; it stops after its first step."""
    work = here / folder / "work"
    for log in work.glob("*.log"):
        log.unlink()
    process = subprocess.Popen(
        [sys.executable, "-m", "crystal_transfer.cli", *map(str, options), "-o", folder],
        cwd=here, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    until = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < until and not [*work.glob("*.log")]:
        time.sleep(0.05)
    return process


def test_an_interrupted_model_ends_with_the_same_bits(alloys, source, tmp_path):
    frames = [atoms_of(crystal) for crystal in first(alloys, 30)]
    for crystal, atoms in zip(first(alloys, 30), frames, strict=True):
        atoms.info["e"] = crystal.target
    ase.io.write(tmp_path / "data.extxyz", frames)
    options = [
        "finetune", "data.extxyz", "--target", "e", "--from", source, "--strategy", "all_new_head",
        "--folds", "3", "--group-by", "none", "--epochs", "100", "--threads", "2",
    ]  # fmt: skip
    command(*options, "-o", "whole", cwd=tmp_path)
    process = begun_training(options, "parts", tmp_path)
    of_pools = [
        p for p in psutil.Process(process.pid).children() if "spawn_main" in str(p.cmdline())
    ]
    of_pools[0].kill()  # as the system does when memory runs out
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 1, output
    assert "A training of parts/work was ended from outside" in output
    assert "Traceback" not in output

    process = begun_training(options, "parts", tmp_path)
    process.terminate()  # as Ctrl-C, which a shell's background jobs ignore
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 130, output
    assert "the same command goes on from here" in output
    assert not (tmp_path / "parts" / DESCRIPTION).exists()
    done = command("predict", "parts", "data.extxyz", "-o", "x.csv", cwd=tmp_path, check=False)
    assert "its training has not ended; run the same finetune command again" in done.stderr
    command(*options, "-o", "parts", cwd=tmp_path)
    for name in ("member_1.safetensors", "member_3.safetensors", "out_of_fold.csv", "training.npz"):
        assert (tmp_path / "parts" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert not (tmp_path / "parts/work").exists()


def test_other_data_in_a_work_folder_are_started_anew(alloys, options, tmp_path):
    """In a study; the command refuses, see below."""
    work = Work(tmp_path / "work")
    begin(work, settle(first(alloys, 30), options), 1)
    mark = work.folder / "member_1.json"
    mark.write_text("{}")
    begin(work, settle(first(alloys, 30), options), 1)
    assert mark.exists()
    begin(work, settle(first(alloys, 29), options), 1)
    assert not mark.exists()


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"unit": "J"}, "unit 'eV/atom', now 'J'"),
        ({"epochs": 3}, "epochs 2, now 3"),
        ({"seed": 7}, "seed 0, now 7"),
    ],
)
def test_unfinished_trainings_of_other_options_are_kept(alloys, options, tmp_path, changed, named):
    crystals, work = Crystals(first(alloys, 30), []), Work(tmp_path / "m/work")
    begin(work, settle(crystals.table, options), 1)
    mark = work.folder / "member_1.json"
    mark.write_text("{}")
    other = Options(**{**vars(options), **changed})
    with pytest.raises(InputError, match=rf"unfinished training of another model \(.*{named}"):
        finetune(crystals, other, tmp_path / "m")
    with pytest.raises(InputError, match="other crystals"):
        finetune(Crystals(first(alloys, 29), []), options, tmp_path / "m")
    assert mark.exists()


def test_groups_and_weights_that_changed_are_another_model(alloys, options, source, tmp_path):
    table, groups, weights = first(alloys, 30), tmp_path / "g.csv", tmp_path / "w.safetensors"
    shutil.copy(source, weights)
    own = {"group_by": str(groups), "source": str(weights)}

    def written(names: str) -> None:
        rows = [f"{id},{names[place % len(names)]}" for place, id in enumerate(table.ids)]
        groups.write_text("\n".join(["id,group", *rows]))

    written("abcdef")
    chosen = Options(**{**vars(options), **own})
    finetune(Crystals(table, []), chosen, tmp_path / "m")
    written("aabbccddee")
    with pytest.raises(InputError, match=r"holds another model \(other groups\)"):
        finetune(Crystals(table, []), chosen, tmp_path / "m")
    written("abcdef")
    model = load_model(weights)
    moved = {name: 2 * tensor for name, tensor in model.tensors.items()}
    save_model(replace(model, tensors=moved), weights)
    with pytest.raises(InputError, match=r"holds another model \(other weights to start from\)"):
        finetune(Crystals(table, []), chosen, tmp_path / "m")


# --- what it is made of --------------------------------------------------------------------------


@given(
    groups=st.lists(st.integers(0, 12), min_size=12, max_size=80),
    n_folds=st.integers(2, 6),
    seed=st.integers(0, 1000),
)
def test_a_group_is_never_in_two_folds(groups, n_folds, seed):
    groups = np.array(groups)
    if len(np.unique(groups)) < n_folds:
        with pytest.raises(InputError):
            folds_of(groups, n_folds, seed)
        return
    folds = folds_of(groups, n_folds, seed)
    assert set(folds) == set(range(n_folds))
    assert all(len(set(folds[groups == group])) == 1 for group in np.unique(groups))
    assert (folds == folds_of(groups, n_folds, seed)).all()
    sizes = np.bincount(folds)
    largest = np.bincount(groups).max()
    assert sizes.max() - sizes.min() <= largest  # as even as the largest group allows


def test_polymorphs_are_a_group(alloys):
    doubled = tabulate([alloys[0], alloys[0]._replace(id="again"), alloys[1]])
    assert groups_of(doubled, "formula").tolist() in ([0, 0, 1], [1, 1, 0])
    assert len(set(groups_of(doubled, "none"))) == 3


def test_groups_of_a_file(alloys, tmp_path):
    table = first(alloys, 3)
    rows = [f"{id},{group}" for id, group in zip(table.ids, "aba", strict=True)]
    (tmp_path / "g.csv").write_text("\n".join(["id,group", *rows]))
    assert groups_of(table, str(tmp_path / "g.csv")).tolist() == [0, 1, 0]
    (tmp_path / "g.csv").write_text(
        "\n".join(["id , group", rows[0], f"{rows[1]} ", f"{rows[2]} "])
    )
    assert groups_of(table, str(tmp_path / "g.csv")).tolist() == [0, 1, 0]
    (tmp_path / "g.csv").write_text("\n".join(["id,group,group", *(f"{row},c" for row in rows)]))
    with pytest.raises(InputError, match="has several columns 'group'"):
        groups_of(table, str(tmp_path / "g.csv"))
    (tmp_path / "g.csv").write_text("\n".join(["id,group", *rows[:2]]))
    with pytest.raises(InputError, match="names no group for crystal"):
        groups_of(table, str(tmp_path / "g.csv"))


def test_shares_of_the_training_crystals_are_nested():
    folds = np.arange(40) % 4
    parts = {
        part.share: set(training_rows(folds, part, 0)) for part in parts_of(4) if not part.fold
    }
    assert parts[0.25] < parts[0.5] < parts[1.0] == set(np.flatnonzero(folds != 0))
    assert [part_of(part.name) for part in parts_of(4)] == parts_of(4)
    assert part_of("member_3") == Part(2)


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=50))
def test_the_median_is_one_from_the_targets(values):
    values = np.array(values)
    scaled = robust_scaler(values, "eV").scale(values)
    if np.ptp(values) > 1e-6:
        assert np.isclose(np.abs(scaled).mean(), 1, rtol=1e-3)
        assert abs(np.median(scaled)) < 1e-3


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9])
def test_intervals_cover_what_they_say(level):
    """On crystals like the training crystals, errors differing tenfold between two kinds."""
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(60):
        features = rng.uniform(-1, 1, (260, 2))
        residuals = rng.normal(size=260) * np.where(features[:, 0] > 0, 1.0, 0.1)
        calibration = Calibration(features[:200], residuals[:200], np.arange(200) % 5)
        half = calibration.difficulty(features[200:]) * factor(
            residuals[:200], calibration.own_difficulty(), level
        )
        covered.append(np.abs(residuals[200:]) <= half)
        hard = features[200:, 0] > 0.3
        assert half[hard].mean() > 1.5 * half[features[200:, 0] < -0.3].mean()
    assert abs(np.mean(covered) - level) < 0.025


@pytest.mark.parametrize("members", [1, 3, 10])
def test_intervals_and_domain_hold_for_new_formulas(members):
    """Crystals of one formula lie beside each other and share their error; a new one has none."""
    rng = np.random.default_rng(0)
    covered, inside = [], []
    for draw in range(40):
        centres = rng.normal(size=(300 // members + 100, 3))
        groups = np.repeat(np.arange(300 // members), members)
        features = centres[groups] + 0.01 * rng.normal(size=(len(groups), 3))
        residuals = rng.normal(size=len(centres))[groups]
        folds = folds_of(groups, 5, draw)
        calibration = Calibration(features, residuals, folds)
        half = calibration.difficulty(centres[-100:]) * factor(
            residuals, calibration.own_difficulty(), 0.9
        )
        covered.append(np.abs(rng.normal(size=100)) <= half)
        domain = Domain(np.arange(len(groups)).astype(str), features, folds, frozenset())
        inside.append(domain.nearest(centres[-100:])[1] <= domain.limit())
    assert np.mean(covered) > 0.88
    assert np.mean(inside) > 0.9


def test_the_own_error_does_not_count():
    features = np.arange(60.0)[:, None]
    residuals = np.zeros(60)
    residuals[30] = 100.0
    own = Calibration(features, residuals, np.arange(60) % 5).own_difficulty()
    assert own[30] == own[0] == pytest.approx(100 / 60 / 2)
    assert own[31] > own[30]


def test_the_domain_knows_its_crystals():
    rng = np.random.default_rng(0)
    ids, folds = np.array([f"c{i}" for i in range(200)]), np.arange(200) % 5
    domain = Domain(ids, rng.normal(size=(200, 3)), folds, frozenset())
    names, distances = domain.nearest(domain.features)
    assert (names == domain.ids).all()
    assert distances.max() < 1e-9
    assert domain.nearest(np.full((1, 3), 20.0))[1][0] > 10 * domain.limit()


def test_baselines_do_not_see_their_fold():
    """With a target that only its own row tells, nothing can be known of another fold."""
    rng = np.random.default_rng(0)
    features, targets = rng.normal(size=(120, 5)), rng.normal(size=120)
    predicted = out_of_fold("forest", features, targets, np.arange(120) % 4, 0)
    assert np.abs(predicted - targets).mean() > 0.7 * np.abs(targets - np.median(targets)).mean()


@given(
    sizes=st.lists(st.integers(1, 60), min_size=3, max_size=6),
    shift=st.floats(-1, 1),
    seed=st.integers(0, 1000),
)
def test_the_verdict_says_what_the_table_says(sizes, shift, seed):
    """Also of folds of unlike size: its gain is the difference of the two errors in the table."""
    rng = np.random.default_rng(seed)
    folds = np.repeat(np.arange(len(sizes)), sizes)
    targets = rng.normal(size=len(folds))
    predictions = {NETWORK: targets + rng.normal(size=len(folds)) + shift, "median": 0 * targets}
    found = verdict(targets, predictions, folds)
    table = {name: score(name, targets, values, folds) for name, values in predictions.items()}
    assert found.gain == pytest.approx(table["median"].mae - table[NETWORK].mae, abs=1e-9)
    assert not (found.network_wins and table[NETWORK].mae > table["median"].mae)


def test_the_error_of_equal_folds_is_that_of_their_means():
    targets, folds = np.random.default_rng(0).normal(size=100), np.arange(100) % 5
    means = [np.abs(targets[folds == fold]).mean() for fold in range(5)]
    found = score("median", targets, 0 * targets, folds).mae_error
    assert found == pytest.approx(np.std(means, ddof=1) / 5**0.5)


def test_the_verdict_is_fold_by_fold():
    rng = np.random.default_rng(0)
    targets, folds = rng.normal(size=100), np.arange(100) % 5
    near, far = targets + 0.1 * rng.normal(size=100), targets + rng.normal(size=100)
    won = verdict(targets, {NETWORK: near, "median": far, "forest": far + 1}, folds)
    assert (won.baseline, won.network_wins) == ("median", True)
    assert "lower than that of the best baseline" in won.sentence("eV")
    lost = verdict(targets, {NETWORK: far, "median": far + 1, "forest": near}, folds)
    assert (lost.baseline, lost.network_wins) == ("forest", False)
    assert "does NOT beat" in lost.sentence("eV")
    even = verdict(targets, {NETWORK: near, "median": near}, folds)
    assert (even.gain, even.network_wins) == (0, False)


# --- data ----------------------------------------------------------------------------------------


def test_frames_that_ase_wrote(alloys, tmp_path):
    frames = []
    for place, crystal in enumerate(alloys):
        atoms = atoms_of(crystal)
        atoms.info |= {"gap": float(place), "name": f"crystal {place}"}
        frames.append(atoms)
    ase.io.write(tmp_path / "all.extxyz", frames)
    table, rejected = read_labelled(tmp_path / "all.extxyz", "gap", "name")
    assert not rejected
    assert table.targets.tolist() == list(range(len(alloys)))
    assert table.ids[3] == "crystal 3"
    for found, crystal in zip(table, alloys, strict=True):
        one, other = atoms_of(found), atoms_of(crystal)
        assert (one.numbers == other.numbers).all()
        assert np.allclose(one.cell, other.cell, atol=1e-6)
        assert np.allclose(one.positions, other.positions, atol=1e-6)
    with pytest.raises(InputError, match="no frame has the key 'gaap'"):
        read_labelled(tmp_path / "all.extxyz", "gaap")
    with pytest.raises(InputError, match="name the key"):
        read_labelled(tmp_path / "all.extxyz")
    text = (tmp_path / "all.extxyz").read_text().splitlines()
    (tmp_path / "cut.extxyz").write_text("\n".join(text[:-1]))
    table, rejected = read_labelled(tmp_path / "cut.extxyz", "gap")
    assert len(table) == len(alloys) - 1
    assert "is cut off" in rejected[0].reason
    (tmp_path / "odd.extxyz").write_text("\n".join(text[1:]))
    with pytest.raises(InputError, match=r"line 1: .* is not the number of atoms"):
        read_labelled(tmp_path / "odd.extxyz", "gap")


def test_structures_of_every_layout(alloys, tmp_path):
    frames = [atoms_of(crystal) for crystal in first(alloys, 5)]
    (tmp_path / "files").mkdir()
    for place, atoms in enumerate(frames):
        ase.io.write(tmp_path / f"files/{place}.cif", atoms)
    (tmp_path / "files/notes.txt").write_text("not a crystal")
    (tmp_path / "files/.hidden").write_text("of a file manager")
    (tmp_path / "files/id_prop.csv").write_text("0.cif,1.0\n")
    ase.io.write(tmp_path / "all.xyz", frames, format="extxyz")
    structures = [AseAtomsAdaptor.get_structure(atoms).as_dict() for atoms in frames]
    pd.DataFrame({"structure": structures}).to_json(tmp_path / "table.json", orient="split")
    rows = [
        {"jid": place, "atoms": {"lattice_mat": atoms.cell.tolist(), "cartesian": True,
         "coords": atoms.positions.tolist(), "elements": atoms.get_chemical_symbols()}}
        for place, atoms in enumerate(frames)
    ]  # fmt: skip
    (tmp_path / "alignn.json").write_text(json.dumps(rows))
    for name in ("files", "all.xyz", "table.json", "alignn.json"):
        table, rejected = read_unlabelled(tmp_path / name)
        assert len(table) == 5, name
        others = ["notes.txt"] if name == "files" else []
        assert [row.id for row in rejected] == others
        assert (table.targets == 0).all()
    assert len(read_unlabelled(tmp_path / "files/3.cif").table) == 1
    with pytest.raises(InputError, match="has no structure file"):
        (tmp_path / "empty").mkdir()
        read_unlabelled(tmp_path / "empty")


def test_check_sees_twins_and_outliers(alloys, tmp_path):
    rows = [alloys[row] for row in range(20)]
    rows.append(rows[0]._replace(id="twin", target=rows[0].target + 1))
    rows.append(alloys[25]._replace(id="far", target=1e4))
    found = summarise(tabulate(rows))
    assert [rows[0].id, "twin"] in found.twins
    assert found.disagreement == pytest.approx(1)
    assert found.far == ["far"]
    frames = []
    for row in rows:
        atoms = atoms_of(row)
        atoms.info["e"] = row.target
        frames.append(atoms)
    ase.io.write(tmp_path / "d.extxyz", frames)
    done = command("check", "d.extxyz", "--target", "e", "--unit", "eV", "-o", "o", cwd=tmp_path)
    assert "22 of 22 crystals are usable" in done.stdout
    assert "1 targets are far from all others" in done.stdout
    assert "they stay together in one fold" not in done.stdout
    assert {path.name for path in (tmp_path / "o").iterdir()} == {"targets.png", "rejected.csv"}


# --- sources -------------------------------------------------------------------------------------


def test_alignns_networks_by_name(tmp_path, monkeypatch):
    """From a mirror, with weights that alignn itself writes; a changed file is refused."""
    alignn = pytest.importorskip("alignn.models.alignn")
    name = next(iter(published()))
    weights = alignn.ALIGNN(alignn.ALIGNNConfig(name="alignn")).state_dict()
    torch.save({"model": weights}, tmp_path / "best_model.pt")
    (tmp_path / "mirror").mkdir()
    with zipfile.ZipFile(tmp_path / "mirror" / f"{name}.zip", "w") as archive:
        archive.write(tmp_path / "best_model.pt", f"{name}/best_model.pt")
    monkeypatch.setenv(MIRROR, str(tmp_path / "mirror"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    source = find_source(name)
    assert source.model is not None
    assert source.model.sizes == AlignnSizes()
    assert torch.equal(source.model.tensors["fc.weight"], weights["fc.weight"])
    (tmp_path / "mirror" / f"{name}.zip").unlink()
    assert find_source(name).sha256 == source.sha256
    path = downloaded(name)
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(InputError, match="is not as it was downloaded"):
        find_source(name)


def test_sources_are_listed():
    said = command("sources", cwd=ROOT).stdout
    assert "scratch" in said
    assert "auto" in said


def test_snakemake_makes_the_same_model(alloys, source, tmp_path):
    """A job per member leaves what the command does, to the bit, and nothing of the work.

    Crystals of a separate test file are tested on, and not trained on.
    """
    copy = fresh_copy(tmp_path / "project")
    for name, crystals in (("mine", first(alloys, 24)), ("test", last(alloys, 6))):
        frames = []
        for crystal in crystals:
            atoms = atoms_of(crystal)
            atoms.info |= {"e": crystal.target, "name": crystal.id}
            frames.append(atoms)
        ase.io.write(copy / f"{name}.extxyz", frames)
    study = {
        "results": "results/mine",
        "datasets": {"MINE": {"source": "file", "path": "mine.extxyz", "column": "e", "id": "name",
                              "test_path": "test.extxyz", "label": "energy", "unit": "eV/atom"}},
        "experiments": {"model": {"kind": "finetune", "dataset": "MINE", "source": str(source),
                                  "strategy": "all_new_head", "folds": 3, "group_by": "none",
                                  "epochs": 2}},
    }  # fmt: skip
    (copy / "mine.yaml").write_text(json.dumps(study))
    options = ["--cores", "2", "--configfile", "mine.yaml"]
    snakemake(*options, folder=copy)
    made = copy / "results/mine/bundles/model"
    here = Options("energy", "eV/atom", str(source), "all_new_head", 3, "none", epochs=2)
    table, _ = read_labelled(copy / "mine.extxyz", "e", "name")
    finetune(Crystals(table, []), here, tmp_path / "here")
    for name in ("member_1.safetensors", "member_3.safetensors", "splits.json"):
        assert (made / name).read_bytes() == (tmp_path / "here" / name).read_bytes()
    pd.testing.assert_frame_equal(
        *(pd.read_csv(path / "out_of_fold.csv") for path in (made, tmp_path / "here")), rtol=1e-6
    )
    assert len(pd.read_csv(made / "test.csv")) == 6
    assert not [path for path in (made / "work").rglob("*") if path.is_file() and
                path.suffix != ".sha256"]  # fmt: skip
    assert "Nothing to be done" in snakemake(*options, "-n", folder=copy).stdout

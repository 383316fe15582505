"""Faults at rest and in reruns: the outcome is that of a fresh folder, or a sentence."""

import csv
import json
import os
import re
import shutil
import signal
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
import yaml
from conftest import TINY, fresh_copy, saved, snakemake, start, wait_until
from hypothesis import given
from hypothesis import strategies as st
from runs import HOW, SCRATCH, SETTINGS, outputs, prepare, weights_of

from crystal_transfer.datasets import labels, scaling, splits
from crystal_transfer.datasets.cumulative import accumulate
from crystal_transfer.errors import InputError
from crystal_transfer.files import name_in_csv, write_csv
from crystal_transfer.graphs.build import build
from crystal_transfer.models.weights import member_of
from crystal_transfer.runs import Run, RunKind
from crystal_transfer.species import SYMBOLS
from crystal_transfer.training.interruption import only_one
from crystal_transfer.training.paths import Inputs
from crystal_transfer.training.run import train

SHORT = replace(HOW, epochs=1)
FLIPS = 200  # over all kinds of files


# --- one flipped bit ------------------------------------------------------------------------------


def single(alloys, folder: Path) -> tuple[Run, Inputs]:
    """A fine-tuning with all files that it reads."""
    inputs, first = prepare(alloys, folder), outputs(folder / "first")
    scratch = replace(SCRATCH, hyperparameters=SHORT)
    train(scratch, inputs, first, SETTINGS)
    run = Run(RunKind.FINETUNE, "X", 20, 1, SHORT, source=scratch, strategy="all")
    return run, replace(inputs, weights=first.model)


def several(alloys, folder: Path) -> tuple[Run, Inputs]:
    """A pre-training on several properties with all files that it reads."""
    tables = {"A": alloys}
    split = {"A": splits.split("A", alloys.ids.tolist(), 0.2, 0)}
    merged, known = accumulate(tables, split, {"A": scaling.fit(alloys.targets, "A")}, {})
    folder.mkdir()
    labels.save(known, folder / "labels.npz")
    build(saved(merged, folder), folder / "graphs", "shell", True)
    run = Run(RunKind.MULTIPRETRAIN, "MPT-all", 0, 1, SHORT, properties=("A",))
    return run, Inputs(graphs=str(folder / "graphs"), labels=str(folder / "labels.npz"))


def files_of(inputs: Inputs) -> list[Path]:
    """All files that a run reads, checksums and arrays of the store included."""
    found = []
    for value in vars(inputs).values():
        path = Path(value) if value else None
        if path is None:
            continue
        found += sorted(path.iterdir()) if path.is_dir() else [path]
    seals = [path.with_name(f".{path.name}.sha256") for path in found]
    return found + [path for path in seals if path.exists()]


@pytest.mark.parametrize("make", [single, several])
def test_no_flipped_bit_changes_a_result_silently(make, alloys, tmp_path):
    run, inputs = make(alloys, tmp_path / "data")
    fresh = outputs(tmp_path / "fresh")
    train(run, inputs, fresh, SETTINGS)
    expected = weights_of(fresh)
    generator, files = np.random.default_rng(1), files_of(inputs)
    refused = equal = 0
    for n in range(FLIPS // 2):
        path = files[n % len(files)]
        whole = path.read_bytes()
        damaged = bytearray(whole)
        damaged[generator.integers(len(whole))] ^= 1 << int(generator.integers(8))
        path.write_bytes(damaged)
        result = outputs(tmp_path / "again")
        try:
            train(run, inputs, result, SETTINGS)
        except InputError as error:
            assert "\n" not in str(error)
            refused += 1
        else:
            assert all(torch.equal(weights_of(result)[k], v) for k, v in expected.items()), path
            equal += 1
        finally:
            path.write_bytes(whole)
            shutil.rmtree(tmp_path / "again")
    assert refused + equal == FLIPS // 2
    assert refused > 0.9 * FLIPS // 2


# --- archives and names ---------------------------------------------------------------------------

ARCHIVES = {
    "out/checkpoint_300.pt": ["out/checkpoint_300.pt", "out/config.json"],
    "checkpoint_300.pt": ["checkpoint_50.pt", "checkpoint_300.pt", "checkpoint_9.pt"],
    "best_model.pt": ["best_model.pt", "current_model.pt", "last_model.pt"],
    "a/best_model.pt": ["a/best_model.pt", "a/test_data.pt"],
    "": ["archive/data.pkl", "archive/data/0"],
}


@pytest.mark.parametrize("member", ARCHIVES)
def test_the_member_of_an_archive_that_is_meant(member):
    assert member_of(ARCHIVES[member], "x.zip") == member


@pytest.mark.parametrize(
    "names",
    [["a.pt", "b.pt"], ["current_model.pt", "last_model.pt"], ["a/best.pt", "b/best.pt"],
     ["checkpoint_3.pt", "other.pt"], ["a/checkpoint_3.pt", "b/checkpoint_3.pt"]],
)  # fmt: skip
def test_archives_that_do_not_say_which(names):
    with pytest.raises(InputError, match="does not say which is meant"):
        member_of(names, "x.zip")


def test_weights_that_are_not_finite(alloys, tmp_path):
    run, inputs = single(alloys, tmp_path / "data")
    weights = weights_of(outputs(tmp_path / "data/first"))
    weights["fc.weight"][0, 0] = torch.nan
    torch.save(weights, tmp_path / "diverged.pt")
    broken = replace(inputs, weights=str(tmp_path / "diverged.pt"))
    with pytest.raises(InputError, match=r"'fc\.weight' \(1 in all\) is not finite"):
        train(run, broken, outputs(tmp_path / "run"), SETTINGS)


@given(st.text(alphabet="'=+-@\t1a", max_size=5))
def test_names_in_tables_are_read_as_they_were(tmp_path_factory, name):
    path = tmp_path_factory.mktemp("table") / "x.csv"
    write_csv(path, ["id", "n"], [[name, 1]])
    with path.open(newline="") as handle:
        (row,) = csv.DictReader(handle)
    assert name_in_csv(row["id"]) == name


def test_spreadsheets_see_no_formulas(tmp_path):
    rows = [("=1+1", "-cmd"), ("+x", "@y"), ("-5", "a"), (-5.0, None)]
    write_csv(tmp_path / "x.csv", ["=id", "reason"], rows)
    lines = (tmp_path / "x.csv").read_text().splitlines()[1:]
    assert lines == ["'=1+1,'-cmd", "'+x,'@y", "-5,a", "-5.0,"]


# --- reruns ---------------------------------------------------------------------------------------

# a figure of cells and one of single runs stand for all
ONE = "figures/fig6b.csv"
SHOWN = [ONE, "figures/outliers.csv"]
SOME = [*TINY, "--keep-going", "--", *(f"results/tiny/{name}" for name in SHOWN)]


def tables_of(folder: Path) -> dict[str, bytes]:
    return {name: (folder / "results/tiny" / name).read_bytes() for name in SHOWN}


@pytest.fixture(scope="module")
def study(tiny_study, tmp_path_factory) -> Path:
    """A copy of the project in which the tiny study has run."""
    folder = tmp_path_factory.mktemp("integrity") / "project"
    shutil.copytree(tiny_study, folder, symlinks=True)
    return folder


def other_epochs(folder: Path) -> None:
    content = yaml.safe_load((folder / "tests/tiny.yaml").read_text())
    content["training"]["finetune"] = {"epochs": 4, "max_lr": 1e-2, "batch_size": 4}
    (folder / "tests/tiny.yaml").write_text(yaml.safe_dump(content, sort_keys=False))


def other_version(folder: Path) -> None:
    path = folder / "crystal_transfer/runs.py"
    path.write_text(re.sub(r"(RESULTS_VERSION = )\d+", r"\g<1>99", path.read_text()))


@pytest.mark.parametrize("change", [other_epochs, other_version])
def test_a_rerun_that_fails_leaves_nothing_that_is_believed(change, study, tmp_path_factory):
    """Another config or version, all trainings of the rerun fail, and the same command again."""
    folder = tmp_path_factory.mktemp("failed") / "project"
    shutil.copytree(study, folder, symlinks=True)
    change(folder)
    checkpoints = folder / "results/tiny/checkpoints"
    shutil.rmtree(checkpoints, ignore_errors=True)
    checkpoints.write_text("a file where trainings want a folder")
    for _ in range(2):
        done = snakemake(*SOME, folder=folder, check=False)
        assert done.returncode != 0
        assert "Nothing to be done" not in done.stdout + done.stderr
    one = snakemake(*TINY, "-n", f"results/tiny/{ONE}", folder=folder).stdout
    assert re.search(r"^finetune +\d", one, re.M)
    checkpoints.unlink()
    snakemake(*SOME, folder=folder)
    assert "Nothing to be done" in snakemake("-n", *SOME, folder=folder).stdout
    fresh = study  # another version trains to the same bits
    if change is other_epochs:
        fresh = tmp_path_factory.mktemp("fresh") / "project"
        shutil.copytree(study, fresh, symlinks=True)
        for run in (fresh / "results/tiny/runs").glob("finetune_*"):
            shutil.rmtree(run)
        for part in ("tables", "figures"):
            shutil.rmtree(fresh / "results/tiny" / part)
        change(fresh)
        snakemake(*SOME, folder=fresh)
    assert tables_of(folder) == tables_of(fresh)


def test_a_run_that_is_deleted_is_trained_again_for_its_figure(study):
    """Without the default target too: one figure by name."""
    run = study / "results/tiny/runs/finetune_BULK-n30_to_EFORM_n20_all_t1"
    kept = run.with_name("kept")
    shutil.move(run, kept)
    try:
        target = "results/tiny/figures/fig6b.svg"
        shown = snakemake(*TINY, "-n", target, folder=study).stdout
        assert re.search(r"^finetune +1$", shown, re.M), shown
    finally:
        shutil.move(kept, run)


# --- orphans --------------------------------------------------------------------------------------


def test_a_training_whose_snakemake_was_killed_ends_itself(study, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(study, folder, symlinks=True)
    (folder / "long.yaml").write_text("training: {scratch: {epochs: 100000}}\n")
    run = "scratch_EFORM_n20_t1"
    target = f"results/tiny/runs/{run}/metrics.json"
    shutil.rmtree(folder / "results/tiny/runs" / run)
    (folder / f"results/tiny/logs/train/{run}.log").unlink()
    process = start(*TINY, "long.yaml", "--", target, folder=folder)
    log = folder / f"results/tiny/logs/train/{run}.log"
    wait_until(lambda: log.exists() and "epoch" in log.read_text())
    training = next(
        child for child in psutil.Process(process.pid).children(recursive=True)
        if any("train.py" in part for part in child.cmdline()) and not child.children()
    )  # fmt: skip
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    wait_until(lambda: not training.is_running() or training.status() == "zombie", 60)
    assert "interrupted: stopped in epoch" in log.read_text()
    assert not (folder / target).exists()
    assert (folder / f"results/tiny/checkpoints/{run}.pt").exists()


def test_no_two_trainings_of_one_run_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr("crystal_transfer.training.interruption.PATIENCE", 0.1)
    monkeypatch.setattr("crystal_transfer.training.interruption.WATCHED_EVERY", 0.05)
    with (
        only_one(tmp_path / "run.lock"),
        pytest.raises(InputError, match="trains this run already"),
        only_one(tmp_path / "run.lock"),
    ):
        pass
    with only_one(tmp_path / "run.lock"):
        pass


def test_who_waited_for_a_lock_does_not_hold_one_on_a_deleted_file(tmp_path, monkeypatch):
    monkeypatch.setattr("crystal_transfer.training.interruption.PATIENCE", 5)
    monkeypatch.setattr("crystal_transfer.training.interruption.WATCHED_EVERY", 0.01)
    inside, leave = threading.Event(), threading.Event()

    def second() -> None:
        with only_one(tmp_path / "run.lock"):
            inside.set()
            leave.wait(10)

    waiting = threading.Thread(target=second)
    with only_one(tmp_path / "run.lock"):
        waiting.start()
        assert not inside.wait(0.2)
    assert inside.wait(10)
    monkeypatch.setattr("crystal_transfer.training.interruption.PATIENCE", 0.1)
    with (
        pytest.raises(InputError, match="trains this run already"),
        only_one(tmp_path / "run.lock"),
    ):
        pass
    leave.set()
    waiting.join()


# --- tables whose inputs are damaged --------------------------------------------------------------


def test_a_dataset_with_a_separate_test_file_does_not_train_on_it(alloys, tmp_path):
    rows = [
        {
            "jid": crystal.id, "target": crystal.target,
            "atoms": {
                "lattice_mat": crystal.lattice.tolist(), "coords": crystal.coordinates.tolist(),
                "elements": [SYMBOLS[number] for number in crystal.numbers],
                "cartesian": crystal.cartesian,
            },
        }
        for crystal in list(alloys)[:24]
    ]  # fmt: skip
    folder = fresh_copy(tmp_path)
    (folder / "train.json").write_text(json.dumps(rows[:20]))
    (folder / "test.json").write_text(json.dumps(rows[15:]))
    config = {
        "results": "results/mine",
        "cleaning": {"max_rejected": 0.5},
        "datasets": {"MINE": {"source": "file", "path": "train.json", "test_path": "test.json"}},
        "experiments": {"scratch": {"kind": "scratch", "datasets": ["MINE"], "sizes": [10]}},
    }
    (folder / "mine.yaml").write_text(yaml.safe_dump(config))
    target = "results/mine/datasets/MINE/split.json"
    snakemake(target, "--configfile", "mine.yaml", "--cores", "1", folder=folder)
    rejected = (folder / "results/mine/datasets/MINE/rejected.csv").read_text()
    assert rejected.count("same structure as a crystal of the test file") == 5
    split = json.loads((folder / target).read_text())
    assert (len(split["pool"]), len(split["test"])) == (15, 9)

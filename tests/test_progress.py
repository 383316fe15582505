"""Where a study stands, from its files: done, running, failed, interrupted, left."""

import json
import os
import re
import time
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import ROOT
from typer.testing import CliRunner

from crystal_transfer.cli.app import app
from crystal_transfer.errors import InputError
from crystal_transfer.experiments.config_files import read_config
from crystal_transfer.experiments.study import Study, load_study, with_defaults
from crystal_transfer.files import write_json, write_text
from crystal_transfer.operations import outdated, progress
from crystal_transfer.operations.cost import seconds
from crystal_transfer.results.layout import Layout
from crystal_transfer.results.tables import read_runs, runs_table
from crystal_transfer.runs import cell_of, description, result_row
from crystal_transfer.training.settings import plain

LOGS = {
    "running": "12:00:00 epoch 3 of 9: 5 ms per step, 1 s left\n",
    "failed": "12:00:00 18 crystals to train on\nerror: data.json: no such file.\n",
    "interrupted": "interrupted: stopped in epoch 2 of 9; it goes on when it is started again\n",
    "silent": "12:00:00 epoch 3 of 9: 5 ms per step, 1 s left\n",
    "crashed": "Traceback (most recent call last):\n  ...\nValueError: no\n",
}
FOUND = {"silent": "interrupted", "crashed": "failed"}


@pytest.fixture(scope="module")
def study():
    return load_study(with_defaults(read_config(ROOT / "tests/tiny.yaml")))


def test_every_state_is_told_apart(study, tmp_path):
    study = replace(study, layout=Layout(str(tmp_path)))
    expected = {id: seconds(study, run) for id, run in study.runs.items()}
    ids = list(study.runs)
    cases = dict(zip(ids, LOGS, strict=False))
    for id, case in cases.items():
        log = tmp_path / f"logs/train/{id}.log"
        write_text(log, LOGS[case])
        if case == "silent":
            long_ago = time.time() - 2 * progress.SILENCE
            os.utime(log, (long_ago, long_ago))
    done = ids[len(LOGS)]
    write_json(tmp_path / f"runs/{done}/metrics.json", {})
    write_json(tmp_path / f"runs/{done}/run.json", trained(study, done, 3 * expected[done]))

    standings = progress.standings(study)
    assert {standings[id].state for id in ids[len(LOGS) + 1 :]} == {"left"}
    assert standings[done].state == "done"
    for id, case in cases.items():
        assert standings[id].state == FOUND.get(case, case), case

    table = progress.unfinished(study, standings)
    assert sorted(table["state"]) == ["failed", "failed", "interrupted", "interrupted"]
    assert all(
        (tmp_path / f"logs/train/{run}.log").samefile(log)
        for run, log in zip(table["run"], table["log"], strict=True)
    )

    counts, correction = progress.by_experiment(study, standings)
    assert correction == pytest.approx(3)
    total = counts.set_index("experiment").loc["all"]
    assert [total[name] for name in progress.STATES] == [1, 0, 1, 2, 2, len(ids) - 6]
    left = 3 * (sum(expected.values()) - expected[done]) / 3600
    assert total["hours left"] == pytest.approx(left)
    assert counts.iloc[:-1]["done"].sum() == 1


def trained(study: Study, id: str, seconds: float) -> dict:
    """The description that a training of the study leaves."""
    run = study.runs[id]
    own = {"run": description(run), "settings": plain(study.settings(run))}
    return {**own, "seconds": seconds}


def another(*keys: str, value) -> Study:
    """The study with another value of one key."""
    content = with_defaults(read_config(ROOT / "tests/tiny.yaml"))
    place = content
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    return load_study(content)


@pytest.mark.parametrize(
    ("keys", "value", "state"),
    [
        (("seed",), 7, "outdated"),
        (("training", "scratch", "epochs"), 5, "outdated"),
        (("training", "precision"), "tf32", "outdated"),
        (("training", "device"), "cpu", "done"),
        (("mirror",), "http://localhost", "done"),
        (("split", "test_fraction"), 0.3, "outdated"),
        (("protocols", "clean", "scaling"), "dataset", "outdated"),
        (("protocols", "clean", "equals_in_pool"), "kept", "outdated"),
        (("datasets", "EFORM", "crystals"), 31, "outdated"),
        (("datasets", "EFORM", "label"), "energy", "done"),
        (("datasets", "EFORM", "unit"), "kJ/mol", "outdated"),  # every model says its unit
        (("protocols", "clean", "seen_in_test"), "kept", "done"),  # no pre-training
        (("graphs", "compress"), False, "outdated"),
        (("imposed", "test_ids"), "tests.json", "outdated"),
        (("cleaning", "max_rejected"), 0.5, "done"),
    ],
)
def test_a_run_is_done_as_the_config_describes_it_now(study, tmp_path, keys, value, state):
    study = replace(study, layout=Layout(str(tmp_path)))
    id = next(id for id in study.runs if id.startswith("scratch"))
    write_json(study.layout.run(id).metrics, {})
    write_json(study.layout.run(id).description, trained(study, id, 1.0))
    now = replace(another(*keys, value=value), layout=study.layout)
    assert progress.standings(now)[id].state == state
    assert [run.id for run in progress.finished(now, now.runs.values())] == [id][: state == "done"]


@pytest.mark.parametrize(
    "change",
    [
        (("protocols", "clean", "seen_in_test"), "kept"),
        (("datasets", "BULK", "crystals"), 31),  # another test set, whose crystals are left out
    ],
)
def test_what_is_trained_from_a_pretraining_is_outdated_with_it(study, change):
    keys, value = change
    now = another(*keys, value=value)
    pairs = [id for id in study.runs if id.startswith(("pretrain_EFORM", "finetune_EFORM"))]
    assert pairs
    for id in pairs:
        assert now.data(now.runs[id]) != study.data(study.runs[id])


@pytest.mark.parametrize("kind", ["scratch", "baseline"])
def test_what_nothing_is_fine_tuned_to_changes_no_pretraining(kind):
    """`seen_in_test: removed` takes out what pre-trained models are tested on, nothing else."""
    content = with_defaults(read_config(ROOT / "tests/tiny.yaml"))
    content["datasets"]["OTHER"] = {**content["datasets"]["BULK"], "crystals": 40}
    before = load_study(content)
    content["experiments"]["more"] = {
        "kind": kind, "datasets": ["OTHER"], "sizes": [10], "trials": [1]
    }  # fmt: skip
    after = load_study(content)
    assert "OTHER" in after.tested_datasets
    for code in ("EFORM", "BULK"):
        assert after.other_tests(code) == before.other_tests(code)
        assert after.other_tests(code)
    for id, run in before.runs.items():
        assert after.data(run) == before.data(run), id


def test_another_unit_trains_nothing_again_that_only_leaves_its_crystals_out(study):
    now = another("datasets", "BULK", "unit", value="kbar")
    for id, run in study.runs.items():
        is_its = "BULK" in (run.dataset, *(run.source.properties if run.source else ())) or (
            run.source is not None and run.source.dataset == "BULK"
        )
        assert (now.data(now.runs[id]) != study.data(run)) == is_its, id


def test_dates_come_back_where_nothing_was_started(study, tmp_path):
    study = replace(study, layout=Layout(str(tmp_path)))
    write_text(study.layout.claims, "claim\n")
    date = Path(study.layout.claims).stat().st_mtime_ns
    dates = outdated.date_back(study)
    assert Path(study.layout.claims).stat().st_mtime_ns == 0
    # a second dry run beside it remembers nothing, and what was made anew keeps its date
    outdated.restore(outdated.date_back(study).before)
    assert Path(study.layout.claims).stat().st_mtime_ns == 0
    outdated.restore(dates.before)
    assert Path(study.layout.claims).stat().st_mtime_ns == date
    dates = outdated.date_back(study)
    os.utime(study.layout.claims, (7, 7))
    outdated.restore(dates.before)
    assert Path(study.layout.claims).stat().st_mtime == 7


@pytest.mark.parametrize(
    ("metrics", "said"),
    [
        ({"n_test": 5, "mae": 0.5}, False),
        ({"n_test": 5, "mae": None}, True),
        ({"n_test": 0, "mae": None}, False),  # nothing is tested
        ({"properties": {"A": {"n_test": 5, "mae": 1.0}, "B": {"n_test": 5, "mae": None}}}, True),
    ],
)
def test_a_training_that_diverged_is_done_and_said_to_be(study, tmp_path, metrics, said):
    study = replace(study, layout=Layout(str(tmp_path)))
    id = next(id for id in study.runs if id.startswith("scratch"))
    write_json(study.layout.run(id).metrics, metrics)
    write_json(study.layout.run(id).description, trained(study, id, 1.0))
    found = progress.standings(study)
    assert (found[id].state, found[id].diverged) == ("done", said)
    assert progress.diverged(found) == [id] * said
    if said:
        assert progress.said_of_diverged([id]).startswith(f"Diverged, and in no mean: {id}.")


def test_a_table_of_another_user_is_named(study, tmp_path, monkeypatch):
    study = replace(study, layout=Layout(str(tmp_path)))
    write_text(study.layout.claims, "claim\n")

    def refused(path, times):
        raise PermissionError(1, "Operation not permitted", path)

    monkeypatch.setattr(outdated.os, "utime", refused)  # as for a file of another user
    assert outdated.date_back(study).left == [study.layout.claims]
    with pytest.raises(InputError, match=r"claims.csv: shows a run that is not there any more"):
        outdated.require_writable(study)


def test_a_damaged_description_is_left_out(study, tmp_path, capsys):
    study = replace(study, layout=Layout(str(tmp_path)))
    damaged = ("{", '{"seconds": "long"}', "[]", '{"run": {}, "settings": [], "seconds": 1}')
    for id, content in zip(study.runs, damaged, strict=False):
        write_json(study.layout.run(id).metrics, {})
        write_text(study.layout.run(id).description, content)
    _, correction = progress.by_experiment(study, progress.standings(study))
    assert correction == 1
    assert capsys.readouterr().out.count("is damaged and left out") == 4


@pytest.mark.parametrize(
    "content", ["[]", "3", "{}", '{"id": "a"}', '{"mae": "x"}', '{"r2": []}'], ids=str
)
def test_damaged_metrics_are_named(study, tmp_path, content):
    run = next(run for run in study.runs.values() if not run.is_pretraining)
    row = json.loads(content)
    if isinstance(row, dict) and "id" not in row and row:
        row = result_row(run.id, cell_of(run), run.trial, row)
    write_json(tmp_path / "metrics.json", row)
    with pytest.raises(InputError, match=r"metrics.json: has no metrics of a run; delete it"):
        runs_table([tmp_path / "metrics.json"])


@pytest.mark.parametrize("content", ["", "id,mae\na,1\n", "\0", '"', "id\na,b\n"], ids=repr)
def test_what_is_no_table_of_runs_is_named(tmp_path, content):
    write_text(tmp_path / "a_runs.csv", content)
    with pytest.raises(InputError, match=r"a_runs.csv: (has no column|cannot be read as a table)"):
        read_runs([tmp_path / "a_runs.csv"])


def test_experiments_without_a_grid_are_reported(tmp_path):
    """Nothing that runs may be missing in what `plan` and `status` say."""
    content = {
        "results": str(tmp_path / "results"),
        "datasets": read_config(ROOT / "tests/tiny.yaml")["datasets"],
        "experiments": {
            "others": {"kind": "baseline", "datasets": ["EFORM", "BULK"], "sizes": [10]},
            "mine": {"kind": "finetune", "dataset": "BULK", "source": "scratch"},
        },
    }
    write_text(tmp_path / "own.yaml", json.dumps(content))
    said = {
        command: CliRunner().invoke(app, [command, "--configfile", f"{tmp_path}/own.yaml"]).output
        for command in ("plan", "status", "compare")
    }
    assert re.search(r"mine: a model of 5 members; each asks for \d+ minutes", said["plan"])
    assert "others: baselines of 0 of 2 datasets are there." in said["status"]
    assert "mine: the model is not there yet." in said["status"]
    assert not any("Empty DataFrame" in output for output in said.values())


def test_what_another_config_has_drawn_is_set_aside(study, tmp_path):
    """Tables of an experiment that is gone would be compared, figures be taken for the study's."""
    study = replace(study, layout=Layout(str(tmp_path)))
    layout = study.layout
    gone = [
        layout.table("old", "runs"),
        layout.figure("old_figure"),
        layout.figure("old_figure", "csv"),
    ]
    own = f"{tmp_path}/figures/drawn_by_hand.svg"
    for path in [*gone, own]:
        write_text(path, "content")
    assert sorted(outdated.set_aside(study)) == sorted(gone)
    assert Path(own).exists()
    assert all(Path(layout.set_aside(path)).read_text() == "content" for path in gone)

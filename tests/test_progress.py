"""Where a study stands, from its files: done, running, failed, interrupted, left."""

import os
import time
from dataclasses import replace

import pytest
from conftest import ROOT

from crystal_transfer.experiments.config_files import read_config
from crystal_transfer.experiments.study import load_study, with_defaults
from crystal_transfer.files import write_json, write_text
from crystal_transfer.operations import progress
from crystal_transfer.operations.cost import seconds
from crystal_transfer.results.layout import Layout

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
    write_json(tmp_path / f"runs/{done}/run.json", {"seconds": 3 * expected[done]})

    states = progress.states(study)
    assert {states[id] for id in ids[len(LOGS) + 1 :]} == {"left"}
    assert states[done] == "done"
    for id, case in cases.items():
        assert states[id] == FOUND.get(case, case), case

    table = progress.unfinished(study, states)
    assert sorted(table["state"]) == ["failed", "failed", "interrupted", "interrupted"]
    assert all(
        (tmp_path / f"logs/train/{run}.log").samefile(log)
        for run, log in zip(table["run"], table["log"], strict=True)
    )

    counts, correction = progress.by_experiment(study, states)
    assert correction == pytest.approx(3)
    total = counts.set_index("experiment").loc["all"]
    assert [total[name] for name in progress.STATES] == [1, 1, 2, 2, len(ids) - 6]
    left = 3 * (sum(expected.values()) - expected[done]) / 3600
    assert total["hours left"] == pytest.approx(left)
    assert counts.iloc[:-1]["done"].sum() == 1


def test_a_damaged_description_is_left_out(study, tmp_path, capsys):
    study = replace(study, layout=Layout(str(tmp_path)))
    first, second = list(study.runs)[:2]
    for id, content in ((first, "{"), (second, '{"seconds": "long"}')):
        write_json(study.layout.run(id).metrics, {})
        write_text(study.layout.run(id).description, content)
    _, correction = progress.by_experiment(study, progress.states(study))
    assert correction == 1
    assert capsys.readouterr().out.count("is damaged and left out") == 2

"""Where a study stands, from its files: done, running, failed, interrupted, left."""

import os
import time

import pytest
from conftest import ROOT

from crystal_transfer.experiments import progress
from crystal_transfer.experiments.config import read_config
from crystal_transfer.experiments.study import load_study
from crystal_transfer.files import write_json, write_text
from crystal_transfer.operations.cost import read_throughput, seconds, workload

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
    return load_study(read_config([ROOT / "config.yaml", ROOT / "tests/tiny.yaml"]), ROOT)


def test_every_state_is_told_apart(study, tmp_path):
    speed, _ = read_throughput(ROOT / "resources/throughput.yaml", "cpu")
    expected = {
        id: seconds(workload(run, study.datasets, 0.2), speed) for id, run in study.runs.items()
    }
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
    write_json(tmp_path / f"runs/{done}/run.yaml", {"seconds": 3 * expected[done]})

    runs = study.runs.values()
    states = progress.states(runs, tmp_path)
    assert {states[id] for id in ids[len(LOGS) + 1 :]} == {"left"}
    assert states[done] == "done"
    for id, case in cases.items():
        assert states[id] == FOUND.get(case, case), case

    table = progress.unfinished(runs, tmp_path, states)
    assert sorted(table["state"]) == ["failed", "failed", "interrupted", "interrupted"]
    assert all(
        (tmp_path / f"logs/train/{run}.log").samefile(log)
        for run, log in zip(table["run"], table["log"], strict=True)
    )

    counts, correction = progress.by_experiment(study, tmp_path, states, speed, 0.2)
    assert correction == pytest.approx(3)
    total = counts.set_index("experiment").loc["all"]
    assert [total[name] for name in progress.STATES] == [1, 1, 2, 2, len(ids) - 6]
    left = 3 * (sum(expected.values()) - expected[done]) / 3600
    assert total["hours left"] == pytest.approx(left)
    assert counts.iloc[:-1]["done"].sum() == 1

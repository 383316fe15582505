"""What a cluster is asked for, and who works on a study; without a cluster."""

import os
import socket
import subprocess
import sys

import psutil
import pytest
from conftest import ROOT

from crystal_transfer.cluster import job_name, take_over
from crystal_transfer.errors import InputError
from crystal_transfer.experiments.config import read_config
from crystal_transfer.experiments.cost import (
    data_memory_mb,
    data_minutes,
    memory_mb,
    minutes,
    read_throughput,
    workload,
)
from crystal_transfer.experiments.study import load_study
from crystal_transfer.experiments.usage import by_rule, records
from crystal_transfer.files import read_json, write_json


@pytest.fixture(scope="module")
def paper():
    return load_study(read_config([ROOT / "config.yaml"]), ROOT)


def requests(paper, device):
    speed, _ = read_throughput(ROOT / "resources/throughput.yaml", device)
    work = {id: workload(run, paper.datasets, 0.1) for id, run in paper.runs.items()}
    return {id: (minutes(item, speed), memory_mb(item, speed)) for id, item in work.items()}


def test_larger_trainings_ask_for_more_and_small_ones_for_little(paper):
    asked = requests(paper, "cuda")
    assert asked["scratch_PH_n10_t1"][0] < 30
    assert asked["pretrain_FE_n100000"] > asked["pretrain_FE_n1000"] > asked["scratch_PH_n10_t1"]
    assert max(memory for _, memory in asked.values()) < 64_000


MEASURED = {"scratch_PH_n10_t1": 670, "scratch_BG_n200_t1": 2038}  # MB, peak of the process


@pytest.mark.parametrize(("run", "megabytes"), MEASURED.items())
def test_the_memory_asked_for_is_enough_and_not_far_more(paper, run, megabytes):
    _, asked = requests(paper, "cpu")[run]
    assert 1.1 * megabytes < asked < 3 * megabytes


def test_jobs_on_datasets_ask_by_their_size(paper):
    _, speed = read_throughput(ROOT / "resources/throughput.yaml", "cpu")
    small, large = [paper.datasets["PH"]], [paper.datasets["FE"]]
    assert data_minutes(small, speed) < 15 < data_minutes(large, speed) < 60
    assert data_memory_mb(small, speed) < 1500 < data_memory_mb(large, speed) < 8000
    assert data_memory_mb([{"source": "file"}], speed) > 1500


def test_a_living_snakemake_keeps_its_study(tmp_path):
    record = tmp_path / "snakemake.json"
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as other:
        started = psutil.Process(other.pid).create_time()
        before = {"host": socket.gethostname(), "pid": other.pid, "started": started, "log": ""}
        write_json(record, before)
        with pytest.raises(InputError, match=f"process {other.pid} works on this study"):
            take_over(record, tmp_path / "own.log")
        assert read_json(record) == before
        other.kill()
    take_over(record, tmp_path / "own.log")
    assert read_json(record)["pid"] == os.getpid()


def test_another_process_with_the_same_number_is_not_it(tmp_path):
    record = tmp_path / "snakemake.json"
    before = {"host": socket.gethostname(), "pid": os.getpid(), "started": 1.0, "log": ""}
    write_json(record, before)
    take_over(record, tmp_path / "own.log")
    assert read_json(record)["started"] > 1


def test_the_name_of_jobs_is_read_from_the_log(tmp_path):
    log = tmp_path / "main.log"
    log.write_text("Building DAG of jobs...\nSLURM run ID: 2e974c5c-8d68\nUsing shell\n")
    assert job_name(log) == "2e974c5c-8d68"
    assert job_name(tmp_path / "missing.log") is None


def test_records_of_jobs(tmp_path):
    line = (
        '{"rule_name": "scratch", "s": %s, "max_rss": %s, "threads": 1, "cpu_time": 30, '
        '"resources": {"runtime": 10, "mem_mb": 1000}}\n'
    )
    (tmp_path / "a.jsonl").write_text(line % (60, 500))
    (tmp_path / "b.jsonl").write_text(line % (999, 999) + line % (120, '"NA"'))
    (tmp_path / "old.jsonl").write_text('{"s": 1, "max_rss": 3}\n')
    table = by_rule(records(sorted(tmp_path.glob("*.jsonl")))).set_index("rule")
    row = table.loc["scratch"]
    assert row["jobs"] == 2
    assert row["used_minutes"] == 1.5
    assert row["closest_minutes"] == 0.2
    assert row["most_mb"] == 500
    assert row["used_cores"] == 0.375


def test_trainings_that_cannot_share_evenly():
    config = read_config([ROOT / "config.yaml"]) | {"runs_per_gpu": 3}
    with pytest.raises(InputError, match="runs_per_gpu: 3 trainings cannot share"):
        load_study(config, ROOT)

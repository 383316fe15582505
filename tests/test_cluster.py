"""What a cluster is asked for, and who works on a study; without a cluster."""

import fcntl
import json
import os
import re
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import asdict

import pytest
import yaml
from conftest import ROOT

from crystal_transfer.bundles import cost as member_cost
from crystal_transfer.bundles import names
from crystal_transfer.errors import InputError
from crystal_transfer.experiments.config_files import read_config
from crystal_transfer.experiments.study import load_study, with_defaults
from crystal_transfer.files import read_json, write_json
from crystal_transfer.operations import claim as claiming
from crystal_transfer.operations.claim import take_over
from crystal_transfer.operations.cost import (
    data_memory_mb,
    data_minutes,
    memory_mb,
    minutes,
)
from crystal_transfer.operations.slurm import job_name
from crystal_transfer.operations.usage import by_rule, records


@pytest.fixture(scope="module")
def paper():
    return load_study(with_defaults({}))


def requests(device):
    study = load_study(with_defaults({"training": {"device": device}}))
    return {id: (minutes(study, run), memory_mb(study, run)) for id, run in study.runs.items()}


def test_the_profile_has_a_partition_for_every_rule_that_asks_for_a_gpu():
    text = "".join(path.read_text() for path in (ROOT / "rules").glob("*.smk"))
    rules = re.split(r"^rule (\w+):", text, flags=re.M)[1:]
    asking = {
        name for name, body in zip(rules[::2], rules[1::2], strict=True)
        if "cost.gpu_request" in body
    }  # fmt: skip
    for origin, heir in re.findall(r"^use rule (\w+) as (\w+)", text, flags=re.M):
        if origin in asking:
            asking.add(heir)
    profile = yaml.safe_load((ROOT / "slurm/profile.v9+.yaml").read_text())
    assert len(asking) == 5
    assert asking == profile["set-resources"].keys()


def test_members_of_models_ask_for_what_their_crystals_need():
    found = {}
    for rows in (300, 30_000):
        study = load_study(with_defaults({
            "training": {"device": "cpu"},
            "datasets": {"MINE": {"source": "file", "path": "mine.json", "rows": rows}},
            "experiments": {
                "ours": {"kind": "finetune", "dataset": "MINE"},
                "theirs": {"kind": "finetune", "dataset": "MINE", "source": "alignns.pt"},
            },
        }))  # fmt: skip
        for name in ("ours", "theirs"):
            found[name, rows] = member_cost.minutes(study, name), member_cost.memory_mb(study, name)
    assert found["ours", 300] < found["ours", 30_000]
    assert found["ours", 300][0] < found["theirs", 300][0]


def test_files_that_a_model_is_made_from_are_known_before_they_are_there(tmp_path):
    assert names.files_of("auto", "formula") == []
    assert names.files_of("results/a/runs/b", "none") == ["results/a/runs/b/model.safetensors"]
    assert names.files_of("a/model.safetensors", "groups.csv") == [
        "a/model.safetensors", "groups.csv",
    ]  # fmt: skip
    (tmp_path / "v1.0").mkdir()
    assert names.files_of(str(tmp_path / "v1.0"), "none") == [f"{tmp_path}/v1.0/model.safetensors"]


def test_larger_trainings_ask_for_more_and_small_ones_for_little():
    asked = requests("cuda")
    assert asked["scratch_PH_n10_t1"][0] < 30
    assert asked["pretrain_FE_n100000"] > asked["pretrain_FE_n1000"] > asked["scratch_PH_n10_t1"]
    assert max(memory for _, memory in asked.values()) < 64_000


MEASURED = {"scratch_PH_n10_t1": 670, "scratch_BG_n200_t1": 2038}  # MB, peak of the process


@pytest.mark.parametrize(("run", "megabytes"), MEASURED.items())
def test_the_memory_asked_for_is_enough_and_not_far_more(run, megabytes):
    _, asked = requests("cpu")[run]
    assert 1.1 * megabytes < asked < 3 * megabytes


def test_jobs_on_datasets_ask_by_their_size(paper):
    assert data_minutes(paper, ["PH"]) < 15 < data_minutes(paper, ["FE"]) < 60
    assert data_memory_mb(paper, ["PH"]) < 1500 < data_memory_mb(paper, ["FE"]) < 8000
    unknown = {"MINE": {"source": "file", "path": "mine.json"}}
    assert data_memory_mb(load_study(with_defaults({"datasets": unknown})), ["MINE"]) > 1500


WORKER = """
import sys, time
from crystal_transfer.operations.claim import take_over
from crystal_transfer.errors import InputError
for line in sys.stdin:
    start, record = line.split(maxsplit=1)
    while time.time() < float(start):
        pass
    try:
        take_over(record.strip(), "own.log")
        print("won", flush=True)
    except InputError as error:
        print(error, flush=True)
"""

# from here on, the kernel answers flock as a file system without locks does
NO_LOCKS = """
import ctypes, platform, struct
number = {"x86_64": 73, "aarch64": 32}[platform.machine()]
program = b"".join(struct.pack("HBBI", *step) for step in [
    (0x20, 0, 0, 0), (0x15, 0, 1, number), (6, 0, 0, 0x50000 + 37), (6, 0, 0, 0x7FFF0000)])
steps = ctypes.create_string_buffer(program)
filter = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", 4, ctypes.addressof(steps)))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, filter, 0, 0) == 0
"""


@contextmanager
def worker(before: str = ""):
    """Start a process that claims the studies it is told, and keeps them."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", before + WORKER], cwd=ROOT, **pipes) as process:
        yield process
        process.kill()


def tell(process, record, start: float = 0) -> None:
    process.stdin.write(f"{start} {record}\n")
    process.stdin.flush()


def claim(process, record) -> str:
    """Let a worker claim a study; return what came of it."""
    tell(process, record)
    return process.stdout.readline().strip()


def is_free(lock) -> bool:
    with lock.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def owner(**changes) -> dict:
    """Return a record of this very process, with changes."""
    return asdict(claiming._this_process("")) | changes


ELSEWHERE = {"host": "login2", "boot": "another", "pid": 4711}


@pytest.mark.parametrize("before", ["", NO_LOCKS], ids=["locks", "no locks"])
def test_of_two_at_the_same_time_one_wins(tmp_path, before):
    pairs = int(os.environ.get("CRYSTAL_TRANSFER_PAIRS", "30"))
    with worker(before) as one, worker(before) as other:
        for process in (one, other):
            assert claim(process, tmp_path / f"{process.pid}.json") == "won"
        for pair in range(pairs):
            record = tmp_path / f"study{pair}/snakemake.json"
            if pair % 2:  # in half of them one was killed before
                write_json(record, owner(started=1))
            start = time.time() + 0.02
            for process in (one, other):
                tell(process, record, start)
            won, lost = sorted(
                (process.stdout.readline().strip() for process in (one, other)), key=len
            )
            assert won == "won"
            assert "works on this study already" in lost
            assert read_json(record)["pid"] in (one.pid, other.pid)


@pytest.mark.parametrize("before", ["", NO_LOCKS], ids=["locks", "no locks"])
def test_a_living_snakemake_keeps_its_study(tmp_path, before):
    record = tmp_path / "snakemake.json"
    with worker(before) as other:
        assert claim(other, record) == "won"
        assert is_free(tmp_path / "snakemake.lock") == bool(before)
        written = read_json(record)
        with pytest.raises(InputError, match=f"process {other.pid} on host .* works on this study"):
            take_over(record, tmp_path / "own.log", force=True)
        assert read_json(record) == written
        other.kill()
        other.wait()
        take_over(record, tmp_path / "own.log")
    assert read_json(record)["pid"] == os.getpid()
    take_over(record, tmp_path / "other.log")  # it is ours
    assert read_json(record)["log"] == str(tmp_path / "other.log")


def test_a_deleted_lock_and_a_living_snakemake(tmp_path):
    record = tmp_path / "snakemake.json"
    with worker() as other:
        assert claim(other, record) == "won"
        (tmp_path / "snakemake.lock").unlink()
        with pytest.raises(InputError, match=f"process {other.pid} on host"):
            take_over(record, "own.log")


def test_a_lock_held_without_a_record(tmp_path):
    with (tmp_path / "snakemake.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        with pytest.raises(
            InputError, match=r"another Snakemake works .* delete .*snakemake\.lock"
        ):
            take_over(tmp_path / "snakemake.json", "own.log")
    take_over(tmp_path / "snakemake.json", "own.log")


@pytest.mark.parametrize("changes", [{"started": 1}, {"boot": "before a restart"}])
def test_another_process_with_the_same_number_is_not_it(tmp_path, changes):
    record = tmp_path / "snakemake.json"
    with worker() as other:
        started = claiming._started(other.pid)
        write_json(record, owner(pid=other.pid, started=started) | changes)
        take_over(record, "own.log")
    assert read_json(record)["pid"] == os.getpid()


def test_a_process_is_known_by_when_it_was_started():
    with worker() as other:
        assert claiming._started(other.pid) > 0
        other.kill()
        os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
        assert claiming._started(other.pid) is None  # not waited for yet: a zombie
    assert claiming._started(other.pid) is None


def test_another_host_is_believed_alive_until_told(tmp_path, monkeypatch):
    record = tmp_path / "snakemake.json"
    write_json(record, owner(**ELSEWHERE))
    with pytest.raises(InputError, match=r"4711 on host login2 .*CRYSTAL_TRANSFER_TAKE_OVER=1"):
        take_over(record, "own.log")
    assert read_json(record)["host"] == "login2"
    monkeypatch.setenv("CRYSTAL_TRANSFER_TAKE_OVER", "1")
    take_over(record, "own.log")
    assert read_json(record)["pid"] == os.getpid()


def test_one_that_ended_on_another_host_is_no_obstacle(tmp_path):
    record = tmp_path / "snakemake.json"
    with worker() as other:
        assert claim(other, record) == "won"
        other.stdin.close()
        other.wait()
    assert read_json(record)["ended"]
    write_json(record, read_json(record) | ELSEWHERE)
    take_over(record, "own.log")
    assert not read_json(record)["ended"]


DAMAGED = [b"", b"{", b"\xff\xfe", b"[]", b"7", b'{"host": 3}', b"[" * 5000]


@pytest.mark.parametrize("content", [*DAMAGED, {"pid": "1"}, {"pid": True}, {"more": 1}])
def test_a_damaged_record_is_set_aside(tmp_path, capsys, content):
    record = tmp_path / "snakemake.json"
    if isinstance(content, dict):
        content = json.dumps(owner(**content)).encode()
    record.write_bytes(content)
    take_over(record, "own.log")
    assert read_json(record)["pid"] == os.getpid()
    assert (tmp_path / "snakemake.damaged").read_bytes() == content
    assert "It is set aside" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "results").write_text("a file")
    with pytest.raises(InputError, match="config key `results`"):
        take_over(tmp_path / "results/snakemake.json", "own.log")


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """Put programs that do as they are told in the place of SLURM's."""

    def install(**programs):
        for name, script in programs.items():
            path = tmp_path / "bin" / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(f"#!/bin/sh\n{script}\n")
            path.chmod(0o755)

    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    return install


@pytest.fixture
def killed(tmp_path):
    """A record of a killed Snakemake that had submitted jobs."""
    log = tmp_path / "killed.log"
    log.write_text("SLURM run ID: 2e974c5c-8d68\n")
    write_json(tmp_path / "snakemake.json", owner(started=1, log=str(log)))
    return tmp_path / "snakemake.json"


@pytest.mark.parametrize(
    ("squeue", "fault"),
    [
        ("echo slurm_load_jobs error: Unable to contact >&2; exit 1", "Unable to contact"),
        ("exit 3", "exit status 3"),
        ("sleep 600", "no answer within"),
    ],
)
def test_a_squeue_that_fails_or_hangs(killed, slurm, monkeypatch, capsys, squeue, fault):
    monkeypatch.setattr("crystal_transfer.operations.slurm.ANSWER", 0.3)
    slurm(squeue=squeue)
    with pytest.raises(InputError, match=f"squeue: failed .*{fault}.*TAKE_OVER=1 to go on"):
        take_over(killed, "own.log")
    assert read_json(killed)["started"] == 1
    take_over(killed, "own.log", force=True)
    assert fault in capsys.readouterr().err
    assert read_json(killed)["pid"] == os.getpid()


def test_jobs_of_a_killed_snakemake_are_cancelled(killed, slurm, tmp_path, capsys):
    (tmp_path / "jobs").write_text("17\n18\n")
    slurm(
        squeue=f'echo "$@" > {tmp_path}/asked; cat {tmp_path}/jobs',
        scancel=f'echo "$@" > {tmp_path}/cancelled; : > {tmp_path}/jobs',
    )
    take_over(killed, "own.log")
    assert (tmp_path / "cancelled").read_text() == "--me --name=2e974c5c-8d68\n"
    assert "Cancelling 2 jobs" in capsys.readouterr().out


def test_the_name_of_jobs_is_read_from_the_log(tmp_path):
    log = tmp_path / "main.log"
    log.write_text("Building DAG of jobs...\nSLURM run ID: 2e974c5c-8d68\nUsing shell\n")
    assert job_name(log) == "2e974c5c-8d68"
    assert job_name(tmp_path / "missing.log") is None


def test_records_of_jobs(tmp_path):
    line = (
        '{"rule_name": "scratch", "s": %s, "max_rss": %s, "threads": 1, "cpu_time": 360, '
        '"resources": {"runtime": 20, "mem_mb": 1000}}\n'
    )
    (tmp_path / "a.jsonl").write_text(line % (480, 500))
    (tmp_path / "b.jsonl").write_text(line % (999, 999) + line % (240, '"NA"'))
    (tmp_path / "old.jsonl").write_text('{"s": 1, "max_rss": 3}\n')
    table = by_rule(records(sorted(tmp_path.glob("*.jsonl")))).set_index("rule")
    row = table.loc["scratch"]
    assert row["jobs"] == 2
    assert row["used_minutes"] == 6
    assert row["closest_minutes"] == 0.4
    assert row["most_mb"] == 500
    # the shorter one ended long after Snakemake had looked at it last
    assert row["used_cores"] == 0.75


def test_trainings_that_cannot_share_evenly():
    config = read_config(ROOT / "config.yaml") | {"runs_per_gpu": 3}
    with pytest.raises(InputError, match="runs_per_gpu: 3 trainings cannot share"):
        load_study(config)

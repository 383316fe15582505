"""The workflow on a real SLURM, with what happens there: kills, requeues, limits, lost nodes.

The cluster is one node with two GPUs, started here by tests/slurm/cluster.sh. Every result is
compared to the bit with that of an undisturbed run on this machine.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import torch
from conftest import ROOT, fresh_copy, on_path, snakemake, wait_until

from crystal_transfer.files import read_json
from crystal_transfer.models.weights import load_weights

CLUSTER = ROOT / "tests/slurm/cluster.sh"
NOT_HERE = 77  # exit status of cluster.sh where no SLURM can be started
FAULTS = ["--configfile", "tests/tiny.yaml", "tests/slurm/faults.yaml"]
MINIATURE = ["--configfile", "tests/tiny.yaml", "tests/slurm/miniature.yaml"]
# what a user of this cluster changes in the profile: no account, and what its partitions are called
HERE = ["--default-resources", "slurm_partition=cpu", "mem_mb=4000", "runtime=60"]
SINGLE = ["--group-components", "{cell}=1", "--slurm-init-seconds-before-status-checks", "1"]
RUNS = "results/tiny/runs"
SCRATCH = f"{RUNS}/scratch_EFORM_n20_t1/metrics.json"


@pytest.fixture(scope="module", autouse=True)
def cluster():
    """A SLURM cluster; the tests are skipped with a reason where none can be started."""
    done = subprocess.run([CLUSTER, "start"], capture_output=True, text=True)
    if done.returncode == NOT_HERE:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stdout + done.stderr
    yield
    subprocess.run([CLUSTER, "stop"], check=True, capture_output=True)


@pytest.fixture(scope="module")
def undisturbed(tiny_study, tmp_path_factory) -> Path:
    """A copy of the project with the results of a run without SLURM."""
    folder = without_runs(tiny_study, tmp_path_factory.mktemp("undisturbed") / "project")
    snakemake("--cores", "2", *FAULTS, "--", "tables", folder=folder)
    return folder


@pytest.fixture
def prepared(undisturbed, tmp_path) -> Path:
    """The same with the data only: all trainings are to be done."""
    return without_runs(undisturbed, tmp_path / "project")


def without_runs(study: Path, folder: Path) -> Path:
    """Copy a project with its datasets, graphs and baselines, and nothing that was trained."""
    shutil.copytree(study, folder, symlinks=True)
    for part in ("runs", "tables", "figures", "logs/train", "benchmarks/train", "snakemake.json"):
        path = folder / "results/tiny" / part
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    return folder


@pytest.fixture
def submit() -> Iterator[Callable[..., subprocess.Popen]]:
    """Start `snakemake --profile slurm`; what a failed test leaves running is ended."""
    started = []

    def submitted(*arguments: str, folder: Path) -> subprocess.Popen:
        program = ROOT / "tests/slurm/snakemake_polling.py"
        with (folder / "main.log").open("a") as log:
            process = subprocess.Popen(
                [sys.executable, program, "--profile", "slurm", *HERE, *arguments],
                cwd=folder,
                env=on_path(ROOT / "tests/slurm/bin"),
                start_new_session=True,
                stdout=log,
                stderr=log,
            )
        started.append(process)
        return process

    yield submitted
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def finished(main: subprocess.Popen, folder: Path, seconds: float = 900) -> str:
    """Wait until Snakemake has ended well, and give what it said."""
    try:
        status = main.wait(seconds)
    except subprocess.TimeoutExpired:
        main.kill()
        status = "no end"
    said = (folder / "main.log").read_text()
    jobs = subprocess.run(["squeue", "--states=all"], capture_output=True, text=True).stdout
    assert status == 0, f"{status}\n{said[-6000:]}\n{jobs}"
    return said


def log_of(run: str, folder: Path) -> Path:
    return folder / f"results/tiny/logs/train/{run}.log"


def slurm_logs(folder: Path) -> list[str]:
    return [path.read_text() for path in (folder / ".snakemake/slurm_logs").rglob("*.log")]


def says(log: Path, text: str) -> bool:
    return log.exists() and text in log.read_text()


def training(run: str, folder: Path) -> psutil.Process | None:
    """Find the process of a training: the one that has its log open."""
    log = str(log_of(run, folder).resolve())
    for process in psutil.process_iter():
        try:
            # the files of all processes would take longer to list than a training takes
            script = any("train.py" in part for part in process.cmdline())
            if script and any(file.path == log for file in process.open_files()):
                return process
        except psutil.Error:
            continue
    return None


class Trap(threading.Thread):
    """Stop trainings in their course, each as it begins: they shall not end before the fault.

    SLURM lets a stopped process go on when it tells it to end. A training is looked for as soon as
    it has a log, which is seconds before its first epoch, and all of them at once: one may run
    while the test waits for another.
    """

    def __init__(self, folder: Path, *runs: str):
        super().__init__(daemon=True)
        self.folder = folder
        self.caught: dict[str, psutil.Process] = {}
        self._free = set(runs)
        self.start()

    def run(self) -> None:
        seen: dict[str, psutil.Process] = {}
        while self._free:
            for run in list(self._free):
                if run not in seen and log_of(run, self.folder).exists():
                    process = training(run, self.folder)
                    if process is not None:
                        seen[run] = process
                if run in seen and not seen[run].is_running():
                    del seen[run]
                if run in seen and says(log_of(run, self.folder), "crystals to train on"):
                    seen[run].suspend()
                    self.caught[run] = seen[run]
                    self._free.remove(run)
            time.sleep(0.05)

    def catch(self, run: str) -> psutil.Process:
        """Wait until a training is stopped, and give its process."""
        wait_until(lambda: run in self.caught or not self.is_alive())
        assert run in self.caught, f"{run} ended too soon"
        return self.caught[run]


def scontrol(*arguments: str) -> None:
    subprocess.run(["scontrol", *arguments], check=True)


def assert_same_results(folder: Path, reference: Path, results: str = "results/tiny") -> None:
    """Compare all runs of a folder with those of the reference, to the bit."""
    runs = sorted(path.parent for path in (folder / results / "runs").glob("*/metrics.json"))
    assert runs
    for run in runs:
        other = reference / results / "runs" / run.name
        for name in ("metrics.json", "predictions.csv", "history.csv"):
            assert (run / name).read_bytes() == (other / name).read_bytes(), (run.name, name)
        ours, theirs = (load_weights(path / "model.safetensors") for path in (run, other))
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[key], theirs[key]) for key in ours), run.name


def test_killed_and_requeued_trainings_continue(undisturbed, submit, prepared):
    victim, requeued = "scratch_EFORM_n20_t1", "scratch_EFORM_n20_t2"
    trap = Trap(prepared, victim, requeued)
    main = submit(*FAULTS, *SINGLE, "--", "tables", folder=prepared)
    trap.catch(victim).kill()
    job = trap.catch(requeued).environ()["SLURM_JOB_ID"]
    scontrol("requeue", job)
    wait_until(lambda: says(log_of(requeued, prepared), "interrupted: stopped in epoch"))
    said = finished(main, prepared)

    assert "Trying to restart job" in said
    assert says(log_of(requeued, prepared), "continuing after epoch")
    made_by = read_json(prepared / f"results/tiny/runs/{requeued}/run.json")
    assert made_by["job"] == job
    assert_same_results(prepared, undisturbed)
    usage = (prepared / "results/tiny/tables/usage.csv").read_text()
    assert "finetune,1,11.0" in usage


def test_a_preempted_training_continues_in_the_same_job(undisturbed, submit, prepared):
    run = "scratch_EFORM_n20_t1"
    trap = Trap(prepared, run)
    main = submit(*FAULTS, *SINGLE, "--", SCRATCH, folder=prepared)
    job = trap.catch(run).environ()["SLURM_JOB_ID"]
    urgent = ["--partition=urgent", "--cpus-per-task=8", "--output=/dev/null", "--wrap=sleep 3"]
    subprocess.run(["sbatch", *urgent], check=True, capture_output=True)
    wait_until(lambda: says(log_of(run, prepared), "interrupted: stopped in epoch"))
    said = finished(main, prepared)

    assert "Trying to restart job" not in said
    assert says(log_of(run, prepared), "continuing after epoch")
    assert read_json(prepared / f"results/tiny/runs/{run}/run.json")["job"] == job
    assert_same_results(prepared, undisturbed)


def test_more_memory_after_too_little(undisturbed, submit, prepared):
    throughput = prepared / "resources/throughput.yaml"
    throughput.write_text(re.sub(r"memory: 4000", "memory: 250", throughput.read_text()))
    main = submit(*FAULTS, *SINGLE, "--retries", "4", "--", SCRATCH, folder=prepared)
    said = finished(main, prepared)

    assert any("exceeded memory limit" in log for log in slurm_logs(prepared)), said
    record = prepared / "results/tiny/benchmarks/train/scratch_EFORM_n20_t1.jsonl"
    asked = read_json(record)["resources"]["mem_mb"]
    assert asked >= 600 and asked % 300 == 0
    assert_same_results(prepared, undisturbed)


def test_past_its_time_limit_a_training_is_saved_and_goes_on(undisturbed, submit, prepared):
    limit = ["--set-resources", "scratch:runtime=1", "scratch:slurm_partition=gpu"]
    run = "scratch_EFORM_n20_t1"
    trap = Trap(prepared, run)
    main = submit(*FAULTS, *SINGLE, *limit, "--", SCRATCH, folder=prepared)
    trap.catch(run)
    wait_until(lambda: says(log_of(run, prepared), "interrupted: stopped in epoch"))
    said = finished(main, prepared)

    assert "Trying to restart job" in said
    assert any("DUE TO TIME LIMIT" in log for log in slurm_logs(prepared))
    assert says(log_of(run, prepared), "continuing after epoch")
    assert_same_results(prepared, undisturbed)


def test_a_node_is_lost_and_the_controller_restarts(undisturbed, submit, prepared):
    run = "scratch_EFORM_n20_t1"
    trap = Trap(prepared, run)
    other = f"{RUNS}/scratch_EFORM_n20_t2/metrics.json"
    main = submit(*FAULTS, *SINGLE, "--", SCRATCH, other, folder=prepared)
    trap.catch(run)
    node = os.uname().nodename.split(".")[0]
    scontrol("update", f"nodename={node}", "state=down", "reason=test")
    wait_until(lambda: says(log_of(run, prepared), "interrupted: stopped in epoch"))
    # jobs of the last seconds would be lost: the controller saves its state every five
    time.sleep(10)
    controller = Path(os.environ.get("SLURM_TEST_DIR", "/var/tmp/slurm-test")) / "slurmctld.pid"
    os.kill(int(controller.read_text()), signal.SIGKILL)
    time.sleep(5)
    subprocess.run([CLUSTER, "start"], check=True, capture_output=True)  # resumes the node, too
    said = finished(main, prepared)

    assert "Error" not in said
    assert says(log_of(run, prepared), "continuing after epoch")
    assert_same_results(prepared, undisturbed)


def test_a_killed_snakemake_is_started_again(undisturbed, submit, prepared):
    first, second = "scratch_EFORM_n20_t1", "pretrain_BULK_n30"
    targets = ["--", SCRATCH, f"{RUNS}/{second}/metrics.json"]
    trap = Trap(prepared, first, second)
    main = submit(*FAULTS, *SINGLE, *targets, folder=prepared)
    process = trap.catch(first)
    rival = submit(*FAULTS, *SINGLE, *targets, folder=prepared)
    assert rival.wait(300) != 0
    assert "works on this study already" in (prepared / "main.log").read_text()
    process.resume()
    trap.catch(second)
    done = prepared / "results/tiny/runs" / first / "metrics.json"
    wait_until(done.exists)
    os.killpg(main.pid, signal.SIGKILL)
    main.wait()
    said = finished(submit(*FAULTS, *SINGLE, *targets, folder=prepared), prepared)

    assert "that a killed Snakemake left in the queue" in said
    assert log_of(first, prepared).read_text().count("crystals to train on") == 1
    assert says(log_of(second, prepared), "continuing after epoch")
    assert_same_results(prepared, undisturbed)


def test_a_full_disk_is_named_and_then_goes_on(undisturbed, submit, prepared):
    run, disk = "scratch_EFORM_n20_t1", prepared / "results/tiny/runs"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", disk]).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        (disk / "something else").touch()
        main = submit(*FAULTS, *SINGLE, "--retries", "0", "--", SCRATCH, folder=prepared)
        assert main.wait(900) != 0
        said = (prepared / "main.log").read_text()
        assert f"failed: {run}, see results/tiny/logs/train/{run}.log" in said
        assert says(log_of(run, prepared), "No space left on device; make room")
        assert not (disk / run / "metrics.json").exists()
        subprocess.run(["mount", "-o", "remount,size=100m", disk], check=True)
        finished(submit(*FAULTS, *SINGLE, "--", SCRATCH, folder=prepared), prepared)
        assert_same_results(prepared, undisturbed)
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


def test_the_miniature_grid_through_the_profile_as_shipped(undisturbed, submit, tmp_path):
    folder = fresh_copy(tmp_path / "project")
    main = submit(*MINIATURE, "--", "tables", folder=folder)
    finished(main, folder, seconds=1800)
    runs = list((folder / "results/miniature/runs").glob("*/metrics.json"))
    assert len(runs) == 9
    # the trials of a cell share a job: 4 for them and 1 for pre-training
    jobs = {read_json(path.with_name("run.json"))["job"] for path in runs}
    assert len(jobs) == 5

    # however the trainings are packed, results are the same
    alone = tmp_path / "alone"
    shutil.copytree(folder, alone, symlinks=True)
    shutil.rmtree(alone / "results/miniature/runs")
    targets = [
        f"results/miniature/runs/{cell}_t{trial}/metrics.json"
        for cell in ("scratch_EFORM_n10", "finetune_BULK-n30_to_EFORM_n20_all")
        for trial in (1, 2)
    ]
    shared = ["--config", "runs_per_gpu=2", "shards_per_gpu=4"]
    finished(submit(*MINIATURE, *SINGLE, *shared, "--", *targets, folder=alone), alone)
    jobs = {read_json((alone / path).with_name("run.json"))["job"] for path in targets}
    assert len(jobs) == 4
    assert_same_results(alone, folder, "results/miniature")

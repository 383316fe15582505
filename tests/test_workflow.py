"""The workflow as a user runs it: dry runs, a whole tiny study, single figures, kills, faults."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import ase.build
import ase.io
import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import DRAWN, KEY, TARGETS, TINY, fresh_copy, snakemake, start, wait_until

from crystal_transfer.baselines import features
from crystal_transfer.baselines.run import row_of
from crystal_transfer.datasets import crystals, scaling, splits
from crystal_transfer.results.tables import read_runs, runs_table

TABLE = "results/tiny/tables/pairwise_cells.csv"
REPORT = "results/tiny/report.html"


def jobs_of(dry_run: str) -> dict[str, int]:
    """Read the table of jobs that a dry run prints."""
    return {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", dry_run, re.M)}


@pytest.fixture(scope="module")
def study(tiny_study, tmp_path_factory) -> Path:
    """A copy of the project in which the tiny study has run, with its report."""
    folder = tmp_path_factory.mktemp("workflow") / "project"
    shutil.copytree(tiny_study, folder, symlinks=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MP_API_KEY", KEY)
        snakemake(*TINY, "--report", REPORT, *TARGETS, folder=folder)
    return folder


def test_no_file_of_a_study_has_the_users_key(study):
    for path in [*study.glob("results/**/*"), *study.glob(".snakemake/**/*")]:
        if path.is_file():
            assert KEY.encode() not in path.read_bytes(), path


def test_lint():
    done = snakemake("--lint", check=False)
    assert "good condition" in done.stdout + done.stderr, done.stdout + done.stderr


def test_the_paper_is_planned_without_a_network(tmp_path):
    done = snakemake("-n", folder=fresh_copy(tmp_path))
    jobs = jobs_of(done.stdout)
    assert jobs["scratch"] == 175 + 1
    assert jobs["pretrain"] == 23
    assert jobs["multipretrain"] == 12
    assert jobs["finetune"] == 2933
    assert jobs["download"] == 9
    assert len((done.stdout + done.stderr).splitlines()) < 250


def test_the_cluster_profile_plans_without_a_cluster(tmp_path):
    folder = fresh_copy(tmp_path)
    small = ["--configfile", "tests/tiny.yaml"]
    done = snakemake("--profile", "slurm", "-n", "--quiet", "rules", *small, folder=folder)
    assert jobs_of(done.stdout)["finetune"] == 4


def test_as_a_module_of_another_workflow(tmp_path):
    project, other = fresh_copy(tmp_path / "project"), tmp_path / "other"
    other.mkdir()
    (other / "Snakefile").write_text(
        f'configfile: "{project}/tests/tiny.yaml"\n'
        f'module transfer:\n    snakefile: "{project}/workflow/Snakefile"\n    config: config\n'
        "use rule * from transfer as transfer_*\n"
    )
    done = snakemake("transfer_everything", "-n", "--quiet", "rules", folder=other)
    assert jobs_of(done.stdout)["transfer_finetune"] == 4


def test_a_figure_asks_for_its_own_runs_only(tmp_path):
    folder = fresh_copy(tmp_path)
    targets = {
        "results/figures/pairwise_heatmap.svg": (35, 210),
        "published_figures": (0, 0),
        "pairwise_heatmap_n200": (35, 210),
        "results/figures/multi_property_heatmap.csv": (0, 175),
        "unseen": (1, 6),
    }
    for target, (scratch, finetune) in targets.items():
        jobs = jobs_of(snakemake(target, "-n", "--quiet", "rules", folder=folder).stdout)
        assert (jobs.get("scratch", 0), jobs.get("finetune", 0)) == (scratch, finetune), target


def test_baselines_stand_beside_the_runs(study):
    """The same samples and test sets, once more computed here; rows and lines of the figures."""
    results = study / "results/tiny"
    runs = read_runs([results / "tables/baselines_runs.csv"])
    assert len(runs) == 2 * 2 * 2 * 3
    folder = results / "datasets/EFORM"
    again = row_of(
        "kernel", 20, 2, crystals.load(folder / "crystals.npz"),
        features.load(folder / "features.npz"), splits.load(folder / "split.json"),
        scaling.load(folder / "scaler.json"),
    )  # fmt: skip
    (row,) = runs[runs["id"] == again["id"]].to_dict("records")
    assert row["mae"] == pytest.approx(again["mae"], rel=1e-9)
    assert row["n_test"] == again["n_test"] == 6
    heatmap = pd.read_csv(results / "figures/pairwise_heatmap.csv")
    assert set(heatmap[heatmap["kind"] == "baseline"]["source"]) == {"median", "forest", "kernel"}
    assert set(heatmap["size"]) == {20}
    assert len(pd.read_csv(results / "figures/mae_by_size.csv")) == len(heatmap) * 2


def test_the_whole_tiny_study(study):
    results = study / "results/tiny"
    runs = pd.read_csv(results / "tables/pairwise_runs.csv")
    assert len(runs) == 4
    assert runs["r2"].notna().all()
    assert set(runs["source"]) == {"EFORM", "BULK"}
    metrics = [results / "runs" / id / "metrics.json" for id in runs["id"]]
    pd.testing.assert_frame_equal(
        read_runs([results / "tables/pairwise_runs.csv"]), runs_table(metrics)
    )
    figures = {path.name for path in (results / "figures").iterdir()}
    assert figures == {
        f"{name}.{format}" for name in DRAWN for format in ("svg", "png", "pdf", "csv")
    }
    usage = pd.read_csv(results / "tables/usage.csv").set_index("rule")
    assert usage.loc["finetune", "jobs"] == 4
    # every job got along with what it asked for
    assert (usage["closest_mb"].dropna() < 1).all()
    assert (usage["closest_minutes"] < 1).all()
    assert (results / "datasets/BULK/rejected.csv").read_text() == "id,reason\n"
    assert not list(results.rglob("*.part*"))
    assert not list((results / "checkpoints").glob("*"))


def test_a_finished_study_has_nothing_to_do(study):
    assert "Nothing to be done" in snakemake(*TINY, "-n", *TARGETS, folder=study).stdout


def test_a_comment_in_the_config_reruns_nothing(study):
    path = study / "tests/tiny.yaml"
    path.write_text(path.read_text() + "# a remark\n")
    assert "Nothing to be done" in snakemake(*TINY, "-n", *TARGETS, folder=study).stdout


def test_another_device_retrains_nothing(study):
    told = ["--config", "training={'device': 'cuda'}"]
    assert "Nothing to be done" in snakemake(*TINY, *told, "-n", *TARGETS, folder=study).stdout


def test_another_version_of_the_data_reads_them_again(study):
    path = study / "crystal_transfer/runs.py"
    before = path.read_text()
    try:
        path.write_text(re.sub(r"(DATA_VERSION = )\d+", r"\g<1>99", before))
        jobs = jobs_of(snakemake(*TINY, "-n", *TARGETS, folder=study).stdout)
    finally:
        path.write_text(before)
    assert {"clean", "split", "normalise", "graphs", "features", "baselines"} <= set(jobs)


def test_another_hyperparameter_retrains_what_it_concerns(study):
    path = study / "tests/tiny.yaml"
    before = path.read_text()
    content = yaml.safe_load(before)
    content["training"]["finetune"] = content["training"]["finetune"] | {"epochs": 4}
    try:
        path.write_text(yaml.safe_dump(content, sort_keys=False))
        jobs = jobs_of(snakemake(*TINY, "-n", *TARGETS, folder=study).stdout)
    finally:
        path.write_text(before)
    assert jobs["finetune"] == 4
    assert "scratch" not in jobs
    assert "pretrain" not in jobs


def test_weights_from_a_file_are_fine_tuned(study, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(study, folder, symlinks=True)
    content = yaml.safe_load((folder / "tests/tiny.yaml").read_text())
    runs = folder / "results/tiny/runs"
    shutil.copy(runs / "pretrain_BULK_n30/model.safetensors", folder / "own.safetensors")
    content["checkpoints"] = {"OWN": "own.safetensors"}
    content["experiments"]["pairwise"] |= {"pretrain": ["OWN"], "finetune": ["EFORM"]}
    (folder / "own.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    run = "finetune_OWN_to_EFORM_n20_all_t1"
    target = f"results/tiny/runs/{run}/metrics.json"
    snakemake(target, "--cores", "1", "--configfile", "own.yaml", folder=folder)
    own = pd.read_csv(runs / run / "predictions.csv")
    same = runs / "finetune_BULK-n30_to_EFORM_n20_all_t1"
    assert own.equals(pd.read_csv(same / "predictions.csv"))


def test_another_config_moves_no_figure_in_a_dry_run_and_deletes_none(study, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(study, folder, symlinks=True)
    content = yaml.safe_load((folder / "tests/tiny.yaml").read_text())
    content["experiments"]["pairwise"] |= {"sizes": [12]}
    (folder / "own.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    results = folder / "results/tiny"
    before = (results / "figures/fig4b.csv").read_bytes()
    said = snakemake("-n", "--configfile", "own.yaml", folder=folder).stdout
    assert "fig4b" in said
    assert (results / "figures/fig4b.csv").read_bytes() == before
    target = "results/tiny/datasets/EFORM/split.json"
    said = snakemake(
        "-c1", "--forcerun", "split", "--configfile", "own.yaml", "--", target, folder=folder
    ).stderr
    assert (
        "fig4b.csv: shows no run of this config that is there; set aside in results/tiny/outdated"
        in said
    )
    assert (results / "outdated/figures/fig4b.csv").read_bytes() == before
    snakemake(*TINY, "--", "results/tiny/figures/fig4b.csv", folder=folder)
    assert (results / "figures/fig4b.csv").read_bytes() == before


def test_the_report(study):
    page = (study / REPORT).read_text()
    for text in ("pairwise_heatmap", "Pair-wise transfer", "pairwise_cells"):
        assert text in page


def test_the_report_in_a_browser(study, tmp_path):
    browser = shutil.which("chromium")
    if browser is None:
        pytest.skip("needs chromium")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=8000",
               "--disable-background-networking", f"--user-data-dir={tmp_path}"]  # fmt: skip
    done = subprocess.run(
        [browser, *options, "--dump-dom", f"file://{study}/{REPORT}"],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert "Figures" in done.stdout
    assert "Tables" in done.stdout


def test_killed_at_random_moments_the_same_command_completes(study, tmp_path):
    folder = fresh_copy(tmp_path)
    chance = random.Random()
    for whole_group in (True, False):
        process = start(*TINY, "--", TABLE, folder=folder)
        time.sleep(chance.uniform(4, 15))
        # the whole group: trainings too; else Snakemake alone, and its trainings go on
        (os.killpg if whole_group else os.kill)(process.pid, signal.SIGKILL)
        process.wait()
    snakemake(*TINY, "--", TABLE, folder=folder)
    runs = sorted((folder / "results/tiny/runs").iterdir())
    assert len(runs) == 6
    for run in runs:
        for name in ("metrics.json", "predictions.csv"):
            path = run / name
            assert path.read_bytes() == (study / path.relative_to(folder)).read_bytes(), run.name


@pytest.mark.parametrize("ask", ["SIGTERM", "Ctrl-C"])
def test_asked_to_stop_it_saves_and_goes_on_to_the_same_bits(ask, study, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(study, folder, symlinks=True)
    run = "scratch_EFORM_n20_t1"
    (folder / "long.yaml").write_text("training: {scratch: {epochs: 120}}\n")
    options = [*TINY, "long.yaml", "--"]
    target = f"results/tiny/runs/{run}/metrics.json"
    shutil.rmtree(folder / "results/tiny/runs" / run)
    snakemake(*options, target, folder=folder)
    undisturbed = (folder / target).read_bytes()
    shutil.rmtree(folder / "results/tiny/runs" / run)
    (folder / f"results/tiny/logs/train/{run}.log").unlink()

    process = start(*options, target, folder=folder)
    checkpoint, log = (
        folder / f"results/tiny/checkpoints/{run}.pt",
        folder / f"results/tiny/logs/train/{run}.log",
    )
    wait_until(lambda: log.exists() and "crystals to train on" in log.read_text())
    if ask == "Ctrl-C":  # which a terminal sends to all processes of the command
        os.killpg(process.pid, signal.SIGINT)
    else:
        training = subprocess.run(
            ["pgrep", "-f", f"{folder}.*train.py"], capture_output=True, text=True
        )
        for pid in training.stdout.split():
            os.kill(int(pid), signal.SIGTERM)
    assert process.wait() != 0
    assert "interrupted: stopped in epoch" in log.read_text()
    assert checkpoint.exists()
    snakemake(*options, target, folder=folder)
    assert "continuing after epoch" in log.read_text()
    assert (folder / target).read_bytes() == undisturbed


def test_a_dry_run_of_another_config_leaves_a_study_finished(study):
    (study / "other.yaml").write_text("experiments: {scratch: {trials: [1, 2]}}\n")
    for options, total in (([], 0), (["other.yaml"], 10), ([], 0)):
        done = snakemake(*TINY, *options, "-n", "--", "tables", folder=study)
        assert (jobs_of(done.stdout).get("total", 0) > 0) == (total > 0), done.stdout


def test_a_pretraining_without_metrics_is_made_again(study):
    metrics = study / "results/tiny/runs/pretrain_EFORM_n30/metrics.json"
    aside = metrics.rename(study / "aside.json")
    try:
        done = snakemake(*TINY, "-n", "--", "tables", folder=study)
        assert jobs_of(done.stdout)["pretrain"] == 1
    finally:
        aside.rename(metrics)


def test_an_interrupted_training_is_taken_up_first(study, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(study, folder, symlinks=True)
    names = sorted(path.name for path in (folder / "results/tiny/runs").glob("scratch_BULK_*"))
    for name in names:
        shutil.rmtree(folder / "results/tiny/runs" / name)
    checkpoints = folder / "results/tiny/checkpoints"
    checkpoints.mkdir(exist_ok=True)
    targets = [f"results/tiny/runs/{name}/metrics.json" for name in names]
    options = ["--cores", "1", "--configfile", "tests/tiny.yaml", "--", *targets]
    for interrupted in (names[0], names[-1]):
        (checkpoints / f"{interrupted}.pt").write_text("cut short")
        snakemake(*options, folder=folder)
        runs = [folder / "results/tiny/runs" / name for name in names]
        first = min(runs, key=lambda run: (run / "metrics.json").stat().st_mtime_ns)
        assert first.name == interrupted
        for run in runs:
            shutil.rmtree(run)


# --- faults -----------------------------------------------------------------------------------


def fails(*arguments: str, folder: Path) -> str:
    """Run Snakemake, expect it to fail, and give all it printed."""
    done = snakemake(*arguments, folder=folder, check=False)
    assert done.returncode != 0
    return done.stdout + done.stderr


def test_a_wrong_config_is_one_sentence(tmp_path):
    folder = fresh_copy(tmp_path)
    output = fails("-n", "--config", "protocol=honest", folder=folder)
    assert "config key protocol: 'honest' is not known; use one of clean, paper." in output
    assert "Traceback" not in output


def reading(path: str, folder: Path, max_rejected: float = 0.05) -> list[str]:
    """Write a study of a user's data, and return what Snakemake is told to read them."""
    config = {
        "results": "results/mine", "cleaning": {"max_rejected": max_rejected},
        "datasets": {"MINE": {"source": "file", "path": path}},
        "experiments": {"scratch": {"kind": "scratch", "datasets": ["MINE"], "sizes": [5]}},
    }  # fmt: skip
    (folder / "mine.yaml").write_text(yaml.safe_dump(config))
    target = "results/mine/datasets/MINE/crystals.npz"
    return [target, "--configfile", "mine.yaml", "--cores", "1"]


def fails_on(data: str, folder: Path) -> str:
    """Run the reading of a user's file, expect it to fail, and give all that is printed."""
    fresh_copy(folder)
    (folder / "mine.json").write_text(data)
    return fails(*reading("mine.json", folder), folder=folder)


def test_a_run_that_is_not_in_the_grid(tmp_path):
    folder = fresh_copy(tmp_path)
    output = fails("results/runs/scratch_PH_n7_t1/metrics.json", "-n", folder=folder)
    assert "scratch_PH_n7_t1: not a run of this study" in output


def test_a_broken_file_is_named_where_the_user_looks(tmp_path):
    output = fails_on("[{", tmp_path)
    assert "error: mine.json: is not valid JSON" in output
    assert "Traceback" not in output
    assert "mine.json" in (tmp_path / "results/mine/logs/clean/MINE.log").read_text()


def test_a_file_without_a_usable_row_stops(tmp_path):
    output = fails_on('[{"jid": 1, "target": NaN, "atoms": {}}]', tmp_path)
    assert "none of its 1 rows is usable" in output


def test_read_only_results_can_be_looked_at_and_not_written(tmp_path):
    folder = fresh_copy(tmp_path)
    results = folder / "results"
    results.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(results)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("needs the right to mount a read-only folder (root ignores permissions)")
    try:
        file = "results/datasets/PH/crystals.npz"
        assert "total" in snakemake(file, "-n", "--quiet", "rules", folder=folder).stdout
        output = fails(file, "-c1", folder=folder)
    finally:
        subprocess.run(["umount", str(results)], check=True)
    assert "Traceback" not in output
    assert "config key results: the folder results is read-only" in output


def test_what_was_rejected_survives_the_failed_job(tmp_path):
    rows = [{"jid": n, "target": "na", "atoms": {}} for n in range(3)]
    output = fails_on(json.dumps(rows), tmp_path)
    rejected = (tmp_path / "results/mine/datasets/MINE/rejected.csv").read_text()
    assert rejected.count("\n") == 4
    assert "0 (" in output
    assert "starts them again, from their checkpoints" not in output


@pytest.mark.parametrize("written", ["results/tiny/", "./results/tiny"])
def test_a_folder_of_results_has_many_spellings(tmp_path, written):
    folder = fresh_copy(tmp_path)
    content = yaml.safe_load((folder / "tests/tiny.yaml").read_text()) | {"results": written}
    (folder / "own.yaml").write_text(yaml.safe_dump(content))
    target = "results/tiny/tables/scratch_cells.csv"
    jobs = jobs_of(snakemake(target, "-n", "--configfile", "own.yaml", folder=folder).stdout)
    assert jobs["scratch"] == 4


def test_a_mended_structure_is_read_again(tmp_path):
    folder = fresh_copy(tmp_path)
    data = folder / "mine"
    data.mkdir()
    for n in range(12):
        ase.io.write(data / f"c{n}.vasp", ase.build.bulk("NaCl", "rocksalt", a=5.6 + 0.01 * n))
    (data / "c5.vasp").write_text("broken")
    (data / "id_prop.csv").write_text("".join(f"c{n}.vasp,{n}\n" for n in range(12)))
    options = reading("mine", folder, max_rejected=0.5)
    snakemake(*options, folder=folder)
    assert "c5.vasp" in (folder / "results/mine/datasets/MINE/rejected.csv").read_text()
    time.sleep(1.1)
    ase.io.write(data / "c5.vasp", ase.build.bulk("NaCl", "rocksalt", a=5.65))
    snakemake(*options, folder=folder)
    assert "c5.vasp" not in (folder / "results/mine/datasets/MINE/rejected.csv").read_text()
    (data / "c7.vasp").unlink()
    assert "Nothing to be done" not in snakemake(*options, "-n", folder=folder).stdout


def test_the_same_data_in_a_newer_file_changes_nothing(tmp_path):
    folder = fresh_copy(tmp_path)
    cell = np.array([[0, 2.8, 2.8], [2.8, 0, 2.8], [2.8, 2.8, 0]])
    sites = {"coords": [[0] * 3, [0.5] * 3], "elements": ["Na", "Cl"], "cartesian": False}
    rows = [
        {"jid": n, "target": n, "atoms": sites | {"lattice_mat": (cell * (1 + n / 100)).tolist()}}
        for n in range(12)
    ]
    data = folder / "mine.json"
    data.write_text(json.dumps(rows) + " " * 2_000_000)  # larger than what Snakemake looks into
    options = reading("mine.json", folder)
    snakemake(*options, folder=folder)
    soon = time.time() + 5
    os.utime(data, (soon, soon))
    assert "Nothing to be done" in snakemake(*options, "-n", folder=folder).stdout
    rows[3]["target"] = 1.5
    data.write_text(json.dumps(rows) + " " * 2_000_000)
    os.utime(data, (soon, soon))
    assert jobs_of(snakemake(*options, "-n", folder=folder).stdout)["clean"] == 1


def test_a_key_that_occurs_twice_is_refused_by_snakemake_too(tmp_path):
    folder = fresh_copy(tmp_path)
    (folder / "own.yaml").write_text("seed: 1\nseed: 2\n")
    output = fails("-n", "--configfile", "own.yaml", folder=folder)
    assert "the key 'seed' occurs twice" in output
    assert "Traceback" not in output


def test_config_files_after_two_options_are_refused(tmp_path):
    """Snakemake reads the last alone."""
    folder = fresh_copy(tmp_path)
    (folder / "own.yaml").write_text("seed: 3\n")
    tiny, own = ["--configfile", "tests/tiny.yaml"], ["--configfile", "own.yaml"]
    assert "name all files after one: --configfile" in fails("-n", *tiny, *own, folder=folder)
    both = snakemake("-n", "--quiet", "rules", *tiny, "own.yaml", folder=folder)
    assert jobs_of(both.stdout)["finetune"] == 4


def test_the_demo_is_planned_on_a_fresh_clone(tmp_path):
    done = snakemake("--profile", "demo", "-n", folder=fresh_copy(tmp_path))
    assert jobs_of(done.stdout)["finetune"] == 36

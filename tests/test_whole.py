"""The whole study of the paper, in miniature: every experiment, figure and table."""

import os
import re
import subprocess
import sys

import pandas as pd
import yaml
from conftest import ROOT, fresh_copy, snakemake


def test_the_whole_study_in_miniature(tmp_path):
    folder = fresh_copy(tmp_path)
    options = ["--cores", "2", "--configfile", "tests/whole.yaml"]
    snakemake(*options, folder=folder)
    results = folder / "results/whole"
    drawn = {path.stem for path in (results / "figures").glob("*.svg")}
    captions = {path.stem for path in (ROOT / "workflow/report").glob("*.rst")}
    # every caption has its figure: nothing of the paper is left out of the miniature but figS21,
    # whose FT sizes of 500 and 800 it does not have; tests/test_paper_figures.py draws that one,
    # and chance and ensembles, which want three trials
    shared = {"pretrain_size", "cells"}  # of figures with names of their own
    assert (
        captions - drawn
        == {"study", "table", "usage", "claims", "chance", "ensembles", "figS21"} | shared
    )
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    assert len(pd.read_csv(results / "tables/claims.csv")) > 20
    tables = {
        path.name.removesuffix("_cells.csv") for path in (results / "tables").glob("*_cells*")
    }
    # what scratch is when trained otherwise is not the paper's
    assert tables == config["experiments"].keys() | {"scratch_rates", "scratch_epochs"}
    for path in (results / "figures").glob("*.csv"):
        assert len(pd.read_csv(path)), path.name
    comparison = pd.read_csv(results / "figures/comparison.csv")
    assert {"scratch", "mpt"} <= set(comparison["section"])
    assert "Nothing to be done" in snakemake(*options, "-n", folder=folder).stdout
    runs = len(list((results / "runs").iterdir()))
    expected = {
        "plan": "all, each once",
        "status": rf"^\s*all\s+{runs}\s+0\s+0\s+0\s+0(.|\n)*^Finished runs took",
        "compare": "Within the joint 95 % interval",
    }
    for command, shown in expected.items():
        done = subprocess.run(
            [sys.executable, "-m", "crystal_transfer.cli", command, "--configfile",
             "tests/whole.yaml"], cwd=folder, env={**os.environ, "PYTHONPATH": str(folder)},
            capture_output=True, text=True,
        )  # fmt: skip
        assert re.search(shown, done.stdout, re.M), done.stdout + done.stderr

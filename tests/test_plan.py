"""Counts of a study, and of what its figures share; checked by hand on a small one."""

import json
import re

import pandas as pd
import pytest
from rows import run_row
from runs import SETTINGS
from typer.testing import CliRunner

from crystal_transfer.cli.app import app
from crystal_transfer.errors import InputError
from crystal_transfer.experiments.study import load_study, with_defaults
from crystal_transfer.files import write_text
from crystal_transfer.models.sizes import AlignnSizes, CgcnnSizes
from crystal_transfer.operations import plan
from crystal_transfer.operations.cost import n_parameters
from crystal_transfer.results import select
from crystal_transfer.results.tables import cells, comparable_cells
from crystal_transfer.training.device import require_threads

TWO = {
    "scratch": {"kind": "scratch", "datasets": ["PH", "DC"], "sizes": [10, 20], "trials": [1, 2]},
    "pairwise": {
        "kind": "transfer", "pairs": [["PH", "DC"], ["DC", "PH"]], "pretrain_sizes": [100],
        "sizes": [20], "trials": [1, 2],
    },
}  # fmt: skip


def test_trainings_of_experiments():
    study = load_study(with_defaults({"experiments": TWO}))
    table = plan.by_experiment(study).set_index("experiment")
    counted = table[["trainings", "pretrainings", "new"]].to_dict("index")
    assert counted["scratch"] == {"trainings": 8, "pretrainings": 0, "new": 8}
    assert counted["pairwise"] == {"trainings": 4, "pretrainings": 2, "new": 6}
    assert counted["all, each once"] == {"trainings": 12, "pretrainings": 2, "new": 14}
    assert table["hours"].iloc[:2].sum() == pytest.approx(table["hours"].iloc[2])


@pytest.mark.parametrize("second", [[], ["--configfile"]])
def test_config_files_are_named_as_for_snakemake(second, tmp_path):
    """One after the other behind one option; or with an option for each."""
    write_text(tmp_path / "a.yaml", json.dumps({"experiments": TWO}))
    write_text(tmp_path / "b.yaml", json.dumps({"experiments": {"pairwise": {"trials": [1]}}}))
    files = ["--configfile", f"{tmp_path}/a.yaml", *second, f"{tmp_path}/b.yaml"]
    said = CliRunner().invoke(app, ["plan", *files])
    assert re.search(r"^ *pairwise +2 ", said.output, re.MULTILINE), said.output


def test_runs_of_figures():
    study = load_study(with_defaults({"experiments": TWO}))
    table = plan.by_figure(study).set_index("figure")
    assert table.loc["scratch_heatmap"].tolist() == [8, 0, 8]
    # four of scratch at n = 20, four pairs, two pre-trainings: all of them in other figures too
    assert table.loc["pairwise_heatmap"].tolist() == [8, 2, 10]
    assert table.loc["fig6b"].tolist() == [4, 2, 6]


def test_pairs_at_more_sizes_are_shown_against_size_alone():
    """The largest size, at which all else is compared, is that of `pairwise`."""
    larger = TWO["pairwise"] | {"sizes": [30], "trials": [1]}
    block = {"scratch": TWO["scratch"] | {"sizes": [10, 20, 30]}, "pairwise": TWO["pairwise"]}
    study = load_study(with_defaults({"experiments": block | {"pairwise_sizes": larger}}))
    table = plan.by_figure(study).set_index("figure")
    assert table.loc["mae_by_size"].tolist() == [18, 2, 20]  # 12 of scratch, 4 pairs, and 2 at 30
    assert table.loc["pairwise_heatmap"].tolist() == [8, 2, 10]
    assert table.loc["pairwise_heatmap_n30"].tolist() == [6, 2, 8]
    assert "experiment_pairwise_sizes" not in table.index


def test_parameters_are_estimated_from_the_sizes():
    assert n_parameters(AlignnSizes()) == pytest.approx(4_026_753, rel=0.05)
    assert n_parameters(CgcnnSizes()) < 200_000


def run_of(kind: str, trial: int, r2, mae: float | None) -> dict:
    return run_row("DC", 20, r2, mae, "" if kind == "scratch" else "PH", trial=trial)


def test_changes_against_scratch_by_hand():
    runs = [run_of("scratch", t, -0.5, 2.0) for t in (1, 2)]
    runs += [run_of("finetune", t, 0.25, 1.5) for t in (1, 2)]
    found = comparable_cells(pd.DataFrame(runs))
    table = select.changes(found, select.scratch(found)).set_index("kind")
    assert table.loc["finetune", "r2_change"] == pytest.approx(150)
    assert table.loc["finetune", "mae_change"] == pytest.approx(25)
    assert table.loc["scratch", "r2_change"] == 0


def test_cells_of_unlike_trials_are_compared_on_those_they_share():
    """A third trial that is easy for all, and that the pair does not have."""
    runs = [run_of("scratch", t, 0.5, mae) for t, mae in ((1, 2.0), (2, 4.0), (3, 0.3))]
    runs += [run_of("finetune", t, 0.6, mae) for t, mae in ((1, 1.5), (2, 3.0))]
    runs += [run_of("scratch", 3, 0.5, 0.3) | {"size": 100}]  # a sample of its own
    found = comparable_cells(pd.DataFrame(runs))
    table = select.changes(found, select.scratch(found)).set_index(["kind", "size"])
    assert table.loc[("finetune", 20), "mae_change"] == pytest.approx(25)
    assert table["trials"].tolist() == [2, 2, 1]
    own = cells(pd.DataFrame(runs)).set_index(["kind", "size"])
    assert own.loc[("scratch", 20), "mae_mean"] == pytest.approx(2.1)


def test_a_trial_that_diverged_takes_no_other_cell_along():
    runs = [run_of("scratch", t, 0.5, 2.0) for t in (1, 2)]
    runs += [run_of("finetune", 1, 0.6, 1.5), run_of("finetune", 2, None, None)]
    assert comparable_cells(pd.DataFrame(runs))["trials"].tolist() == [2, 1]


def test_diverged_trials_are_counted_and_not_averaged():
    runs = [run_of("scratch", t, 0.5, 1.0) for t in (1, 2)]
    runs += [run_of("scratch", t, None, None) for t in (3, 4, 5)]
    cell = cells(pd.DataFrame(runs)).iloc[0]
    assert (cell["trials"], cell["diverged"]) == (2, 3)
    assert cell["mae_scaled_mean"] == 1.0


def test_fewer_cores_than_threads_are_refused():
    from dataclasses import replace

    require_threads(SETTINGS, 1)
    with pytest.raises(InputError, match=r"training.threads: 2 threads were asked for"):
        require_threads(replace(SETTINGS, threads=2), 1)

"""Beside the publication: every published cell has its counterpart in the paper's grid."""

import json

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT

from crystal_transfer.errors import InputError
from crystal_transfer.experiments.study import load_study, with_defaults
from crystal_transfer.results.equivalent import equivalent_sizes
from crystal_transfer.results.metrics import METRICS
from crystal_transfer.results.publication import KEY, beside, published, short
from crystal_transfer.results.tables import (
    CELL,
    cells,
    read_cells,
    read_runs,
    runs_table,
)
from crystal_transfer.runs import cell_of, result_row

FILE = ROOT / "resources/published_results.csv"


@pytest.fixture(scope="module")
def theirs() -> pd.DataFrame:
    return published(FILE)


def pretended(runs, folder, r2=0.5, mae=0.05):
    """Metrics of runs as if each trial had given these numbers, spread a little."""
    paths = []
    for run in runs:
        spread = 0.01 * (run.trial - 3)
        measured = {
            "r2": r2 + spread, "mae": 1.0, "mae_scaled": mae + spread / 10, "rmse": 1.0,
            "median_ae": 1.0, "spearman": 0.5,
            "n_test": 10, "best_epoch": 1,
        }  # fmt: skip
        paths.append(folder / f"{run.id}.json")
        paths[-1].write_text(json.dumps(result_row(run.id, cell_of(run), run.trial, measured)))
    return runs_table(paths)


def test_every_published_cell_is_in_the_grid(theirs):
    study = load_study(with_defaults({}))
    ours = {
        (
            run.source.dataset if run.source else "",
            run.source.size if run.source else 0,
            run.dataset,
            run.size,
            run.strategy,
            run.variation,
        )
        for runs in study.grid.values()
        for run in runs
    }
    missing = [key for key in theirs[KEY].itertuples(index=False, name=None) if key not in ours]
    assert missing == []


def test_any_subset_of_cells(theirs, tmp_path):
    study = load_study(with_defaults({}))
    runs = [study.runs[f"scratch_PH_n800_t{trial}"] for trial in range(1, 6)]
    runs.append(study.runs["finetune_BG-n941_to_DC_n500_last_layer_t1"])
    table = beside(cells(pretended(runs, tmp_path)), theirs).set_index("strategy")
    assert len(table) == 2
    scratch = table.loc[""]
    known = theirs[(theirs["dataset"] == "PH") & (theirs["size"] == 800)
                   & (theirs["strategy"] == "")].iloc[0]  # fmt: skip
    assert scratch["r2_theirs"] == known["r2_mean"]
    assert scratch["r2_difference"] == pytest.approx(0.5 - known["r2_mean"])
    width = 2.7764451 * 0.015811388 / np.sqrt(5)  # Student's t for 4 degrees of freedom
    assert scratch["r2_joint_ci95"] == pytest.approx(np.hypot(width, known["r2_ci95"]), rel=1e-6)
    assert scratch["r2_within"] == False  # noqa: E712
    assert pd.isna(table.loc["last_layer", "r2_within"])  # a single trial has no interval
    assert beside(cells(pretended(runs[:0], tmp_path)), theirs).empty


def test_tables_are_read_as_they_were_written(tmp_path):
    """Of every kind of run, with odd numbers and without numbers; a run of two tables once."""
    study = load_study(with_defaults({}))
    every = [runs[number] for runs in study.grid.values() for number in (0, -1)]
    rng = np.random.default_rng(1)
    written = pretended(dict.fromkeys(every), tmp_path)
    written["r2"] = rng.standard_normal(len(written)) * 10.0 ** rng.integers(-9, 9, len(written))
    written.loc[::3, ["r2", "mae", "mae_scaled", "rmse"]] = np.nan
    parts = [written[:9], written[6:]]
    paths = [tmp_path / f"{number}.csv" for number in range(2)]
    for part, path in zip(parts, paths, strict=True):
        part.to_csv(path, index=False)
    assert set(written["kind"]) >= {"scratch", "finetune"}
    assert {"", "FE"} <= set(written["source"])
    pd.testing.assert_frame_equal(read_runs(paths), written)
    cells(written).to_csv(paths[0], index=False)
    pd.testing.assert_frame_equal(read_cells(paths[0]), cells(written))


def test_tables_that_disagree_on_a_run_are_refused(tmp_path):
    """A table of an experiment that was renamed stays in the folder when its runs change."""
    paths = [tmp_path / name for name in ("old.csv", "new.csv")]
    for path, mae in zip(paths, (1.0, 2.0), strict=True):
        columns = ["id", *CELL, "trial", *METRICS]
        rows = pd.DataFrame([{"id": "a", "mae": 0.5}, {"id": "b", "mae": mae}], columns=columns)
        rows.to_csv(path, index=False)
    with pytest.raises(InputError, match=r"new.csv: has other numbers of b than .*old.csv"):
        read_runs(paths)


def test_anomalies_are_named_once():
    assert short("a also in: x/y.csv; a also in: z; b") == "a also in others; b"
    assert short("") == ""


def test_equivalent_sizes():
    rows = [
        ("scratch", "", 10, 1.0), ("scratch", "", 100, 0.1), ("scratch", "", 1000, 0.01),
        ("finetune", "A", 10, 0.1), ("finetune", "A", 100, 0.1 * 10**-0.5),
        ("finetune", "A", 1000, 0.001), ("finetune", "B", 10, 5.0),
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["kind", "source", "size", "mae_mean"])
    table = table.assign(dataset="X", source_size=941)
    found = equivalent_sizes(table)
    assert found["equivalent_size"].to_numpy() == pytest.approx([100, 10**2.5, 1000, 10])
    assert found["gain"].to_numpy() == pytest.approx([10, 10**0.5, 1, 1])
    assert found["beyond"].tolist() == [0, 0, 1, -1]
    alone = table.assign(dataset=table["kind"])  # scratch of another dataset than the pairs
    assert equivalent_sizes(alone).columns.equals(found.columns)

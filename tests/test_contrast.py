"""Studies beside each other, run by run."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rows import run_row
from scipy import stats

from crystal_transfer.datasets import splits
from crystal_transfer.errors import InputError
from crystal_transfer.figures import contrast as drawing
from crystal_transfer.results.contrast import contrast, require_same_tests, runs_of_folder
from crystal_transfer.results.layout import Layout


def runs(maes: list[float], kind: str = "scratch") -> pd.DataFrame:
    source = "" if kind == "scratch" else "B"
    return pd.DataFrame([
        run_row("A", 20, 1 - mae / 10, mae, source, kind=kind, trial=trial,
                id=f"{kind}_A_n20_t{trial}")
        for trial, mae in enumerate(maes, start=1)
    ])  # fmt: skip


def test_changes_are_those_of_scipys_paired_test():
    base, other = runs([2.0, 4.0, 5.0]), runs([1.0, 3.0, 5.5])
    equal = pd.concat([runs([1.0, 3.0, 5.5]), runs([1.0] * 3, "finetune")])
    (row,) = contrast(pd.concat([base, runs([1.0] * 3, "finetune")]), {"other": equal}).to_dict(
        "records"
    )
    assert (row["study"], row["cell"], row["trials"]) == ("other", "scratch_A_n20", 3)
    assert row["mae_increase"] == pytest.approx(np.mean([-50, -25, 10]))
    assert row["median_ae_increase"] == row["mae_increase"]
    assert (row["spearman_difference"], row["spearman_difference_ci95"]) == (0, 0)
    interval = stats.ttest_rel(other["r2"], base["r2"]).confidence_interval(0.95)
    assert row["r2_difference"] - row["r2_difference_ci95"] == pytest.approx(interval.low)
    assert row["r2_difference"] + row["r2_difference_ci95"] == pytest.approx(interval.high)


def test_a_trial_that_diverged_in_one_study_counts_in_none():
    other = runs([1.0, np.nan, 5.0, 5.0])
    (row,) = contrast(runs([2.0, 4.0, 5.0]), {"other": other}).to_dict("records")
    assert (row["trials"], row["diverged"]) == (2, 1)
    assert row["mae_increase"] == -25


def test_what_diverged_is_a_result():
    base, other = runs([2.0, 4.0, 5.0]), runs([2.0, 4.0, np.nan])
    (row,) = contrast(base, {"other": other}).to_dict("records")
    assert (row["trials"], row["diverged"], row["mae_increase"]) == (2, 1, 0)
    whole = [pd.concat([base, runs([mae], "finetune")]) for mae in (1.0, np.nan)]
    (row,) = contrast(whole[0], {"other": whole[1]}).to_dict("records")
    assert (row["cell"], row["trials"], row["diverged"]) == ("finetune_A_n20", 0, 1)


def test_studies_of_which_one_has_diverged_are_not_alike():
    nothing = runs([np.nan, np.nan, 5.0]).assign(mae=np.nan)
    for base, other in ((runs([2.0, 4.0, 5.0]), nothing), (nothing, runs([2.0, 4.0, 5.0]))):
        with pytest.raises(InputError, match=r"all 3 runs that it has in common .* diverged"):
            contrast(base, {"other": other})


def test_the_picture_has_a_row_per_study_and_no_cell_of_two_trials():
    base = pd.concat([runs([2.0, 4.0, 5.0]), runs([2.0, 3.0], "finetune")])
    worse = base.assign(mae=base["mae"] * 2)
    table = contrast(base, {"one": worse, "an_other": worse.head(3)})
    assert len(table) == 3
    figure = drawing.contrast(table)
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == ["one", "an other"]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["scratch A, n = 20"]


def test_cells_of_one_short_name_are_told_apart():
    base = pd.concat([runs([2.0, 4.0, 5.0]), runs([2.0, 4.0, 5.0])], ignore_index=True)
    base.loc[3:, "id"] = [f"scratch_A_n20_lr1e-4_t{trial}" for trial in (1, 2, 3)]
    figure = drawing.contrast(contrast(base, {"one": base.assign(mae=base["mae"] * 2)}))
    (legend,) = figure.legends
    names = {text.get_text() for text in legend.get_texts()}
    assert names == {"scratch_A_n20", "scratch_A_n20_lr1e-4"}


def test_no_two_cells_look_alike_and_a_far_one_hides_none():
    cells = [runs([2.0, 4.0, 5.0]).assign(dataset=f"D{n}") for n in range(20)]
    for n, some in enumerate(cells):
        some["id"] = [f"scratch_D{n}_n20_t{trial}" for trial in (1, 2, 3)]
    base = pd.concat(cells, ignore_index=True)
    other = base.assign(mae=base["mae"] * 2, r2=base["r2"] - 9 * (base["dataset"] == "D7"))
    figure = drawing.contrast(contrast(base, {"one": other}))
    axis = figure.axes[0]
    points = [line for line in axis.lines if line.get_marker() not in ("None", "", None)]
    assert len({(line.get_marker(), line.get_color()) for line in points}) == 20
    assert axis.get_xscale() == "symlog"


def written(folder, table) -> None:
    path = folder / "tables"
    path.mkdir(parents=True)
    table.to_csv(Layout(str(folder)).table("scratch", "runs"), index=False)


def command(*arguments) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "crystal_transfer.cli", "contrast", *map(str, arguments)],
        capture_output=True, text=True,
    )  # fmt: skip


def test_the_command(tmp_path):
    written(tmp_path / "clean", runs([2.0, 4.0, 5.0]))
    written(tmp_path / "other", runs([1.0, 3.0, 5.0]))
    done = command(tmp_path / "clean", tmp_path / "clean", tmp_path / "other", "-o", tmp_path / "x")
    assert done.returncode == 0, done.stderr
    assert "-25.000" in done.stdout
    assert (tmp_path / "x/contrast.png").stat().st_size > 10_000
    assert len(pd.read_csv(tmp_path / "x/contrast.csv")) == 1
    done = command(tmp_path / "clean", tmp_path / "nothing")
    assert done.returncode == 1
    assert "nothing: has no tables of runs" in done.stderr
    assert "Traceback" not in done.stderr


def test_studies_that_cannot_be_compared(tmp_path):
    base = runs([2.0, 4.0, 5.0])
    with pytest.raises(InputError, match="has other test crystals"):
        contrast(base, {"other": runs([1.0, 3.0, 5.0]).assign(n_test=6)})
    with pytest.raises(InputError, match="has no run of the study"):
        contrast(base, {"other": runs([1.0], "finetune")})
    for place in ("one/clean", "two/results", "three/results"):
        written(tmp_path / place, base)
    done = command(*(tmp_path / p for p in ("one/clean", "two/results", "three/results")))
    assert done.returncode == 1
    assert "two have one name; rename a folder" in done.stderr


def test_studies_of_other_test_crystals_of_the_same_number(tmp_path):
    ids = [f"c{n}" for n in range(20)]
    for name, seed in (("base", 1), ("same", 1), ("other", 2)):
        path = Path(Layout(str(tmp_path / name)).dataset("A").split)
        path.parent.mkdir(parents=True)
        splits.save(splits.split("A", ids, 0.2, seed), path)
    require_same_tests(tmp_path / "base", tmp_path / "same")
    with pytest.raises(InputError, match=r"other: tests on other crystals of A than .*base"):
        require_same_tests(tmp_path / "base", tmp_path / "other")


def test_a_folder_without_tables(tmp_path):
    with pytest.raises(InputError, match="finish the study first"):
        runs_of_folder(tmp_path)


def test_studies_whose_test_crystals_are_not_known(tmp_path, capsys):
    (tmp_path / "a/datasets").mkdir(parents=True)
    (tmp_path / "b/tables").mkdir(parents=True)
    require_same_tests(tmp_path / "a", tmp_path / "b")
    assert f"warning: {tmp_path}/b: has no folder datasets" in capsys.readouterr().out

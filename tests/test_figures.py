"""Our own figures by their numbers: what is drawn is what hand-made metrics say."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_rgb
from rows import run_row

from crystal_transfer import data
from crystal_transfer.errors import InputError
from crystal_transfer.figures import (
    cells,
    chance,
    changes,
    circular,
    equivalent,
    heatmaps,
    hyperparameters,
    leakage,
    pooled,
    published_gain,
    sizes,
    transfer_gains,
    unseen,
)
from crystal_transfer.figures.axes import apart, size_axis
from crystal_transfer.figures.drawings import DRAWINGS
from crystal_transfer.figures.fitting import fit_labels
from crystal_transfer.figures.inputs import read
from crystal_transfer.figures.labels import scale_of
from crystal_transfer.figures.legends import labelled, legend_below
from crystal_transfer.figures.style import COLOURS, NOTHING, panels
from crystal_transfer.files import write_csv, write_json
from crystal_transfer.models.strategies import STRATEGIES
from crystal_transfer.results import gains, publication, rates
from crystal_transfer.results.leakage import leakage_gains
from crystal_transfer.results.tables import comparable_cells
from crystal_transfer.units import Quantity

DATASETS = {"A": Quantity("hardness", "GPa"), "B": Quantity("gap", "eV")}


def run(source: str, dataset: str, size: int, r2: float, mae: float, **other) -> dict:
    scaled = {"id": f"{source}{dataset}{size}", "mae_scaled": mae / 10}
    return run_row(dataset, size, r2, mae, source, **scaled | other)


def table() -> pd.DataFrame:
    """Two trials of scratch and of the two pairs, at two sizes."""
    rows = []
    for trial, shift in ((1, -0.01), (2, 0.01)):
        for size, r2, mae in ((100, 0.2, 4.0), (200, 0.4, 3.0)):
            for code in "AB":
                rows.append(run("", code, size, r2 + shift, mae, trial=trial))
            rows.append(run("B", "A", size, r2 + 0.2 + shift, mae - 1, trial=trial))
            rows.append(run("A", "B", size, r2 + 0.1 + shift, mae - 0.5, trial=trial))
    return pd.DataFrame(rows)


def triangles(figure) -> list[list[float]]:
    """Values of the triangles of each metric, in the order in which they are drawn."""
    found = [c for axis in figure.axes for c in axis.collections if isinstance(c, PolyCollection)]
    return [
        np.round(np.asarray(c.get_array().filled(np.nan), dtype=float), 6).tolist()
        for c in found
        if len(c.get_paths()) > 1
    ]


def test_pairwise_heatmap():
    runs = table()
    figure, numbers = heatmaps.pairwise(runs[runs["size"] == 200], DATASETS)
    r2, mae = triangles(figure)[:2]
    # rows: scratch, PT A, PT B; columns: FT A, FT B
    assert sorted(r2) == [0.4, 0.4, 0.5, 0.6]
    assert sorted(mae) == [0.2, 0.25, 0.3, 0.3]
    assert len(numbers) == 4
    written = {text.get_text() for text in figure.axes[0].texts}
    assert {"0.40", "0.50", "0.60", "0.25"} <= written
    columns = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert columns == ["A\n1 = 10\nGPa", "B\n1 = 10\neV"]


def test_scales_are_written_plainly():
    maes, scaled = pd.Series([0.179, 3580.0]), pd.Series([1e-4, 2.0])
    assert scale_of(maes, scaled, "1/cm") == ["1 = 1,790", "1/cm"]
    assert scale_of(maes / 1e4, scaled, "1") == ["1 = 0.179"]
    assert scale_of(maes, scaled * np.nan, "eV") == []


def test_scratch_heatmap():
    runs = table()
    figure, _ = heatmaps.scratch(runs[runs["kind"] == "scratch"], DATASETS)
    r2, _ = triangles(figure)[:2]
    assert r2 == [0.2, 0.4, 0.2, 0.4]


def test_diverged_trials_are_named():
    runs = table()
    runs.loc[0, ["r2", "mae", "mae_scaled", "rmse"]] = np.nan
    figure, _ = heatmaps.scratch(runs[runs["kind"] == "scratch"], DATASETS)
    assert "1 trials diverged" in figure.axes[0].get_title(loc="left")


def test_lines_by_size():
    figure, _ = sizes.mae_by_size(table(), DATASETS)
    panel = figure.axes[0]
    assert panel.get_ylabel() == "test MAE (GPa)"
    lines = {
        tuple(np.round(np.asarray(line.get_ydata(), dtype=float), 6))
        for line in panel.lines
        if len(line.get_ydata()) == 2
    }
    assert {(4.0, 3.0), (3.0, 2.0)} <= lines


def test_changes_by_pretrain_size():
    runs = table()
    more = runs[runs["kind"] == "finetune"].assign(source_size=5000, r2=lambda t: t["r2"] + 0.2)
    figure, numbers = changes.r2_change(
        pd.concat([runs, more])[lambda t: t["size"] == 200], DATASETS
    )
    drawn = {
        round(float(y), 4)
        for axis in figure.axes for line in axis.lines if len(line.get_ydata()) == 2
        for y in line.get_ydata()
    }  # fmt: skip
    # 100 (0.6 - 0.4) / 0.4 and with 0.2 more, and the same for 0.5
    assert {50.0, 100.0, 25.0, 75.0} <= drawn
    assert len(numbers)


def test_every_cell_of_an_experiment():
    runs = table()
    figure, numbers = cells.every_cell(runs[runs["kind"] == "finetune"], DATASETS)
    points = figure.axes[0].lines[0]
    assert (
        np.round(np.asarray(points.get_xdata(), dtype=float), 6).tolist()
        == numbers["r2_mean"].round(6).tolist()
    )
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == ["B, A, 100", "A, B, 100", "B, A, 200", "A, B, 200"]


def test_cells_that_differ_in_epochs_alone_have_two_names():
    runs = pd.DataFrame([run("", "A", 100, 0.5, 1.0), run("", "A", 100, 0.6, 1.0, variation="e50")])
    figure, _ = cells.every_cell(runs, DATASETS)
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert sorted(names) == ["50 epochs", "usual epochs"]


def test_more_lines_than_colours_are_told_apart():
    names = list(STRATEGIES)
    rows = [
        run("B", "A", size, 0.5, 1.0, strategy=name) for name in names for size in (100, 200)
    ] + [run("", "A", size, 0.4, 1.0) for size in (100, 200)]
    assert len(names) > len(COLOURS)
    table = pd.DataFrame(rows)
    figure, _ = hyperparameters.strategies_by_size(table, DATASETS)
    looks = {(line.get_color(), line.get_marker()) for line in figure.axes[0].lines}
    assert len(looks) == len(names) + 1
    figure, _ = circular.r2_by_strategy(table[table["source"] != ""], DATASETS)
    bars = {(bar.get_facecolor(), bar.get_hatch()) for bar in figure.axes[0].patches}
    assert len(bars) == len(names)
    pairs = [(f"S{number}", "A") for number in range(12)]
    rows = [
        run(source, "A", 100, 0.5, 1.0, max_lr=lr) for source, _ in pairs for lr in (1e-3, 1e-2)
    ]
    figure, _ = hyperparameters.learning_rates(pd.DataFrame(rows), DATASETS)
    looks = {(line.get_color(), line.get_marker()) for line in figure.axes[0].lines}
    assert len(looks) == len(pairs)


def test_sizes_that_differ_are_all_named():
    rows = [run("B", "A", 100, 0.5, 1.0), run("A", "B", 200, 0.5, 1.0)]
    figure, _ = hyperparameters.samplings(pd.DataFrame(rows), DATASETS)
    assert figure.axes[0].get_title() == "n = 100, 200"


@pytest.mark.parametrize("trials", [[1, 2, 3], [1, 2, 3, 4]])
def test_baselines_change_no_mean_of_networks(trials):
    networks = table()
    plain = [
        run("", code, size, 0.1, 5.0, kind="baseline", network="forest", trial=trial)
        for code in "AB" for size in (100, 200) for trial in trials
    ]  # fmt: skip
    alone = comparable_cells(networks)
    beside = comparable_cells(pd.concat([networks, pd.DataFrame(plain)], ignore_index=True))
    own = beside[beside["kind"] != "baseline"].reset_index(drop=True)
    pd.testing.assert_frame_equal(own, alone)
    # the trials of the networks
    assert set(beside.loc[beside["kind"] == "baseline", "trials"]) == {2}


def test_files_that_are_cut_off_are_named(tmp_path):
    row = run("", "A", 100, 0.5, 1.0, id="a", n_test=3, best_epoch=2)
    files = {}
    for name, kind in (("metrics.json", "metrics"), ("predictions.csv", "predictions")):
        files[kind] = [str(tmp_path / "a" / name)]
    write_json(files["metrics"][0], row)
    write_csv(files["predictions"][0], ["id", "target", "prediction"], [["x", 1.0, 1.0]] * 3)
    assert len(read(files, "A")["predictions"]["a"]) == 3
    write_csv(files["predictions"][0], ["id", "target", "prediction"], [["x", 1.0, 1.0]] * 2)
    with pytest.raises(InputError, match=r"predictions.csv of a: has 2 rows instead of 3"):
        read(files, "A")
    files["history"] = [str(tmp_path / "a/history.csv")]
    write_csv(files["predictions"][0], ["id", "target", "prediction"], [["x", 1.0, 1.0]] * 3)
    write_csv(files["history"][0], ["epoch"], [[1]])
    with pytest.raises(InputError, match=r"history.csv of a: has 1 rows instead of 2"):
        read(files, "A")


def test_learning_rates():
    rows = [run("B", "A", 500, r2, 1.0, max_lr=rate) for rate, r2 in ((1e-2, 0.3), (1e-3, 0.5))]
    figure, _ = hyperparameters.learning_rates(pd.DataFrame(rows), DATASETS)
    line = figure.axes[0].lines[0]
    assert line.get_xdata().tolist() == [1e-3, 1e-2]
    assert line.get_ydata().tolist() == [0.5, 0.3]


def test_the_rate_of_scratch_by_hand():
    """Two rates, two sources: the median of the sources against each rate."""
    rows = []
    for size, fast, slow, one, two in ((100, 4.0, 8.0, 3.0, 5.0), (200, 2.0, 3.0, 1.0, 1.0)):
        rows += [run("", "A", size, 0.5, fast), run("", "A", size, 0.5, slow, max_lr=1e-4)]
        rows += [run("B", "A", size, 0.5, one), run("C", "A", size, 0.5, two)]
    figure, numbers = transfer_gains.scratch_rates(pd.DataFrame(rows), {"A": Quantity("a", "eV")})
    found = numbers.set_index(["size", "max_lr"])["gain_median"]
    assert found[(100, 1e-3)] == pytest.approx(0)
    assert found[(100, 1e-4)] == pytest.approx(50)
    assert found[(200, 1e-3)] == pytest.approx(50)
    lines = [line for line in figure.axes[0].lines if len(line.get_xdata()) == 2]
    assert [list(line.get_ydata()) for line in lines][-1] == [4.0, 1.0]


def test_gains_over_scratch_are_paired_by_trial():
    """Trials of samples that are hard for both: the gain varies less than the errors."""
    rows = [run("", "A", 100, 0.5, 9.0, max_lr=1e-3, trial=4)]  # no pair has this trial
    for trial, scale in enumerate((1.0, 2.0, 4.0)):
        rows.append(run("", "A", 100, 0.5, 10 * scale, trial=trial))
        rows += [
            run(source, "A", 100, 0.5, mae * scale, trial=trial)
            for source, mae in (("B", 6.0), ("C", 8.0 + trial), ("D", 12.0))
        ]
    (row,) = gains.transfer_gains(pd.DataFrame(rows)).to_dict("records")
    assert (row["trials"], row["pairs"]) == (4, 3)
    assert row["mae_median"] == pytest.approx(np.mean([8, 18, 40]))
    assert (row["mae_best"], row["mae_worst"]) == pytest.approx((14, 28))
    assert (row["gain_median"], row["gain_best"]) == pytest.approx((10, 40))
    assert row["gain_median_ci95"] == pytest.approx(4.3027 * 10 / 3**0.5, rel=1e-4)
    assert row["gain_best_ci95"] == pytest.approx(0, abs=1e-9)
    assert row["mae_scratch"] == pytest.approx(np.mean([10, 20, 40, 9]))


def test_a_network_of_scratch_is_compared_with_transfer_of_its_own():
    other = {"variation": "cgcnn", "network": "cgcnn"}
    rows = [run("", "A", 100, 0.5, 4.0), run("", "A", 100, 0.5, 8.0, **other)]
    rows += [run("B", "A", 100, 0.5, 2.0), run("C", "A", 100, 0.5, 4.0, **other)]
    rows += [run("", "A", 100, 0.5, 8.0, variation="reference", network="reference")]
    found = gains.transfer_gains(pd.DataFrame(rows)).set_index("variation")
    assert found["pairs"].fillna(0).to_dict() == {"": 1, "cgcnn": 1, "reference": 0}
    assert found["gain_median"].dropna().to_dict() == {"": 50, "cgcnn": 50}


def test_gains_are_of_trials_that_all_pairs_have():
    """Else a pair that diverged in the hard trials would be the best, by the easy one."""
    rows = []
    for trial, scale in enumerate((1.0, 1.0, 1.0, 5.0)):
        rows.append(run("", "A", 100, 0.5, 10 * scale, trial=trial))
        rows.append(run("B", "A", 100, 0.5, 8 * scale, trial=trial))
        rows.append(run("C", "A", 100, 0.5, 9.0 if trial < 3 else np.nan, trial=trial))
        rows.append(run("D", "A", 100, 0.5, np.nan, trial=trial))  # nothing has converged
    (row,) = gains.transfer_gains(pd.DataFrame(rows)).to_dict("records")
    assert (row["trials"], row["pairs"], row["pair_trials"], row["gain_trials"]) == (4, 2, 3, 3)
    assert (row["mae_best"], row["mae_worst"]) == (8, 9)
    assert (row["gain_median"], row["gain_best"]) == pytest.approx((15, 20))


def test_a_gain_has_no_interval_from_trials_in_which_scratch_diverged():
    rows = []
    for trial in range(3):
        rows.append(run("", "A", 100, 0.5, 10.0 if trial < 2 else np.nan, trial=trial))
        rows.append(run("B", "A", 100, 0.5, 5.0 + trial, trial=trial))
    figure, numbers = transfer_gains.transfer_gain(pd.DataFrame(rows), {"A": Quantity("a", "eV")})
    (row,) = numbers.to_dict("records")
    assert (row["trials"], row["pair_trials"], row["gain_trials"]) == (2, 3, 2)
    ((start, end),) = figure.axes[0].collections[0].get_segments()
    assert row["gain_median"] == pytest.approx(45) == start[0] == end[0]


def test_where_nothing_has_converged_there_is_no_gain():
    rows = [run("", "A", 100, 0.5, 4.0), run("B", "A", 100, 0.5, np.nan)]
    _, numbers = transfer_gains.scratch_rates(pd.DataFrame(rows), {"A": Quantity("a", "eV")})
    assert numbers["gain_median"].isna().all()


def test_a_study_whose_longer_scratch_is_the_usual_one_has_no_picture_of_it():
    rows = [run("", "A", 100, 0.5, 4.0), run("B", "A", 100, 0.5, 2.0)]
    figure, numbers = transfer_gains.scratch_epochs(pd.DataFrame(rows), {"A": Quantity("a", "eV")})
    assert numbers.empty and not figure.legends


def test_gains_against_each_scratch_have_a_panel_per_size_and_a_row_per_dataset():
    rows = []
    for code, size in (("B", 40), ("A", 100), ("A", 20), ("C", 7)):
        for trial in range(3):
            fast, slow = 4.0 + trial, 8.0 + trial
            rows.append(run("", code, size, 0.5, fast, trial=trial))
            rows.append(
                run("", code, size, 0.5, slow, trial=trial, max_lr=1e-4, variation="lr1e-4")
            )
            if code != "C":  # nothing is tuned on it
                rows.append(run("P", code, size, 0.5, 3.0, trial=trial))
    rows += [run("", "A", 20, 0.5, 5.0, trial=n, variation="e623") for n in range(3)]
    names = {code: Quantity(code, "eV") for code in "ABC"}
    figure, numbers = transfer_gains.transfer_gain(pd.DataFrame(rows), names)
    assert [axis.get_title() for axis in figure.axes] == ["n = 20", "n = 40", "n = 100"]
    for axis, row in zip(figure.axes, (0, 1, 0), strict=True):
        assert [text.get_text() for text in axis.get_yticklabels()] == ["A", "B"]
        drawn = [points.get_ydata() for points in axis.lines if points.get_marker() in "sDv"]
        assert drawn and {round(float(y)) for ys in drawn for y in ys} == {row}
    assert set(numbers["dataset"]) == {"A", "B"}
    against = {text.get_text().replace("\n", " ") for text in figure.legends[0].get_texts()}
    assert against == {
        "against scratch at rate 0.0001", "against scratch at rate 0.001",
        "against scratch at rate 0.001, 623 epochs",
    }  # fmt: skip
    at = numbers.set_index(["dataset", "size", "max_lr", "epochs"])["gain_median"]
    assert at["A", 20, 1e-3, 623] == pytest.approx(40)
    assert at["B", 40, 1e-4, 0] == pytest.approx(100 * np.mean([1 - 3 / 8, 1 - 3 / 9, 1 - 3 / 10]))


def test_without_transfer_there_is_no_gain_of_it():
    figure, numbers = transfer_gains.transfer_gain(
        pd.DataFrame([run("", "A", 200, 0.5, 4.0)]), {"A": Quantity("a", "eV")}
    )
    assert numbers.empty and not figure.axes[0].lines


def test_scratch_trained_for_longer_by_hand():
    rows = [run("", "A", 200, 0.5, 4.0), run("", "A", 200, 0.5, 2.5, variation="lr1e-4-e623")]
    rows += [run("B", "A", 200, 0.5, 2.0)]
    figure, numbers = transfer_gains.scratch_epochs(pd.DataFrame(rows), {"A": Quantity("a", "eV")})
    assert numbers.set_index("epochs")["gain_median"].to_dict() == pytest.approx({0: 50, 623: 20})
    labels = [text.get_text().replace("\n", " ") for text in figure.legends[0].get_texts()]
    assert {"scratch, 623 epochs", "scratch, epochs as for transfer"} < set(labels)


def at_two_rates(slow: float, fast: float, trial: int, **other) -> list[dict]:
    return [
        run("", "PH", 200, 0.5, mae, trial=trial, max_lr=rate, **other)
        for mae, rate in ((slow, 1e-4), (fast, 1e-3))
    ]


def test_what_the_rate_alone_gains_beside_the_published_transfer():
    """Published cells of PH at n = 200: scratch .1103 ± .0112, median pair .0762 ± .0125."""
    rows = [run("", "PH", 200, 0.5, 1.0, max_lr=1e-4, trial=9)]  # has no counterpart
    for trial, (slow, fast) in enumerate(((4.0, 3.0), (5.0, 3.0), (4.0, 2.8))):
        rows += at_two_rates(slow, fast, trial)
    figure, numbers = published_gain.published_gain(
        pd.DataFrame(rows), publication.published(data.PUBLISHED), {"PH": Quantity("a", "1/cm")}
    )
    (row,) = numbers.to_dict("records")
    gains = [25.0, 40.0, 30.0]
    assert row["rate_gain"] == pytest.approx(np.mean(gains))
    assert row["rate_gain_ci95"] == pytest.approx(4.3027 * np.std(gains, ddof=1) / 3**0.5, rel=1e-4)
    found = row["trials"], row["pairs"], row["transfer_median"], row["transfer_best"]
    assert found == pytest.approx((3, 6, 30.9, 32.9), abs=0.1)
    assert row["transfer_worst"] == pytest.approx(100 * (1 - 0.0791 / 0.1103), abs=0.05)
    of_the_median = 69.1 * np.hypot(0.0125 / 0.0762, 0.0112 / 0.1103)
    assert row["transfer_ci95"] == pytest.approx(of_the_median, rel=0.1)
    (axis,) = figure.axes
    assert [text.get_text() for text in axis.get_yticklabels()] == ["PH, n = 200\nrate 0.001"]
    points = [line.get_xdata()[0] for line in axis.lines if line.get_marker() in ("o", "s")]
    assert points == pytest.approx([row["transfer_median"], row["rate_gain"]])


def test_the_rate_is_compared_within_one_way_of_training():
    """Networks, batch sizes and epochs are rows of their own, not trials."""
    rows = [*at_two_rates(4.0, 3.0, 1)]
    for slow, fast in (("cgcnn-lr1e-4", "cgcnn"), ("lr1e-4-b4-e623", "b4-e623")):
        one, two = at_two_rates(5.0, 1.0, 1)
        rows += [one | {"variation": slow}, two | {"variation": fast}]
    found = rates.rate_alone(pd.DataFrame(rows), publication.published(data.PUBLISHED))
    gains = found.set_index("variation")["rate_gain"].to_dict()
    assert gains == pytest.approx({"": 25, "cgcnn": 80, "b4-e623": 80})
    assert set(found["trials"]) == {1}


@pytest.mark.parametrize("rows", [[], at_two_rates(4.0, 3.0, 1)[:1], at_two_rates(4.0, 3.0, 1)[1:]])
def test_without_two_rates_there_is_no_gain_of_the_rate(rows):
    runs = pd.DataFrame(rows, columns=list(run("", "PH", 200, 0.5, 1.0)))
    figure, numbers = published_gain.published_gain(
        runs, publication.published(data.PUBLISHED), {"PH": Quantity("a", "1/cm")}
    )
    assert numbers.empty
    assert "transfer_median" in numbers
    assert not figure.axes[0].lines


def test_a_cell_that_was_not_published_has_the_gain_of_the_rate_alone():
    rows = [row | {"size": 20} for row in at_two_rates(4.0, 3.0, 1)]
    found = rates.rate_alone(pd.DataFrame(rows), publication.published(data.PUBLISHED))
    assert found["rate_gain"].tolist() == pytest.approx([25])
    assert found["transfer_median"].isna().all()


def bars(axis, colour) -> set[tuple[float, float]]:
    """Lower and upper end of every vertical bar of a colour."""
    found = [c for c in axis.collections if isinstance(c, LineCollection)]
    ends = [(c.get_colors()[0][:3], segment) for c in found for segment in c.get_segments()]
    return {(float(s[0][1]), float(s[1][1])) for own, s in ends
            if np.allclose(own, to_rgb(colour))}  # fmt: skip


def test_the_spread_over_pt_datasets_is_seen_at_a_single_size():
    rows = [run("", "A", 200, 0.5, 4.0), run("", "A", 200, 0.5, 5.0, max_lr=1e-4)]
    rows += [
        run(source, "A", 200, 0.5, mae) for source, mae in (("B", 1.0), ("C", 2.0), ("D", 4.0))
    ]
    figure, _ = transfer_gains.scratch_rates(pd.DataFrame(rows), {"A": Quantity("a", "eV")})
    assert (1.0, 4.0) in bars(figure.axes[0], COLOURS[0])


def test_an_interval_is_drawn_from_three_trials_on():
    rows = [run("", "A", 200, 0.5, mae, trial=n) for n, mae in enumerate((3.0, 4.0, 5.0))]
    # in the third trial it has diverged
    rows += [run("B", "A", 200, 0.5, mae, trial=n) for n, mae in enumerate((3.0, 5.0, np.nan))]
    figure, _ = unseen.table(pd.DataFrame(rows), {"A": Quantity("a", "eV")})
    (intervals,) = [c for c in figure.axes[1].collections if isinstance(c, LineCollection)]
    # a standard error of 1 / sqrt(3), and Student's t of two degrees of freedom
    widths = sorted(float(s[1][0] - s[0][0]) for s in intervals.get_segments())
    assert widths == pytest.approx([0, 2 * 4.3027 / 3**0.5], rel=1e-4)


@pytest.mark.parametrize("count", [1, 4])
@pytest.mark.parametrize(
    "values",
    [[200], [10, 100, 200, 500, 800], [847, 941, 1000, 5000, 10_000, 50_000, 95_501, 100_000]],
)
def test_labels_of_sizes_do_not_overlap(count, values):
    figure, axes = panels(count)
    for axis in axes:
        axis.plot(values, values)
        size_axis(axis, values)
        axis.set_ylabel("test MAE")
    figure.canvas.draw()
    for axis in axes:
        shown = [text for text in axis.get_xticklabels() if text.get_text()]
        assert shown[-1].get_text() in ("200", "800", "100K")
        assert len(shown) >= min(len(values), 5)
        for line in (0, 1):
            own = [text for text in shown if text.get_text().count("\n") == line]
            extents = [text.get_window_extent() for text in own]
            assert all(left.x1 < right.x0 for left, right in itertools.pairwise(extents))


@pytest.mark.parametrize(
    ("errors", "scale"), [((0.2, 0.4), "linear"), ((0.2, 0.49), "linear"), ((0.2, 4.0), "log")]
)
def test_far_errors_are_on_a_logarithmic_axis(errors, scale):
    rows = [
        run("", "A", size, 0.5, mae * factor, trial=trial)
        for size, mae in zip((200, 10), errors, strict=True)
        for trial, factor in enumerate((0.4, 1.0, 1.6))  # intervals that reach below zero
    ]
    figure, _ = sizes.mae_by_size(pd.DataFrame(rows), {"A": Quantity("a", "eV")})
    (axis,) = figure.axes
    low, high = axis.get_ylim()
    assert axis.get_yscale() == scale
    assert low < min(errors) and max(errors) < high
    assert scale == "linear" or low == pytest.approx(min(errors) / 1.5)


@given(
    sizes=st.lists(st.integers(1, 10_000), min_size=1, max_size=8, unique=True),
    lines=st.integers(1, 12),
)
def test_points_at_one_size_stay_away_from_those_at_the_next(sizes, lines):
    sizes = sorted(sizes)
    spread = apart(sizes, lines) ** (lines - 1)
    assert apart(sizes, lines) > 1
    for size, after in itertools.pairwise(sizes):
        assert size * spread**0.5 < after / spread**0.5


@pytest.mark.parametrize("n_panels", [1, 2, 4])
def test_a_legend_is_no_wider_than_its_figure(n_panels):
    figure, axes = panels(n_panels)
    for name in ("scratch", "transfer: median, best to worst PT dataset", "x" * 20, "y" * 20):
        axes[0].plot([1, 2], label=name)
    legend_below(figure, labelled(axes[0]))
    (legend,) = figure.legends
    assert len(legend.get_texts()) == 4
    assert legend.get_window_extent().width <= figure.bbox.width


def test_labels_longer_than_their_axes_are_broken():
    """Of datasets with long names and units; what is in a formula stays together."""
    unit = "10^-3 e/(bohr^2 per formula unit of the primitive cell)"
    figure, axes = panels(4)
    for axis in axes:
        axis.set(xlabel=f"test MAE ({unit})", ylabel=f"$R^2 = 1 - a$ ({unit})", title=unit)
    fit_labels(figure)
    boxes = [text.get_window_extent() for axis in axes
             for text in (axis.xaxis.label, axis.yaxis.label, axis.title)]  # fmt: skip
    assert not [pair for pair in itertools.combinations(boxes, 2) if pair[0].overlaps(pair[1])]
    assert axes[0].get_ylabel().startswith("$R^2 = 1 - a$\n")
    assert axes[0].get_title().replace("\n", " ") == unit


def test_chance_by_hand():
    """Three trials: the mean gain, Student's t, and Nadeau and Bengio's larger variance."""
    rows = []
    for trial, scratch, tuned in ((1, 2.0, 1.0), (2, 2.0, 1.2), (3, 2.0, 1.4)):
        rows.append(run("", "A", 100, 0.5, scratch, trial=trial, n_test=50))
        rows.append(run("B", "A", 100, 0.5, tuned, trial=trial, n_test=50))
    rows.append(run("C", "A", 100, 0.5, 1.0, trial=1, n_test=50))  # one trial: nothing is claimed
    figure, numbers = chance.chance(pd.DataFrame(rows), {"A": Quantity("a", "eV")})
    (row,) = numbers.to_dict("records")
    assert (row["source"], row["trials"]) == ("B", 3)
    assert row["gain"] == pytest.approx(40)
    t = 4.302653  # two-sided 95 %, two degrees of freedom
    assert row["shared"] == pytest.approx(t * 10 * (1 / 3) ** 0.5, rel=1e-5)
    assert row["corrected"] == pytest.approx(t * 10 * (1 / 3 + 50 / 100) ** 0.5, rel=1e-5)
    assert (row["holds_shared"], row["holds_corrected"]) == (True, True)
    assert figure.axes[0].lines[0].get_xdata().tolist() == [row["gain"]]


def predicted(*values: float) -> pd.DataFrame:
    targets = [0.0, 1.0, 2.0, 9.0]
    return pd.DataFrame({"id": list("abcd"), "target": targets, "prediction": values})


def test_ensembles_by_hand():
    runs = pd.DataFrame([run("", "A", 100, 0.5, 1.0, id=f"s{k}", trial=k) for k in (1, 2, 3)])
    errors = {"s1": 3.0, "s2": -3.0, "s3": 0.0}
    predictions = {id: predicted(e, 1 + e, 2 + e, 9 + e) for id, e in errors.items()}
    figure, numbers = pooled.ensembles(runs, predictions, DATASETS)
    (row,) = numbers.to_dict("records")
    assert (row["mae_mean"], row["mae_ensemble"], row["less"]) == (2, 0, 100)
    assert [line.get_xdata().tolist() for line in figure.axes[0].lines] == [[2], [0]]


def test_outliers_by_hand():
    """The crystal of 9 is the farthest from the mean of 3; the others are predicted exactly."""
    runs = pd.DataFrame([run("B", "A", 100, 0.5, 1.0)])
    predictions = {runs["id"][0]: predicted(0, 1, 2, 3)}
    figure, numbers = pooled.outliers(runs, predictions, DATASETS)
    (row,) = numbers.to_dict("records")
    assert (row["outlier"], row["outlier_target"]) == ("d", 9)
    assert row["r2"] == pytest.approx(1 - 36 / 50)
    assert (row["r2_without"], row["mae"], row["mae_without"], row["median_ae"]) == (1, 1.5, 0, 0)
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["B"]


def test_leakage_by_hand():
    """Crystals a and b were seen: their errors halve, those of c and d stay. C has seen none."""
    runs = pd.DataFrame([
        run("", "A", 100, 0.5, 1.0, id="s"),
        run("B", "A", 100, 0.5, 1.0, id="b"), run("C", "A", 100, 0.5, 1.0, id="c"),
        *(run("", code, 941, 0.5, 1.0, id=f"p{code}", kind="pretrain") for code in "BC"),
    ])  # fmt: skip
    predictions = {
        "s": predicted(2, 3, 4, 7), "b": predicted(1, 2, 4, 7), "c": predicted(0, 1, 2, 9),
        "pB": predicted(0, 0, 0, 0), "pC": predicted(0, 0, 0, 0),
    }  # fmt: skip
    samples = {"pB": ["x", "y"], "pC": ["z"]}
    # d has an equal in B too, but not one that was drawn to pre-train on
    shared = {"A": {"B": {"a": ["x"], "b": ["w", "y"], "d": ["w"]}, "C": {"a": ["v"]}}}
    numbers = leakage_gains(runs, predictions, samples, shared).set_index("source")
    assert numbers.loc["B", ["n_seen", "n_unseen", "gain_seen", "gain_unseen"]].tolist() == [
        2, 2, 50, 0,
    ]  # fmt: skip
    assert numbers.loc["C", ["n_seen", "n_unseen", "gain_unseen"]].tolist() == [0, 4, 100]
    assert np.isnan(numbers.loc["C", "gain_seen"])
    # another strategy is another cell, no further trial of the same
    other = runs[runs["id"] == "b"].assign(id="o", strategy="new_head")
    both = leakage_gains(pd.concat([runs, other]), predictions | {"o": predictions["s"]},
                         samples, shared)  # fmt: skip
    assert both[both["source"] == "B"].set_index("strategy")["gain_seen"].to_dict() == {
        "all": 50, "new_head": 0,
    }  # fmt: skip
    figure, _ = leakage.leakage(runs, predictions, samples, shared, DATASETS)
    assert [text.get_text() for text in figure.axes[0].texts] == [NOTHING]


def test_a_diverged_trial_is_no_part_of_an_average():
    """Its predictions are NaN, which a sum over crystals must not take for no error."""
    runs = pd.DataFrame([run("", "A", 100, 0.5, 1.0, id=f"s{k}", trial=k) for k in (1, 2, 3)])
    runs.loc[0, ["r2", "mae", "mae_scaled"]] = np.nan
    nothing = predicted(*[np.nan] * 4)
    predictions = {"s1": nothing, "s2": predicted(0, 1, 2, 3), "s3": predicted(0, 1, 2, 3)}
    _, numbers = pooled.outliers(runs, predictions, DATASETS)
    (row,) = numbers.to_dict("records")
    assert row["trials"] == 2
    assert row["r2"] == pytest.approx(1 - 36 / 50)
    # two trials are left: of the average and of chance nothing is claimed
    for figure, numbers in (
        pooled.ensembles(runs, predictions, DATASETS), chance.chance(runs, DATASETS),
    ):  # fmt: skip
        assert numbers.empty
        assert [text.get_text() for text in figure.axes[0].texts] == [NOTHING]


@pytest.mark.parametrize("name", ["equivalent_sizes", "figS19"])
def test_sizes_are_compared_over_the_same_trials(name):
    """Scratch has a bad fourth trial at its largest size, which no pair has."""
    rows = []
    for trial in (1, 2, 3):
        rows += [
            run(source, "A", size, 1 - mae, mae, trial=trial)
            for source, size, mae in (("", 100, 0.4), ("", 800, 0.2), ("B", 100, 0.3),
                                      ("B", 800, 0.25))
        ]  # fmt: skip
    bad = run("", "A", 800, 0.0, 1.0, trial=4)
    options = {"palette": "paper"} if name == "figS19" else {}
    _, numbers = DRAWINGS[name](pd.DataFrame(rows), datasets=DATASETS, **options)
    _, with_bad = DRAWINGS[name](pd.DataFrame([*rows, bad]), datasets=DATASETS, **options)
    pd.testing.assert_frame_equal(with_bad, numbers)
    if name == "equivalent_sizes":  # nor does a size that lacks trials bend the curve
        short = run("", "A", 1600, 0.0, 0.01)
        _, with_short = DRAWINGS[name](pd.DataFrame([*rows, short]), datasets=DATASETS)
        pd.testing.assert_frame_equal(with_short, numbers)


def test_crystals_that_scratch_needs_where_there_is_one_size():
    rows = [run("", "A", 10, 0.5, 4.0), run("B", "A", 10, 0.6, 3.0)]
    names = {code: Quantity(code, "eV") for code in "AB"}
    figure, numbers = equivalent.equivalent_sizes(pd.DataFrame(rows), names)
    assert numbers["equivalent_size"].tolist() == pytest.approx([10.0])
    figure.canvas.draw()

"""The paper's figures: on the published cells they show the published numbers.

The published file is read here with plain pandas, by its own names, so that these tests do not
share the code that they test.
"""

import re

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex, to_rgb
from matplotlib.text import Text

from crystal_transfer.figures.palettes import PALETTES
from crystal_transfer.figures.paper import (
    bars,
    circles,
    fewer,
    histories,
    literature,
    tables,
    triangles,
    violins,
)
from crystal_transfer.figures.paper.published import PUBLISHED, draw_published, published_data
from crystal_transfer.figures.style import plt
from crystal_transfer.results import claims, select
from crystal_transfer.results import literature as numbers_of_others
from crystal_transfer.results.equivalent import first_reached
from crystal_transfer.results.publication import (
    KEY,
    beside,
    published,
    published_cells,
    summary,
)
from crystal_transfer.results.tables import cells as averaged

FILE = ROOT / "resources/published_results.csv"
CODES = ["GV", "PH", "FE", "BG", "PZ", "DC", "EBG"]
PAIRS = ["BG-FE", "BG-DC", "DC-BG", "FE-BG"]
# the paper's text has three decimals, the published file four
PRINTED = 5.1e-4


@pytest.fixture(scope="module")
def raw() -> pd.DataFrame:
    return pd.read_csv(FILE, keep_default_na=False, na_values={"r2_ci95": "", "mae_ci95": ""})


@pytest.fixture(scope="module")
def data():
    return published_data()


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def of(raw, section, **conditions):
    """Rows of a section, by their place: (pt, pt size, ft, ft size) -> r2, mae."""
    found = raw[raw["section"] == section]
    for name, values in conditions.items():
        found = found[found[name].isin(values)]
    return found


def numbers(table, names, metrics):
    """Place -> metrics, to four decimals."""
    rows = table[[*names, *metrics]].itertuples(index=False, name=None)
    n = len(names)
    return {row[:n]: tuple(round(float(x), 4) for x in row[n:]) for row in rows}


def drawn(table, names):
    return numbers(table, names, ["r2_mean", "mae_scaled_mean"])


def known(table, names):
    return numbers(table, names, ["r2_mean", "mae_mean"])


# --- the numbers behind the figures -------------------------------------------------------------


def test_fig4a_has_scratch_of_three_datasets(raw, data):
    _, table = triangles.fig4a(*data)
    wanted = of(raw, "scratch", ft_dataset=["FE", "DC", "BG"])
    assert len(table) == 15
    assert drawn(table, ["dataset", "size"]) == known(wanted, ["ft_dataset", "ft_size"])
    bg800 = drawn(table, ["dataset", "size"])["BG", 800]
    assert bg800 == pytest.approx((0.572, 0.142), abs=PRINTED)


def test_fig4b_has_four_pairs(raw, data):
    _, table = triangles.fig4b(*data)
    wanted = of(raw, "pairwise_941")
    wanted = wanted[(wanted["pt_dataset"] + "-" + wanted["ft_dataset"]).isin(PAIRS)]
    found = drawn(table, ["source", "source_size", "dataset", "size"])
    assert len(table) == 20
    assert found == known(wanted, ["pt_dataset", "pt_size", "ft_dataset", "ft_size"])
    assert set(table["trials"]) <= {5, 6}
    assert found["FE", 941, "BG", 800] == pytest.approx((0.609, 0.128), abs=PRINTED)
    assert found["BG", 941, "FE", 800] == pytest.approx((0.936, 0.048), abs=PRINTED)
    assert found["BG", 941, "FE", 500] == pytest.approx((0.920, 0.057), abs=PRINTED)
    assert found["BG", 941, "FE", 200][0] == pytest.approx(0.845, abs=PRINTED)
    assert found["DC", 941, "BG", 800] == pytest.approx((0.598, 0.130), abs=PRINTED)


@pytest.mark.parametrize(("draw", "code"), [(bars.fig5a, "FE"), (bars.fig5b, "BG")])
def test_fig5ab_have_changes_by_pretrain_size(raw, data, draw, code):
    figure, table = draw(*data)
    names = ["pt_dataset", "pt_size", "ft_dataset"]
    wanted = of(raw, "large_pt", pt_dataset=[code], ft_size=[800])
    wanted = wanted[wanted["ft_dataset"] != "PZ"]
    base = of(raw, "scratch", ft_size=[800]).set_index("ft_dataset")["r2_mean"]
    scratch = wanted["ft_dataset"].map(base)
    wanted = wanted.assign(change=100 * (wanted["r2_mean"] - scratch) / scratch.abs())
    found = numbers(table, ["source", "source_size", "dataset"], ["r2_change", "r2_mean"])
    assert len(table) == 25
    assert found == numbers(wanted, names, ["change", "r2_mean"])
    heights = sorted(round(bar.get_height(), 4) for bar in figure.axes[0].patches)
    assert heights == sorted(change for change, _ in found.values())
    assert figure.axes[0].patches[0].get_facecolor() == pytest.approx(
        (*to_rgb(PALETTES["safe"].steps(5)[0]), 1)
    )


@pytest.mark.parametrize("metric", ["r2", "mae"])
def test_fig5cd_have_five_strategies_of_one_trial(raw, data, metric):
    figure, table = (circles.fig5c if metric == "r2" else circles.fig5d)(*data)
    wanted = of(raw, "hp_strategy", ft_size=[800])
    names = {
        "all_unfrozen": "all", "new_pred_head": "new_head", "last_layer": "last_layer",
        "unfreeze_2body": "two_body", "unfreeze_3body": "three_body",
    }  # fmt: skip
    wanted = wanted.assign(strategy=wanted["strategy"].map(names))
    assert len(table) == 20
    assert drawn(table, ["source", "dataset", "strategy"]) == known(
        wanted, ["pt_dataset", "ft_dataset", "strategy"]
    )
    ends = wanted["r2_mean"] if metric == "r2" else 1 - wanted["mae_mean"]
    assert sorted(table["length"].round(4)) == sorted(ends.round(4))
    floor = 0.0 if metric == "r2" else 0.7
    heights = [bar.get_height() + floor for bar in figure.axes[0].patches]
    assert sorted(heights) == pytest.approx(sorted(end for end in ends if end > floor))
    assert len(figure.axes) == 1


def test_fig6a_has_scratch_of_seven(raw, data):
    _, table = triangles.fig6a(*data)
    assert table["dataset"].tolist() and set(table["dataset"]) == set(CODES)
    assert drawn(table, ["dataset"]) == known(of(raw, "scratch", ft_size=[800]), ["ft_dataset"])


def test_fig6b_has_all_pairs_and_the_boxes(raw, data):
    figure, table = triangles.fig6b(*data)
    wanted = of(raw, "pairwise_941", ft_size=[800])
    assert len(table) == 42
    assert drawn(table, ["source", "dataset"]) == known(wanted, ["pt_dataset", "ft_dataset"])
    best = table[table["best"] != ""]
    assert set(zip(best["source"], best["dataset"], strict=True)) == {
        ("FE", "GV"), ("PZ", "PH"), ("PH", "FE"), ("EBG", "BG"), ("FE", "PZ"), ("BG", "DC"),
        ("GV", "EBG"),
    }  # fmt: skip
    assert set(best["best"]) == {"both"}
    yellow = [p for p in figure.axes[0].patches if to_hex(p.get_edgecolor()) == "#ffe000"]
    middles = {tuple(round(x + 0.475) for x in p.get_xy()) for p in yellow}
    assert middles == {(0, 2), (1, 4), (2, 1), (3, 6), (4, 2), (5, 3), (6, 0)}


def test_datasets_that_share_no_size_stand_at_their_own(data):
    cells, datasets = data
    other = {"GV": 100, "PH": 200}
    some = cells[cells["dataset"].map(other) == cells["size"]]
    for draw in (triangles.fig6a, triangles.fig6b):
        figure, table = draw(some, datasets)
        assert set(zip(table["dataset"], table["size"], strict=True)) == set(other.items())
        labels = {text.get_text() for axis in figure.axes for text in axis.get_xticklabels()}
        assert {"GV100", "PH200"} <= labels


def test_fig6a_stands_above_fig6b(data):
    places = []
    for draw in (triangles.fig6a, triangles.fig6b):
        figure, _ = draw(*data)
        axis, width = figure.axes[0], figure.get_figwidth()
        box = axis.get_position()
        texts = [label.get_text() for label in axis.get_xticklabels()]
        places.append([round(box.x0 * width, 6), round(box.x1 * width, 6), round(width, 6), texts])
    assert places[0] == places[1]
    assert places[0][3] == [f"{code}800" for code in CODES]


def gains(raw):
    """Model, FT dataset -> changes of R2 and MAE, by hand from the published file."""
    best = {
        "GV": ("FE", 100000), "PH": ("BG", 50000), "DC": ("BG", 50000), "FE": ("PH", 1265),
        "BG": ("EBG", 2481), "PZ": ("FE", 100000), "EBG": ("GV", 10987),
    }  # fmt: skip
    found = {}
    at = raw[raw["ft_size"] == 800]
    for code, (source, size) in best.items():
        base = at[(at["section"] == "scratch") & (at["ft_dataset"] == code)].iloc[0]
        own = at[at["ft_dataset"] == code]
        pair = own[(own["pt_dataset"] == source) & (own["pt_size"] == size)].iloc[0]
        multi = own[own["section"] == "mpt"].iloc[0]
        for model, cell in (("MPT", multi), ("pair", pair)):
            found[model, code] = (
                round(100 * (cell.r2_mean - base.r2_mean) / abs(base.r2_mean), 4),
                round(100 * (base.mae_mean - cell.mae_mean) / base.mae_mean, 4),
            )
    return found


def test_fig6c_and_its_signs(raw, data):
    figure, table = bars.fig6c(*data)
    found = numbers(table, ["model", "dataset"], ["r2_change", "mae_change"])
    wanted = {place: both for place, both in gains(raw).items() if place[1] != "PZ"}
    assert found == wanted
    # MPT to FE is worse than scratch in both, the pair to BG in R2; all others are better
    signs = {place: tuple(np.sign(both)) for place, both in found.items()}
    assert signs.pop(("MPT", "FE")) == (-1, -1)
    assert signs.pop(("pair", "BG")) == (-1, 1)
    assert set(signs.values()) == {(1, 1)}
    bars_drawn = figure.axes[0].patches
    assert len(bars_drawn) == 24
    hatched = [bar for bar in bars_drawn if bar.get_hatch()]
    assert sorted(bar.get_height() for bar in hatched) == pytest.approx(
        sorted(x for (model, _), both in found.items() if model == "MPT" for x in both), abs=1e-4
    )
    blue = [bar for bar in bars_drawn if to_hex(bar.get_facecolor()) == "#0072b2"]
    assert sorted(round(bar.get_height(), 4) for bar in blue) == sorted(
        r2 for r2, _ in found.values()
    )


def test_figs15_are_those_of_pz(raw, data):
    _, table = bars.figs15b(*data)
    found = numbers(table, ["model", "dataset"], ["r2_change", "mae_change"])
    assert found == {place: both for place, both in gains(raw).items() if place[1] == "PZ"}
    _, table = bars.figs15a(*data)
    wanted = of(raw, "large_pt", ft_dataset=["PZ"], ft_size=[800])
    assert drawn(table, ["source", "source_size"]) == known(wanted, ["pt_dataset", "pt_size"])


def test_table1(raw, data):
    _, table = tables.table1(*data)
    wanted = of(raw, "jarvis2d")
    assert sorted(drawn(table, ["dataset", "model"]).values()) == sorted(
        known(wanted, ["pt_dataset"]).values()
    )
    printed = {
        "scratch": (0.635, 0.148), "MPT": (0.671, 0.125), "FE(100K)": (0.670, 0.127),
        "BG(50K)": (0.617, 0.138), "PH": (0.628, 0.145), "GV": (0.626, 0.143),
        "EBG": (0.619, 0.143),
    }  # fmt: skip
    assert table["model"].tolist() == list(printed)
    for row in table.itertuples():
        # FE is .6710 in the files and .670 in the paper, PH's MAE .1456 and .145
        assert (row.r2_mean, row.mae_scaled_mean) == pytest.approx(printed[row.model], abs=1.05e-3)
    # the stated gains are those of the printed numbers
    others = [both for name, both in printed.items() if name not in ("scratch", "MPT")]
    r2, mae = printed["MPT"]
    assert 100 * (r2 / 0.635 - 1) == pytest.approx(5.67, abs=0.005)
    assert 100 * (1 - mae / 0.148) == pytest.approx(15.54, abs=0.005)
    assert np.mean([100 * (r2 / o - 1) for o, _ in others]) == pytest.approx(6.27, abs=0.005)
    assert np.mean([100 * (1 - mae / o) for _, o in others]) == pytest.approx(9.99, abs=0.005)


def test_tables18_and_means(raw, data):
    _, table = tables.tables18(*data)
    assert len(table) == 42
    base = of(raw, "scratch", ft_size=[800]).set_index("ft_dataset")
    for row in of(raw, "pairwise_941", ft_size=[800]).itertuples():
        here = table[(table["source"] == row.pt_dataset) & (table["dataset"] == row.ft_dataset)]
        r2, mae = base.loc[row.ft_dataset, ["r2_mean", "mae_mean"]]
        assert here["r2_change"].item() == pytest.approx(100 * (row.r2_mean - r2) / abs(r2))
        assert here["mae_change"].item() == pytest.approx(100 * (1 - row.mae_mean / mae))
    assert table["r2_change"].mean() == pytest.approx(21.89, abs=0.005)


def test_figs19_interpolates_in_the_papers_direction(data):
    _, table = fewer.figs19(*data)
    cell = table[(table["source"] == "PH") & (table["dataset"] == "GV")].set_index("metric")
    assert cell["trained"].tolist() == [500, 500]  # PH-GV500 is as good as GV800
    assert ((cell["needed"] > 500) & (cell["needed"] < 800)).all()
    sizes = np.array([10.0, 100, 1000])
    assert first_reached(sizes, np.array([0.0, 0.5, 1.0]), 0.75) == pytest.approx(10**2.5)
    assert first_reached(sizes, np.array([0.9, 0.5, 1.0]), 0.75) == 10
    assert np.isnan(first_reached(sizes, np.array([0.0, 0.5, 0.6]), 0.75))


def test_figs21_in_one_unit(data):
    figure, table = literature.figs21(*data)
    values = table.dropna(subset="mae_mean").set_index(["dataset", "model"])["mae_mean"]
    assert values["FE", "BG(941)"] == pytest.approx(0.2036, abs=0.001)
    assert values["BG", "FE(941)"] == pytest.approx(0.690, abs=0.002)
    assert values["FE", numbers_of_others.LEE_ASAHI] == 0.149
    assert values["PH", "MPT"] == pytest.approx(46.6, abs=0.3)
    # nothing of the mixture of experts is drawn in 1/cm
    assert set(table.loc[table["model"] == numbers_of_others.MIXTURE, "unit"]) == {"not said"}
    labels = [axis.get_ylabel() for axis in figure.axes]
    assert labels == ["test MAE (1/cm)", "test MAE (eV/atom)", "test MAE (eV)"]


# --- the drawings, against metrics made by hand -------------------------------------------------


def cell(source, dataset, r2, mae, size=800, source_size=941, properties=None, **other):
    properties = int(source != "") if properties is None else properties
    return {
        "kind": "finetune" if source else "scratch", "source": source,
        "source_size": source_size if source else 0, "source_properties": properties,
        "dataset": dataset, "size": size, "strategy": "all" if source else "",
        "sampling": "random", "variation": "", "max_lr": 1e-3, "trials": 5, "r2_mean": r2,
        "r2_ci95": 0.01, "mae_mean": mae, "mae_ci95": 0.01, "mae_scaled_mean": mae,
        "mae_scaled_ci95": 0.01,
    } | other  # fmt: skip


class Dataset:
    """A dataset as another module may give it: attributes instead of keys."""

    def __init__(self, label, unit):
        self.label, self.unit = label, unit


DATASETS = {
    "GV": {"label": "shear modulus", "unit": "log10 GPa"},
    "MY_VERY_LONG_DATASET_NAME": Dataset("a label of very many words, much longer than usual", "1"),
    "PH": Dataset("phonons", "1/cm"),
}


def test_triangles_have_the_colours_of_their_values():
    cells = pd.DataFrame(
        [cell("", "GV", 0.2, 0.7), cell("GV", "PH", 1.0, 0.0), cell("PH", "GV", -3.0, np.nan)]
    )
    figure, table = triangles.fig6b(cells, DATASETS)
    r2, mae = figure.axes[0].collections
    heat = PALETTES["safe"].heat
    # rows in the order of the data: GV -> PH, PH -> GV; columns GV, PH
    assert r2.get_facecolors()[0] == pytest.approx(heat(1.0))
    assert mae.get_facecolors()[0] == pytest.approx(heat(0.0))
    assert r2.get_facecolors()[1] == pytest.approx(heat(0.0))  # below the scale
    assert mae.get_facecolors()[1] == pytest.approx((1, 1, 1, 1))  # no value
    # R2 is the lower triangle: its mean y is larger, and y points down
    lower, upper = (c.get_paths()[0].vertices[:3].mean(axis=0) for c in (r2, mae))
    assert lower[1] > upper[1] and lower[0] < upper[0]
    assert np.allclose((lower + upper) / 2, [1, 0])  # column PH, row GV
    assert figure.axes[0].get_ylim()[0] > figure.axes[0].get_ylim()[1]
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts == ["1.00", "\N{MINUS SIGN}3.00", "0.000", "n/a"]
    assert table["best"].tolist() == ["both", "r2"]
    blue, red = np.array(heat(1.0)), np.array(heat(0.0))
    assert blue[2] > blue[0] and red[0] > red[2]


def test_best_may_be_two_cells():
    cells = pd.DataFrame(
        [cell("A", "X", 0.9, 0.2), cell("B", "X", 0.8, 0.1), cell("C", "X", 0.1, 0.9)]
    )
    assert select.best_of_column(cells).tolist() == ["r2", "mae", ""]


def test_changes_by_hand():
    base = pd.DataFrame([cell("", "GV", -0.5, 0.2)])
    tuned = pd.DataFrame([cell("PH", "GV", 0.5, 0.1), cell("PH", "XX", 0.5, 0.1)])
    table = select.changes(tuned, base)
    assert table["r2_change"].iloc[0] == pytest.approx(200)
    assert table["mae_change"].iloc[0] == pytest.approx(50)
    assert table[["r2_change", "mae_change"]].iloc[1].isna().all()


def test_fig6c_takes_the_best_pair_of_another_study():
    long = "MY_VERY_LONG_DATASET_NAME"
    cells = pd.DataFrame([
        cell("", long, 0.5, 0.2, size=20), cell("GV", long, 0.6, 0.1, size=20, source_size=40),
        cell("PH", long, 0.7, 0.3, size=20, source_size=40),
        cell("MPT-no", long, 0.8, 0.15, size=20, source_size=0, properties=2,
             strategy="mpt_new_head"),
    ])  # fmt: skip
    figure, table = bars.fig6c(cells, DATASETS)
    assert table["source"].tolist() == ["MPT-no", "PH"]
    heights = [bar.get_height() for bar in figure.axes[0].patches]
    assert heights == pytest.approx([60, 25, 40, -50])


def test_violins_show_quartiles():
    targets = {"GV": np.linspace(-1, 1, 101), "PH": np.array([0.5, 0.5]), "XX": np.zeros(3)}
    figure, table = violins.fig1b(targets | {"MY_VERY_LONG_DATASET_NAME": np.array([])}, DATASETS)
    table = table.set_index("dataset")
    assert table.loc["GV", ["q25", "median", "q75"]].tolist() == pytest.approx([-0.5, 0, 0.5])
    assert table.loc["PH", "crystals"] == 2 and "XX" not in table.index
    white = [c for c in figure.axes[0].collections if isinstance(c, PathCollection)]
    assert all(np.allclose(c.get_facecolor(), 1) for c in white)
    assert [c.get_offsets()[0].tolist() for c in white] == [[0, pytest.approx(0)], [2, 0.5]]


def test_histories():
    rows = [
        {"source": "BG", "dataset": "FE", "size": 500, "max_lr": rate, "trial": 1, "epoch": epoch,
         "validation_r2": epoch / 10}
        for rate in (1e-2, 1e-3, 1e-5) for epoch in (1, 2, 3)
    ]  # fmt: skip
    figure, table = histories.figs13(pd.DataFrame(rows), DATASETS)
    assert sorted(table["max_lr"].unique()) == [1e-3, 1e-2]
    assert len(figure.axes[0].lines) == 2
    assert figure.axes[0].lines[0].get_ydata().tolist() == [0.1, 0.2, 0.3]
    rows = [
        {"stage": stage, "source_properties": n, "dataset": "PH", "trial": trial, "epoch": epoch,
         "training_loss": n + trial + epoch}
        for stage in ("PT", "FT") for n in (2, 6) for trial in (1, 2) for epoch in (1, 2)
    ]  # fmt: skip
    figure, table = histories.figs14(pd.DataFrame(rows), DATASETS)
    assert table["loss"].tolist() == [5.5, 9.5, 5.5, 9.5]  # mean of trials, last epoch
    assert figure.axes[1].lines[0].get_ydata().tolist() == [5.5, 9.5]


SPARSE = {
    "nothing": [],
    "scratch alone": [cell("", "GV", 0.5, 0.1, trials=1, r2_ci95=np.nan)],
    "one pair": [cell("GV", "PH", 0.5, 0.1)],
    "no number": [cell("", "PH", np.nan, np.nan), cell("GV", "PH", np.nan, np.nan)],
    "long names": [
        cell("", "MY_VERY_LONG_DATASET_NAME", 0.5, 0.1),
        *[cell(s, "MY_VERY_LONG_DATASET_NAME", 0.5, 0.1, source_size=n, strategy=how)
          for s in ("GV", "A_CHECKPOINT_WITH_A_LONG_NAME") for n in (10, 20)
          for how in ("all", "last_layer")],
    ],
}  # fmt: skip


def test_our_runs_are_drawn_as_the_published_cells(data):
    """Trials around the published means, averaged by the code of our own runs."""
    theirs, datasets = data
    theirs = theirs[theirs["section"].isin(["scratch", "pairwise_941", "mpt", "large_pt"])]
    shifts = {1: -0.01, 2: 0.0, 3: 0.01}
    runs = pd.concat(
        [
            theirs.assign(trial=trial, r2=theirs["r2_mean"] + shift, rmse=1.0,
                          median_ae=1.0, spearman=0.5,
                          batch_size=16, network="alignn", mae=theirs["mae_mean"],
                          mae_scaled=theirs["mae_scaled_mean"])
            for trial, shift in shifts.items()
        ]
    )  # fmt: skip
    ours = averaged(runs)
    for name in ("fig4a", "fig5a", "fig6a", "fig6b", "fig6c", "tableS18", "figS19"):
        _, published_table = PUBLISHED[name](theirs, datasets)
        _, own_table = PUBLISHED[name](ours, datasets)
        columns = [c for c in own_table.columns if not c.endswith("ci95") and c != "trials"]
        pd.testing.assert_frame_equal(
            own_table[columns].sort_values(columns[:6], ignore_index=True),
            published_table[columns].sort_values(columns[:6], ignore_index=True),
            check_dtype=False,
        )


@pytest.mark.parametrize("name", SPARSE)
@pytest.mark.parametrize("figure", PUBLISHED)
def test_sparse_studies_do_not_crash(name, figure, tmp_path):
    columns = list(cell("", "GV", 0, 0))
    cells = pd.DataFrame(SPARSE[name], columns=columns)
    drawing, table = PUBLISHED[figure](cells, DATASETS, "paper")
    drawing.canvas.draw()
    assert isinstance(table, pd.DataFrame)
    texts = [text.get_text() for text in drawing.findobj(Text)]
    assert [text for text in texts if re.search(r"\b(nan|inf)\b", text)] == []


# --- colours ------------------------------------------------------------------------------------

# Machado, Oliveira & Fernandes, IEEE Trans. Vis. Comput. Graph. 15, 1291 (2009), severity 1
DEFICIENCIES = {
    "none": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                   [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                     [-0.011820, 0.042940, 0.968881]],
}  # fmt: skip


def seen(colours, deficiency):
    """CIELAB (D65) of colours as someone with a deficiency sees them, [n, 3]."""
    rgb = np.array([to_rgb(colour) for colour in colours])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(linear @ np.array(DEFICIENCIES[deficiency]).T, 0, 1)
    to_xyz = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
              [0.0193339, 0.1191920, 0.9503041]]  # fmt: skip
    xyz = linear @ np.array(to_xyz).T / [0.95047, 1, 1.08883]
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    x, y, z = f.T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)


def closest(colours, deficiency):
    """Smallest distance (CIE 1976) of any two colours."""
    lab = seen(colours, deficiency)
    distance = np.linalg.norm(lab[:, None] - lab[None], axis=-1)
    return distance[~np.eye(len(lab), dtype=bool)].min()


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_safe_colours_can_be_told_apart(deficiency):
    safe = PALETTES["safe"]
    for colours in (safe.steps(5), safe.each(5), [safe.r2, safe.mae]):
        assert closest(colours, deficiency) > 15
    # red and blue of the heatmaps, value by value: v is not taken for 1 - v
    scale = safe.heat(np.linspace(0, 1, 21))[:, :3]
    lab = seen(scale, deficiency)
    assert (np.linalg.norm(lab - lab[::-1], axis=1)[:8] > 30).all()
    frame = closest([safe.best, *scale[[0, 5, 15, 20]]], deficiency)
    assert frame > 10


def test_the_papers_cycle_of_colours_cannot():
    paper = PALETTES["paper"]
    worst = min(closest(paper.each(5), name) for name in DEFICIENCIES)
    assert worst < min(closest(PALETTES["safe"].each(5), name) for name in DEFICIENCIES)


# --- the published files as a whole -------------------------------------------------------------


def test_draws_everything_published(tmp_path):
    written = draw_published(tmp_path, formats=("svg", "csv"))
    assert {path.stem for path in written} == set(PUBLISHED)
    assert PUBLISHED
    assert all(path.stat().st_size > 100 for path in written)


def test_published_cells_have_the_columns_of_ours(raw):
    cells = published_cells(FILE)
    assert set(cell("", "GV", 0, 0)) <= set(cells.columns)
    assert len(cells) == (~raw["strategy"].str.contains("ckpt=")).sum()
    counts = cells.groupby("source_properties").size().to_dict()
    assert counts[7] == 1 and counts[6] == 35 and counts[0] == 36
    ph = cells[(cells["source"] == "FE") & (cells["dataset"] == "PH") & (cells["size"] == 800)
               & (cells["source_size"] == 941)].iloc[0]  # fmt: skip
    assert ph["mae_mean"] == pytest.approx(1792.08 * ph["mae_scaled_mean"], rel=1e-4)


def test_five_trials_go_before_one():
    table = published(FILE)
    bg_fe = table[(table["source"] == "BG") & (table["dataset"] == "FE") & (table["size"] == 800)
                  & (table["source_size"] == 941) & (table["strategy"] == "all")]  # fmt: skip
    assert bg_fe["trials"].tolist() == [5]
    assert not table.duplicated(KEY).any()


def test_summary_says_first_how_many():
    theirs = published(FILE)
    ours = theirs.drop(columns=["section", "n_test", "anomalies"])
    shifted = ours.assign(r2_mean=np.where(ours["dataset"] == "PH", 99.0, ours["r2_mean"]))
    lines = summary(beside(shifted, theirs)).splitlines()
    known_ph = ((theirs["dataset"] == "PH") & theirs["r2_ci95"].notna()).sum()
    total = theirs["r2_ci95"].notna().sum()
    assert f"R2 {total - known_ph} of {total}, MAE {total} of {total}" in lines[0]
    assert any(line.strip().startswith("pairwise_941: R2 180 of 210") for line in lines)
    assert any("T5 uses a different test set" in line for line in lines)
    assert "no cell" in summary(beside(shifted[:0], theirs))


# --- claims -------------------------------------------------------------------------------------


def test_claims_on_the_published_cells(data):
    table = claims.claims(data[0]).set_index("claim")["value"]
    expected = [
        "R2 42/42, MAE 42/42", "R2 40/42, MAE 42/42", "R2 42/42, MAE 42/42", "R2 38/42, MAE 42/42",
        "R2 24.8 %, MAE 14.9 %", "R2 73.8 %, MAE 24.5 %", "R2 21.9 %, MAE 13.5 %",
        "R2 58.4 %, MAE 23.1 %", "0.572 / 0.142 to 0.609 / 0.128",
        "0.845, 0.920, 0.936", "8.9 %, 1.7 %", "0.722 / 0.099, 0.742 / 0.096",
        "4 of 7: EBG from GV, FE from PH, GV from FE, PZ from FE",
        "2 of 7: FE from PH, GV from PH", "6 of 6",
        "100K higher for DC, EBG, GV; GV 0.7704 against 0.7694",
        "3 of 4, ties of the first two: BG-FE (0.9494)", "6 of 7", "R2 3 of 7, MAE 4 of 7",
        "PH MAE -22.8 %, EBG R2 +15.3 %, GV +2.6 %", "R2 5.51 %, MAE 15.53 %",
        "R2 6.18 %, MAE 10.48 %", "R2: FE (0.6710), MAE: MPT (0.1246)",
        "FE 0.203 eV/atom, BG 0.690 eV", "55.6, 46.6 1/cm",
    ]  # fmt: skip
    assert table.tolist() == expected


def test_claims_of_a_part_of_a_study(data):
    cells = data[0]
    part = cells[cells["dataset"] == "BG"]
    values = claims.claims(part)["value"]
    assert (values == claims.MISSING).sum() > 5
    assert "0.572 / 0.142 to 0.609 / 0.128" in values.tolist()
    assert (claims.claims(cells[:0])["value"] == claims.MISSING).all()
    both = claims.side_by_side({"published cells": cells, "our runs": part})
    assert both.columns.tolist() == [
        "claim", "where", "stated", "published cells", "our runs", "note"
    ]  # fmt: skip


@pytest.mark.parametrize("column", ["dataset", "source", "source_size", "strategy"])
def test_claims_are_counted_whatever_cells_are_missing(data, column):
    cells = data[0]
    for value in cells[column].unique():
        values = claims.claims(cells[cells[column] != value])["value"]
        assert values.str.len().gt(0).all()
        assert not values.str.contains("nan").any()


def test_claims_on_all_ft_datasets_leave_out_the_unseen_one(data):
    cells = data[0].copy()
    unseen = cells["dataset"] == claims.UNSEEN
    before = claims.claims(cells[~unseen])["value"]
    cells.loc[unseen, "size"] = 800
    after = claims.claims(cells)
    own = after["claim"].str.startswith(claims.UNSEEN)
    assert own.sum() == 3 and unseen.sum() > 3
    pd.testing.assert_series_equal(after["value"][~own], before[~own])


def test_claims_say_a_loss_as_one(data):
    cells = data[0].copy()
    multi = cells["source_properties"] > 1
    cells.loc[multi, [c for c in cells if c.startswith("mae")]] *= 3
    cells.loc[multi, "r2_mean"] /= 3
    lost = claims.claims(cells)["value"]
    assert not lost.str.contains(r"[+-]{2}").any()
    assert lost.str.match(r"PH MAE \+\d+\.\d %, EBG R2 -\d+\.\d %, GV -").sum() == 1


def test_page_of_claims_is_up_to_date(tmp_path):
    claims.write_page(tmp_path / "claims.md")
    assert (tmp_path / "claims.md").read_text() == (ROOT / "docs/claims.md").read_text()


def test_mpt_is_compared_with_pairs_of_its_own_size(data):
    """Pairs at larger sizes, where there is no MPT, are not its rivals."""
    cells, _ = data
    of_one = cells["source_properties"] < 2
    at_200 = cells[cells["size"] == 200]
    more = pd.concat([at_200, cells[(cells["size"] == 500) & of_one]], ignore_index=True)
    assert claims.multi_beats_pair(more) == claims.multi_beats_pair(at_200)
    assert "of 7" in claims.multi_beats_pair(at_200)

"""The page's sections: a function each, from the study to a table or a list."""

from collections.abc import Mapping
from itertools import product

import numpy as np
import pandas as pd
from reading import (
    COMPARED,
    PAIRS,
    PUBLISHED_CONFIG,
    SIZE,
    TABLES,
    best_of,
    by_trial,
    cells_of,
    constant,
    gains_against,
    improvements,
    maes,
    numbers,
    ordered,
    reductions,
    scales,
    shared_with_pairs,
    study_of,
    tested,
    unit,
    whole_runs_of,
)
from words import both, improvement, named, percents, reduction, value

from crystal_transfer.experiments.study import Study
from crystal_transfer.figures.leakage import FEWEST_SEEN
from crystal_transfer.models.sizes import AlignnSizes
from crystal_transfer.operations import cost
from crystal_transfer.results import tables
from crystal_transfer.results.gains import chance_gains, gain_over_scratch, percent_below
from crystal_transfer.results.markdown import markdown
from crystal_transfer.results.metrics import FEWEST_TRIALS
from crystal_transfer.results.story import wins
from crystal_transfer.results.tables import half_width

UNSEEN = "JARVIS2D"
TRIALS = 5  # of a cell
# metrics and what their columns are called
SHOWN = {
    "mae": "MAE", "mae_scaled": "scaled MAE", "r2": "R²", "median_ae": "median AE",
    "spearman": "Spearman",
}  # fmt: skip
LARGER = 800  # crystals, of one network beside several


def what_was_run(ours: Study) -> str:
    """Count the finished runs of each experiment, and of the full network on published samples."""
    planned = {name: (ours.config.experiments[name].kind, runs) for name, runs in ours.grid.items()}
    for name, block in ours.config.baselines.items():
        planned[name] = block.kind, list(product(block.samples, block.models, block.trials))
    published = study_of(PUBLISHED_CONFIG)
    planned["published"] = "scratch, transfer", tested(published)
    for name, block in published.config.baselines.items():
        own = list(product(block.samples, block.models, block.trials))
        planned[f"published_{name}"] = block.kind, own
    rows = []
    for name, (kind, expected) in planned.items():
        path = TABLES / f"{name}_runs.csv"
        runs = tables.read_runs([path]) if path.exists() else pd.DataFrame({"mae": []})
        diverged = int(runs["mae"].isna().sum())
        rows.append([name, kind, len(expected), len(runs), diverged, trials_of(runs)])
    columns = ["experiment", "kind", "runs", "finished", "diverged", "trials of a cell"]
    table = markdown(pd.DataFrame(rows, columns=columns))
    return (
        f"{table}\n\n`crystal-transfer plan` expects {hours(ours):.0f} hours for the networks of "
        f"`config/compact.yaml`, one after the other, and {hours(published):.0f} for those of "
        f"`config/published.yaml`; speed: {ours.throughput.training.source}."
    )


def hours(study: Study) -> float:
    """Return how long all trainings of a study take, as expected before they start."""
    return sum(cost.seconds(study, run) for run in study.runs.values()) / 3600


def trials_of(runs: pd.DataFrame) -> str:
    """Say how many trials the cells have that have enough."""
    if runs.empty:
        return "-"
    trials = tables.cells(runs)["trials"]
    enough = sorted(set(trials[trials >= FEWEST_TRIALS]))
    return " to ".join(map(str, dict.fromkeys([*enough[:1], *enough[-1:]]))) or "-"


def size_of_the_network(ours: Study) -> str:
    """Compare the small network with the full one."""
    found = numbers("sizes")
    both = found.groupby(["dataset", "trial"])["hidden_features"].transform("size") > 1
    found = found[both]
    networks = {sizes.hidden_features: sizes for sizes in (ours.config.model.alignn, AlignnSizes())}
    rows = []
    for (features, code), here in found.groupby(["hidden_features", "dataset"], sort=False):
        if len(here) < FEWEST_TRIALS:
            continue
        sizes = networks[features]
        layers = f"{sizes.alignn_layers} + {sizes.gcn_layers}"
        errors = [value(here[name].mean(), half_width(here[name])) for name in SHOWN]
        minutes = f"{here['minutes'].median():.1f}"
        network = f"{layers} layers of {features}"
        rows.append([code, network, len(here), *errors, minutes, unit(ours, code)])
    columns = ["dataset", "network", "trials", *SHOWN.values(), "minutes of a training", "unit"]
    small, full = (
        found[found["hidden_features"] == features].pivot_table(
            index="dataset", columns="trial", values="mae"
        )
        for features in sorted(networks)
    )
    dearer = reductions(full, small)
    each = ", ".join(f"{code} {reduction(dearer.loc[code])}" for code in dearer.index)
    return (
        f"{markdown(pd.DataFrame(sorted(rows), columns=columns))}\n\n"
        f"Paired by trial, the full network's MAE is lower by, in %: {each}. So what the small "
        "network costs in error is not known better than that."
    )


def pretrainings(ours: Study) -> str:
    """Say how many crystals each pre-training has."""
    found = numbers("pretrainings").sort_values(["properties", "id"])
    rows = [
        [row.id, row.crystals, ours.run(row.id).hyperparameters.epochs, row.best_epoch,
         f"{row.minutes:.1f}"]
        for row in found.itertuples()
    ]  # fmt: skip
    columns = ["pre-training", "crystals, validation included", "epochs", "best epoch", "minutes"]
    table = markdown(pd.DataFrame(rows, columns=columns))
    kept = set(found["id"])
    gone = [run.id for run in ours.runs.values() if run.is_pretraining and run.id not in kept]
    return f"{table}\n\nOf these, no numbers were kept: {', '.join(gone)}." if gone else table


def pools(ours: Study) -> str:
    """Say how many crystals there are, and which share of them a sample has."""
    scale = scales()
    counted = numbers("equals").set_index("dataset")
    sizes = sorted({run.size for run in ours.grid["scratch"]})
    rows = []
    for code in ours.config.experiments["scratch"].datasets:
        here = counted.loc[code]
        pool = here["crystals"] - here["n_test"]
        shares = [f"{100 * size / pool:.0f}" if size <= pool else "-" for size in sizes]
        expected = pool * (1 - (1 - SIZE / pool) ** TRIALS)
        rows.append([code, unit(ours, code), f"{scale[code]:.4g}",
                     *here[["crystals", "n_test", "with_equal"]], pool, *shares,
                     f"{expected:.0f}"])  # fmt: skip
    columns = ["dataset", "unit", "a scaled MAE of 1 is", "crystals", "tested on",
               "with an equal that can be drawn", "can be drawn",
               *(f"n = {size} (%)" for size in sizes),
               f"crystals in {TRIALS} samples of {SIZE}, expected"]  # fmt: skip
    return markdown(pd.DataFrame(rows, columns=columns))


def rates_of_scratch(ours: Study) -> str:
    """Compare transfer with scratch at either rate."""
    found, plain, scale = gains_against("scratch_rates", "max_lr"), constant(ours), scales()
    tried = sorted(found.index.unique("max_lr"), reverse=True)
    rows = []
    for code in ordered(ours, found.index.unique("dataset")):
        for size, at_size in found.loc[code].groupby(level="size"):
            here = at_size.droplevel("size").reindex(tried)
            a_constant = both(plain[code, size], float("nan"), scale[code])
            reached = [
                both(row.mae_scratch, row.mae_scratch_ci95, scale[code])
                for row in here.itertuples()
            ]
            gained = [
                f"{percents(row.gain_median, row.gain_median_ci95)} / "
                f"{percents(row.gain_best, row.gain_best_ci95)}" if row.pairs > 0 else "-"
                for row in here.itertuples()
            ]  # fmt: skip
            transfer = of_the_pairs(at_size.iloc[0], scale[code])
            rows.append([code, size, here["trials"].iloc[0], a_constant, *reached, transfer,
                         *gained, unit(ours, code)])  # fmt: skip
    names = [f"{rate:g}" for rate in tried]
    columns = ["dataset", "n", "trials", "constant", *(f"scratch at {name}" for name in names)]
    columns += ["transfer, median", *(f"gain at {name} (%), median / best" for name in names)]
    table = markdown(pd.DataFrame(rows, columns=[*columns, "unit"]))
    robust = by_robust_metrics(
        ours, "scratch_rates", "max_lr", {rate: f"at {rate:g}" for rate in tried}
    )
    return f"{table}\n\nThe same runs by metrics that few large errors do not move:\n\n{robust}"


def by_robust_metrics(
    ours: Study, experiment: str, way: str, named_ways: Mapping[float, str], size: int | None = None
) -> str:
    """Show median errors and Spearman's coefficients of scratch and of the median pair.

    Parameters
    ----------
    experiment, way
        See `reading.gains_against`.
    named_ways
        What ways of training scratch are called.
    size
        Crystals; all sizes without it.
    """
    runs = shared_with_pairs(experiment)
    runs = runs[runs["size"] == size] if size else runs
    rows = []
    for code in ordered(ours, runs["dataset"]):
        here = runs[runs["dataset"] == code]
        for n, at_size in here.groupby("size"):
            models = [
                *(at_size[(at_size["kind"] == "scratch") & (at_size[way] == tried)]
                  for tried in named_ways), at_size[at_size["kind"] == "finetune"]
            ]  # fmt: skip
            each = [by_trial(model) for model in models]
            rows.append([code, n, *(
                value(trials[name].mean(), half_width(trials[name]))
                for name in ("median_ae", "spearman") for trials in each
            ), unit(ours, code)])  # fmt: skip
    models = [*(f"scratch {name}" for name in named_ways.values()), "median pair"]
    columns = [f"{SHOWN[name]}, {model}" for name in ("median_ae", "spearman") for model in models]
    return markdown(pd.DataFrame(rows, columns=["dataset", "n", *columns, "unit"]))


def of_the_pairs(gained: pd.Series, per_scaled: float) -> str:
    """Write the MAE of the median pair."""
    return both(gained["mae_median"], gained["mae_median_ci95"], per_scaled)


def by_other_metrics(ours: Study) -> str:
    """Say what the median pair gains over scratch by other metrics than the MAE."""
    runs = tables.on_shared_trials(whole_runs_of("scratch", "pairwise"))
    runs = runs[runs["size"] == SIZE]
    rows = []
    for code in ordered(ours, runs["dataset"]):
        here = runs[runs["dataset"] == code]
        scratch, pairs = (by_trial(here[here["kind"] == kind]) for kind in ("scratch", "finetune"))
        rows.append([code, *improvement(improvements(pairs, scratch))])
    return markdown(pd.DataFrame(rows, columns=["dataset", *COMPARED.values()]))


def with_other_test_crystals(ours: Study) -> str:
    """Say how wide the intervals of gains are over trials, over test crystals and over both."""
    found = of_the_median_pair()
    rows = [
        [code, row.n_test, f"{row.gain:.1f}", f"{row.trials_ci95:.1f}", f"{row.crystals_ci95:.1f}",
         f"{row.together:.1f}"]
        for code, row in found.loc[ordered(ours, found.index)].iterrows()
    ]  # fmt: skip
    columns = ["dataset", "test crystals", "lower MAE (%)", "± over trials", "± over test crystals",
               "± over both"]  # fmt: skip
    return markdown(pd.DataFrame(rows, columns=columns))


def of_the_median_pair() -> pd.DataFrame:
    """Return gains of the median pair over scratch, with intervals over test crystals too.

    Returns
    -------
    By dataset: n_test, gain, trials_ci95, crystals_ci95, and together: both added in quadrature.
    """
    found = test_crystals("median pair against scratch")
    return found.assign(together=np.hypot(found["trials_ci95"], found["crystals_ci95"]))


def test_crystals(compared: str) -> pd.DataFrame:
    """Return gains with intervals over test crystals, by dataset; see `resampling.gains`."""
    found = numbers("test_crystals")
    return found[found["compared"] == compared].set_index("dataset")


def wins_of_transfer(ours: Study) -> str:
    """Count the pairs that win, by size, and name those that do beyond chance."""
    runs = whole_runs_of("scratch", *PAIRS)
    held = chance_gains(runs)
    held["loses"] = held["gain"] < -held["shared"]
    baselines = whole_runs_of(*ours.config.baselines)
    rows = []
    for size, here in held.groupby("size"):
        own = runs[runs["size"] == size]
        rivals = own[own["kind"] == "scratch"], baselines
        won = [f"{found.won} of {found.compared}" for found in (wins(own, some) for some in rivals)]
        sure = [int(here[f"holds_{kind}"].sum()) for kind in ("shared", "corrected")]
        pairs = maes(*PAIRS, size=size)
        best = best_of(maes(*ours.config.baselines, size=size))
        over = reductions(pairs, best.reindex(pairs.index.get_level_values("dataset")).set_axis(
            pairs.index))  # fmt: skip
        plain = [int((sign * over["mean"] > over["half_width"]).sum()) for sign in (1, -1)]
        rows.append([size, won[0], *sure, int(here["loses"].sum()), won[1], *plain,
                     f"{0.025 * len(here):.1f}"])  # fmt: skip
    columns = ["n", "pairs with a lower MAE than scratch", "beyond the interval",
               "beyond the wider one", "higher beyond the interval",
               "lower than the best baseline", "lower than it beyond the interval",
               "higher than it beyond the interval", "of each, by chance alone"]  # fmt: skip
    table = markdown(pd.DataFrame(rows, columns=columns))
    won = held[held["holds_shared"] & (held["size"] == SIZE)]
    gained = named([f"{row.source} → {row.dataset}" for row in won.itertuples()])
    lost = named([
        f"{row.source} → {row.dataset} (n = {row.size})" for row in held[held["loses"]].itertuples()
    ])  # fmt: skip
    return f"{table}\n\nGain beyond the interval at n = {SIZE}: {gained}. Lose beyond it: {lost}."


def best_of_each(ours: Study) -> str:
    """Show scratch, the best pair, all properties and the best baseline of every dataset."""
    names = ["scratch", "pairwise", "multi_property"]
    cells = cells_of(*names)
    baselines = cells_of(*ours.config.baselines)
    baselines = baselines.assign(source=baselines["network"])
    several = cells["source_properties"] > 1
    kinds = {
        "constant": baselines[baselines["network"] == "median"].assign(source="median"),
        "scratch": cells[cells["kind"] == "scratch"],
        "best pair": cells[(cells["kind"] == "finetune") & ~several],
        "all other properties": cells[several],
        "best baseline": baselines,
    }
    rows = []
    for code in ours.config.experiments["pairwise"].finetune:
        for kind, some in kinds.items():
            here = some[(some["dataset"] == code) & (some["size"] == SIZE)]
            here = here.dropna(subset="mae_mean")
            if here.empty:
                continue
            cell = here.loc[here["mae_mean"].idxmin()]
            name = f"{kind}: {cell['source']}" if kind.startswith("best") else kind
            rows.append([code, name, *(
                value(cell[f"{metric}_mean"], cell[f"{metric}_ci95"])
                for metric in ("mae", "mae_scaled", "r2", "median_ae", "spearman")
            ), unit(ours, code)])  # fmt: skip
    columns = ["dataset", "model", "MAE", "scaled MAE", "R²", "median AE", "Spearman", "unit"]
    return markdown(pd.DataFrame(rows, columns=columns))


def at_equal_time(ours: Study) -> pd.DataFrame:
    """Return what transfer gains against scratch of either length, by dataset and epochs."""
    found = gains_against("scratch_epochs", "epochs").xs(SIZE, level="size")
    codes = ours.config.experiments["scratch_epochs"].datasets
    return found[found.index.isin(codes, level="dataset")]


def equal_time(ours: Study) -> str:
    """Compare transfer with scratch trained for as long."""
    found, scale = at_equal_time(ours), scales()
    usual = next(run for run in ours.grid["scratch"] if run.size == SIZE)
    epochs = [usual.hyperparameters.epochs, *found.index.unique("epochs")[1:]]
    rows = []
    for code in ordered(ours, found.index.unique("dataset")):
        here = found.loc[code].reindex(found.index.unique("epochs"))
        reached = [
            both(row.mae_scratch, row.mae_scratch_ci95, scale[code]) for row in here.itertuples()
        ]
        gained = [percents(row.gain_median, row.gain_median_ci95) for row in here.itertuples()]
        transfer = of_the_pairs(here.iloc[0], scale[code])
        rows.append([code, *reached, transfer, *gained, unit(ours, code)])
    columns = ["dataset", *(f"scratch, {n} epochs" for n in epochs), "transfer, median"]
    columns += [f"gain over {n} (%)" for n in epochs]
    table = markdown(pd.DataFrame(rows, columns=[*columns, "unit"]))
    ways = dict(zip(found.index.unique("epochs"), (f"{n} epochs" for n in epochs), strict=True))
    robust = by_robust_metrics(ours, "scratch_epochs", "epochs", ways, SIZE)
    return f"{table}\n\n{robust}"


def unseen_dataset(ours: Study) -> str:
    """JARVIS2D, the dataset no choice was made on, with its baselines."""
    plain = whole_runs_of(*ours.config.baselines)
    runs = pd.concat([whole_runs_of("jarvis2d"), plain.assign(source=plain["network"])])
    runs = runs[(runs["dataset"] == UNSEEN) & (runs["size"] == SIZE)].reset_index(drop=True)
    gained = runs.assign(gain=gain_over_scratch(runs)).groupby(tables.CELL)["gain"]
    cells = tables.cells(runs).merge(gained.agg(["mean", half_width]).reset_index())
    shown = ["mae", "mae_scaled", "r2", "median_ae", "spearman"]
    rows = [
        ["baseline" if row.kind == "baseline" else "network", row.source or "scratch",
         *(value(getattr(row, f"{name}_mean"), getattr(row, f"{name}_ci95")) for name in shown),
         percents(row.mean, row.half_width) if row.source else "-"]
        for row in cells.sort_values("mae_mean").itertuples()
    ]  # fmt: skip
    symbol = unit(ours, UNSEEN)
    columns = ["model", "pre-trained on, or kind", f"MAE ({symbol})", "scaled MAE", "R²",
               f"median AE ({symbol})", "Spearman",
               "reduction of the MAE against scratch (%)"]  # fmt: skip
    table = markdown(pd.DataFrame(rows, columns=columns))
    better = cells[cells["source"].ne("") & (cells["mean"] > cells["half_width"])]
    equals = numbers("equals").set_index("dataset").loc[UNSEEN]
    return (
        f"{table}\n\nBetter than scratch beyond the interval: {named(list(better['source']))}. Of "
        f"the {equals['n_test']} test crystals {equals['with_equal']} have an equal among those "
        "that can be drawn, so that errors on crystals of no such kind may be higher."
    )


def one_outlier(ours: Study) -> str:
    """R2 and MAE with and without the farthest target."""
    found, scale = numbers("outliers"), scales()
    shown = ["r2", "r2_without", "mae", "mae_without", "median_ae", "spearman"]
    rows = [
        [row["dataset"], row["source"] or "scratch", f"{row['outlier_target']:.3g}",
         *(value(row[name], row[f"{name}_ci95"], 2 if "r2" in name else 3) for name in shown),
         f"{row['mae'] / scale[row['dataset']]:.3g}", unit(ours, row["dataset"])]
        for _, row in found.iterrows() if row["source"] == "" or row["dataset"] == "PZ"
    ]  # fmt: skip
    columns = ["dataset", "model", "farthest target", "R²", "R² without", "MAE", "MAE without",
               "median AE", "Spearman", "scaled MAE", "unit"]  # fmt: skip
    return markdown(pd.DataFrame(rows, columns=columns))


def averaged(ours: Study) -> pd.DataFrame:
    """Return MAEs of one network and of several averaged, of scratch and the pairs, by dataset.

    Returns
    -------
    Columns trials, scratch, scratch_averaged, best_pair (one network of the best PT dataset), pairs
    (those that have the trials of scratch), pair_averaged (of the median PT dataset), and what
    averaging reduces the MAE by, in %: less_scratch with less_scratch_ci95, the half-width over the
    single networks that one average is compared with, and of the pairs less (mean), least, most.
    """
    found, single = numbers("ensembles"), maes("scratch").droplevel([1, 2, 3, 4])
    rows = {}
    for code in ordered(ours, found["dataset"]):
        here = found[found["dataset"] == code]
        here = here[here["trials"] == here["trials"].max()]
        scratch, pairs = (here[here["kind"] == kind] for kind in ("scratch", "finetune"))
        if len(scratch) and len(pairs):
            less = percent_below(scratch["mae_ensemble"].item(), single.loc[code].dropna())
            rows[code] = {
                "trials": scratch["trials"].item(),
                "scratch": scratch["mae_mean"].item(),
                "scratch_averaged": scratch["mae_ensemble"].item(),
                "best_pair": pairs["mae_mean"].min(),
                "pairs": len(pairs),
                "pair_averaged": pairs["mae_ensemble"].median(),
                "less_scratch": less.mean(), "less_scratch_ci95": half_width(less),
                "less": pairs["less"].mean(),
                "least": pairs["less"].min(), "most": pairs["less"].max(),
            }  # fmt: skip
    return pd.DataFrame.from_dict(rows, orient="index")


def averages(ours: Study) -> str:
    """Say what averaging the predictions of the trials is worth, beside transfer and more data."""
    scratch, scale = cells_of("scratch"), scales()
    gained = test_crystals("median pair against scratch, both averaged")
    rivals = test_crystals("averaged scratch against the best pair")
    larger = scratch[scratch["size"] == LARGER].set_index("dataset")["mae_mean"]
    rows = []
    for row in averaged(ours).itertuples():
        maes = (row.scratch, row.scratch_averaged, larger.get(row.Index, float("nan")),
                row.best_pair, row.pair_averaged)  # fmt: skip
        rows.append([
            row.Index, row.trials,
            *(both(mae, float("nan"), scale[row.Index]) for mae in maes),
            percents(row.less_scratch, row.less_scratch_ci95),
            f"{row.less:.0f} ({row.least:.0f} to {row.most:.0f}, {row.pairs} pairs)",
            *(percents(*some.loc[row.Index, ["gain", "crystals_ci95"]])
              for some in (gained, rivals)), unit(ours, row.Index),
        ])  # fmt: skip
    columns = ["dataset", "trials", "scratch, one", "scratch, averaged",
               f"scratch, one, n = {LARGER}", "best pair, one", "median pair, averaged",
               "averaging reduces scratch's MAE by (%)", "and that of pairs by (%)",
               "transfer reduces that of averages by (%)",
               "averaged scratch is below the best pair, one, by (%)", "unit"]  # fmt: skip
    return markdown(pd.DataFrame(rows, columns=columns))


def switches(ours: Study) -> str:
    """Say what each switch changes, first those that change more than trials do."""
    found = numbers("contrast")
    found = found[found["trials"] >= FEWEST_TRIALS]
    # a MAE that is the same in print has not changed, whatever its interval
    beyond = found[found["mae_increase"].abs() > found["mae_increase_ci95"].clip(lower=0.05)]
    each = "; ".join(
        f"{row.study}, {row.cell.removesuffix('_all')}: "
        f"{row.mae_increase:+.1f} ± {row.mae_increase_ci95:.1f} %"
        for row in beyond.itertuples()
    )
    line = (
        f"Changes of the MAE beyond their interval: {each}. By chance alone "
        f"{0.05 * len(found):.0f} of the {len(found)} would be."
    )
    rows = [
        [row.study, row.cell.removesuffix("_all"),
         f"{row.r2_difference:+.3f} ± {row.r2_difference_ci95:.3f}",
         f"{row.spearman_difference:+.3f} ± {row.spearman_difference_ci95:.3f}",
         f"{row.mae_increase:+.1f} ± {row.mae_increase_ci95:.1f}",
         f"{row.median_ae_increase:+.1f} ± {row.median_ae_increase_ci95:.1f}"]
        for row in found.itertuples()
    ]  # fmt: skip
    columns = ["switch", "cell", "change of R²", "change of Spearman", "change of MAE (%)",
               "change of median AE (%)"]  # fmt: skip
    return f"{line}\n\n{markdown(pd.DataFrame(rows, columns=columns))}"


def leaks(ours: Study) -> str:
    """Gains on test crystals that pre-training has seen, and on others."""
    found, scale = numbers("leakage"), scales()
    found = found[found["n_seen"] >= FEWEST_SEEN]
    groups = {"seen": "seen", "control": "the same, not seen", "unseen": "others"}
    rows = [
        [f"{row['source']} → {row['dataset']}", row["n_seen"], row["n_unseen"],
         *(both(row[f"mae_{group}"], row[f"mae_{group}_ci95"], scale[row["dataset"]])
           for group in groups),
         unit(ours, row["dataset"]),
         *(percents(row[f"gain_{group}"], row[f"gain_{group}_ci95"]) for group in groups)]
        for _, row in found.iterrows()
    ]  # fmt: skip
    columns = ["pair", "crystals seen", "others", *(f"MAE, {name}" for name in groups.values()),
               "unit", *(f"gain, {name} (%)" for name in groups.values())]  # fmt: skip
    more = found["gain_seen"] - found["gain_control"]
    together = np.hypot(found["gain_seen_ci95"], found["gain_control_ci95"])
    widest = max(found["gain_seen_ci95"].max(), found["gain_control_ci95"].max())
    return (
        f"{markdown(pd.DataFrame(rows, columns=columns))}\n\n"
        f"The gain is larger where the crystals were seen than on the same crystals unseen in "
        f"{int((more > 0).sum())} of {len(found)} pairs; {int((more.abs() > together).sum())} "
        f"differ by more than both intervals together. With intervals of up to ± {widest:.0f} %, "
        "small effects cannot be told from none."
    )

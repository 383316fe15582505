"""What transfer gains: over scratch of any rate and length, over baselines, on JARVIS2D."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from reading import (
    COMPARED,
    PAIRS,
    SHOWN,
    SIZE,
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
    test_crystals,
    unit,
    whole_runs_of,
)
from words import both, improvement, named, percents, value

from crystal_transfer.experiments.study import Study
from crystal_transfer.results import tables
from crystal_transfer.results.gains import chance_gains, gain_over_scratch
from crystal_transfer.results.markdown import markdown
from crystal_transfer.results.story import wins
from crystal_transfer.results.tables import half_width

UNSEEN = "JARVIS2D"


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
                value(cell[f"{metric}_mean"], cell[f"{metric}_ci95"]) for metric in SHOWN
            ), unit(ours, code)])  # fmt: skip
    columns = ["dataset", "model", *SHOWN.values(), "unit"]
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

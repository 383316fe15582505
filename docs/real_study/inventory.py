"""What was run: trainings, networks, pre-trainings and pools, as tables."""

from itertools import product

import pandas as pd
from reading import (
    PUBLISHED_CONFIG,
    SHOWN,
    SIZE,
    TABLES,
    numbers,
    reductions,
    scales,
    study_of,
    tested,
    unit,
)
from words import reduction, value

from crystal_transfer.experiments.study import Study
from crystal_transfer.models.sizes import AlignnSizes
from crystal_transfer.operations import cost
from crystal_transfer.results import tables
from crystal_transfer.results.markdown import markdown
from crystal_transfer.results.metrics import FEWEST_TRIALS
from crystal_transfer.results.tables import half_width

TRIALS = 5  # of a cell


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

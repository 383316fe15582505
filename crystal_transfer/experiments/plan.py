"""A study before it runs: trainings, time, disk, and what its figures share."""

import pandas as pd

from crystal_transfer.experiments.cost import Throughput, seconds, stored_bytes, workload
from crystal_transfer.experiments.runs import Run
from crystal_transfer.experiments.study import Study


def by_experiment(study: Study, speed: Throughput, test_fraction: float) -> pd.DataFrame:
    """Count the trainings of every experiment.

    Returns
    -------
    One row per experiment and a last one for all: trainings (fine-tuning and scratch),
    pretrainings that they start from, new (trainings and pre-trainings that no experiment above
    has), hours and GB of the new ones.
    """
    seen: set[str] = set()
    rows = []
    for name, runs in study.grid.items():
        origins = {run.source.id: run.source for run in runs if _trained_source(run)}
        new = {run.id: run for run in [*origins.values(), *runs] if run.id not in seen}
        seen |= new.keys()
        rows.append(
            {
                "experiment": name,
                "trainings": len(runs),
                "pretrainings": len(origins),
                "new": len(new),
                **_cost(list(new.values()), study, speed, test_fraction),
            }
        )
    total = {
        "experiment": "all, each once",
        "trainings": sum(
            run.kind not in ("pretrain", "multipretrain") for run in study.runs.values()
        ),
        "pretrainings": sum(
            run.kind in ("pretrain", "multipretrain") for run in study.runs.values()
        ),
        "new": len(study.runs),
        **_cost(list(study.runs.values()), study, speed, test_fraction),
    }
    return pd.DataFrame([*rows, total])


def by_figure(study: Study) -> pd.DataFrame:
    """Count the runs of every figure.

    Returns
    -------
    One row per figure: runs that it shows, pre-trainings they start from, and how many of these
    another figure needs too.
    """
    needed = {}
    for name, figure in study.run_figures.items():
        shown = figure.runs(study.grid)
        needed[name] = shown, {run.source.id for run in shown if _trained_source(run)}
    every = {name: {run.id for run in runs} | origins for name, (runs, origins) in needed.items()}
    times: dict[str, int] = {}
    for ids in every.values():
        for id in ids:
            times[id] = times.get(id, 0) + 1
    return pd.DataFrame(
        [
            {
                "figure": name,
                "runs": len(runs),
                "pretrainings": len(origins),
                "shared": sum(times[id] > 1 for id in every[name]),
            }
            for name, (runs, origins) in needed.items()
        ]
    )


def _trained_source(run: Run) -> bool:
    return run.source is not None and run.source.kind != "checkpoint"


def _cost(runs: list[Run], study: Study, speed: Throughput, test_fraction: float) -> dict:
    work = [workload(run, study.datasets, test_fraction) for run in runs]
    return {
        "hours": sum(seconds(item, speed) for item in work) / 3600,
        "GB": sum(map(stored_bytes, work)) / 1e9,
    }

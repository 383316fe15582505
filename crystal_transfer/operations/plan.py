"""A study before it runs: trainings, time, disk, and what its figures share."""

from collections.abc import Iterable

import pandas as pd

from crystal_transfer.experiments.study import Study
from crystal_transfer.operations.cost import seconds, stored_bytes
from crystal_transfer.runs import Run, RunKind


def by_experiment(study: Study) -> pd.DataFrame:
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
        origins = _origins(runs)
        new = {run.id: run for run in [*origins.values(), *runs] if run.id not in seen}
        seen |= new.keys()
        rows.append(
            {
                "experiment": name,
                "trainings": len(runs),
                "pretrainings": len(origins),
                "new": len(new),
                **_cost(list(new.values()), study),
            }
        )
    total = {
        "experiment": "all, each once",
        "trainings": sum(not run.is_pretraining for run in study.runs.values()),
        "pretrainings": sum(run.is_pretraining for run in study.runs.values()),
        "new": len(study.runs),
        **_cost(list(study.runs.values()), study),
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
    for name, figure in study.figures.items():
        if figure.runs:
            shown = figure.runs(study.grid)
            needed[name] = shown, set(_origins(shown))
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


def _origins(runs: Iterable[Run]) -> dict[str, Run]:
    """Return the pre-trainings that runs start from, by id."""
    sources = (run.source for run in runs if run.source is not None)
    return {run.id: run for run in sources if run.kind is not RunKind.CHECKPOINT}


def _cost(runs: list[Run], study: Study) -> dict[str, float]:
    return {
        "hours": sum(seconds(study, run) for run in runs) / 3600,
        "GB": sum(stored_bytes(study, run) for run in runs) / 1e9,
    }

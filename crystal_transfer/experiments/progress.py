"""A study while it runs: what is done, running, failed and left."""

import time
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from crystal_transfer.experiments.cost import Throughput, seconds, workload
from crystal_transfer.experiments.runs import Run
from crystal_transfer.experiments.study import Study
from crystal_transfer.files import read_json

SILENCE = 300.0  # s; a training reports at least every minute
STATES = ("done", "running", "failed", "interrupted", "left")


def state(run: Run, results: Path, now: float) -> str:
    """Tell where a run stands.

    Returns
    -------
    One of `STATES`. Failed: its log ends in an error. Interrupted: it has begun, but has been
    silent for `SILENCE`; it goes on from its checkpoint when it is started again.
    """
    if (results / "runs" / run.id / "metrics.json").exists():
        return "done"
    log = log_of(run, results)
    if not log.exists():
        return "left"
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    if any(line.startswith(("error:", "Traceback")) for line in lines[-40:]):
        return "failed"
    if lines and lines[-1].startswith("interrupted:"):
        return "interrupted"
    return "running" if now - log.stat().st_mtime < SILENCE else "interrupted"


def log_of(run: Run, results: Path) -> Path:
    """Give the log of a run."""
    return results / "logs" / "train" / f"{run.id}.log"


def states(runs: Iterable[Run], results: str | Path) -> dict[str, str]:
    """Tell where each run stands now, by its id; see `state`."""
    now = time.time()
    return {run.id: state(run, Path(results), now) for run in runs}


def unfinished(runs: Iterable[Run], results: str | Path, states: dict[str, str]) -> pd.DataFrame:
    """List failed and interrupted runs.

    Returns
    -------
    Columns run (its id), state and log.
    """
    rows = [
        (run.id, states[run.id], str(log_of(run, Path(results))))
        for run in runs
        if states[run.id] in ("failed", "interrupted")
    ]
    return pd.DataFrame(rows, columns=["run", "state", "log"])


def by_experiment(
    study: Study,
    results: str | Path,
    states: dict[str, str],
    speed: Throughput,
    test_fraction: float,
) -> tuple[pd.DataFrame, float]:
    """Count the states of the runs of every experiment, each run in the first one that has it.

    Parameters
    ----------
    study
        The study.
    results
        Its folder.
    states
        Where its runs stand, see `states`.
    speed
        Expected throughput; it is corrected by what the finished runs took.
    test_fraction
        Share of a dataset that is its test set.

    Returns
    -------
    counts
        One row per experiment and a last one for all: a column per state, and hours left of
        training.
    correction
        Median of measured by expected seconds of the finished runs; 1 without any.
    """
    expected = {
        id: seconds(workload(run, study.datasets, test_fraction), speed)
        for id, run in study.runs.items()
    }
    measured = [
        read_json(Path(results) / "runs" / id / "run.yaml")["seconds"] / expected[id]
        for id, found in states.items()
        if found == "done"
    ]
    correction = float(pd.Series(measured).median()) if measured else 1.0
    rows, seen = [], set()
    for name, runs in study.grid.items():
        members = {run.source.id for run in runs if run.source} | {run.id for run in runs}
        members = {id for id in members if id in states} - seen
        seen |= members
        rows.append({"experiment": name} | _count(members, states, expected, correction))
    rows.append({"experiment": "all"} | _count(states.keys(), states, expected, correction))
    return pd.DataFrame(rows), correction


def _count(ids, states, expected, correction) -> dict:
    left = sum(expected[id] for id in ids if states[id] != "done")
    counts = {name: sum(states[id] == name for id in ids) for name in STATES}
    return counts | {"hours left": correction * left / 3600}

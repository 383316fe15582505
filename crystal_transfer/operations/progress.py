"""A study while it runs: what is done, running, failed and left."""

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from crystal_transfer.errors import InputError
from crystal_transfer.experiments.study import Study
from crystal_transfer.files import read_json
from crystal_transfer.operations.cost import seconds
from crystal_transfer.results.layout import RunFiles

SILENCE = 300.0  # s; a training reports at least every minute
STATES = ("done", "running", "failed", "interrupted", "left")


def state(files: RunFiles, now: float) -> str:
    """Return the state of a run.

    Returns
    -------
    One of `STATES`. Failed: its log ends in an error. Interrupted: it has begun, but has been
    silent for `SILENCE`; it goes on from its checkpoint when it is started again.
    """
    if Path(files.metrics).exists():
        return "done"
    log = Path(files.log)
    if not log.exists():
        return "left"
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    if any(line.startswith(("error:", "Traceback")) for line in lines[-40:]):
        return "failed"
    if lines and lines[-1].startswith("interrupted:"):
        return "interrupted"
    return "running" if now - log.stat().st_mtime < SILENCE else "interrupted"


def states(study: Study) -> dict[str, str]:
    """Return the state of each run by its id; see `state`."""
    now = time.time()
    return {id: state(study.files(run), now) for id, run in study.runs.items()}


def unfinished(study: Study, states: Mapping[str, str]) -> pd.DataFrame:
    """List failed and interrupted runs.

    Returns
    -------
    Columns run (its id), state and log.
    """
    rows = [
        (id, found, study.layout.run(id).log)
        for id, found in states.items()
        if found in ("failed", "interrupted")
    ]
    return pd.DataFrame(rows, columns=["run", "state", "log"])


def by_experiment(study: Study, states: Mapping[str, str]) -> tuple[pd.DataFrame, float]:
    """Count the states of the runs of every experiment, each run in the first one that has it.

    Parameters
    ----------
    study
        The study.
    states
        Where its runs stand, see `states`.

    Returns
    -------
    counts
        One row per experiment and a last one for all: a column per state, and hours left of
        training.
    correction
        Median of measured by expected seconds of the finished runs; 1 without any.
    """
    expected = {id: seconds(study, run) for id, run in study.runs.items()}
    ratios = [
        taken / expected[id]
        for id, found in states.items()
        if found == "done" and (taken := _seconds_taken(study.layout.run(id))) is not None
    ]
    correction = float(pd.Series(ratios).median()) if ratios else 1.0
    rows: list[dict[str, Any]] = []
    seen: set[str] = set()
    for name, runs in study.grid.items():
        members = {run.source.id for run in runs if run.source} | {run.id for run in runs}
        members = {id for id in members if id in states} - seen
        seen |= members
        rows.append({"experiment": name} | _count(members, states, expected, correction))
    rows.append({"experiment": "all"} | _count(states.keys(), states, expected, correction))
    return pd.DataFrame(rows), correction


def _seconds_taken(files: RunFiles) -> float | None:
    """Return how long a finished run took; None, with a warning, where its file is damaged."""
    try:
        return float(read_json(files.description)["seconds"])
    except (InputError, KeyError, TypeError, ValueError) as error:
        print(f"warning: {files.description} is damaged and left out ({error})")
        return None


def _count(
    ids: Iterable[str],
    states: Mapping[str, str],
    expected: Mapping[str, float],
    correction: float,
) -> dict[str, float]:
    members = list(ids)
    left = sum(expected[id] for id in members if states[id] != "done")
    counts: dict[str, float] = {name: sum(states[id] == name for id in members) for name in STATES}
    return counts | {"hours left": correction * left / 3600}

"""A study while it runs: what is done, running, failed and left."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from crystal_transfer.errors import InputError
from crystal_transfer.experiments.study import Study
from crystal_transfer.files import read_json
from crystal_transfer.operations.cost import seconds
from crystal_transfer.results.layout import RunFiles
from crystal_transfer.runs import Run, description
from crystal_transfer.training.settings import deciding

SILENCE = 300.0  # s; a training reports at least every minute
SHOWN = 5  # names in a sentence
STATES = ("done", "outdated", "running", "failed", "interrupted", "left")


@dataclass(frozen=True)
class Standing:
    """Where a run stands.

    Attributes
    ----------
    state
        One of `STATES`. Outdated: it has ended, as an earlier config described it, and is trained
        again. Failed: its log ends in an error. Interrupted: it has begun, but has been silent for
        `SILENCE`; it goes on from its checkpoint when it is started again.
    seconds
        How long it took, where it is done and its description tells.
    diverged
        Whether it is done and has no metrics for what it was tested on.
    """

    state: str
    seconds: float | None = None
    diverged: bool = False


def standings(study: Study) -> dict[str, Standing]:
    """Return where each run stands, by its id."""
    now = time.time()
    return {id: _standing(study, run, now) for id, run in study.runs.items()}


def _standing(study: Study, run: Run, now: float) -> Standing:
    files = study.files(run)
    if not Path(files.metrics).exists():
        return Standing(_state_by_log(files, now))
    try:
        trained = read_json(files.description)
        own = description(run), deciding(study.settings(run))
        if own != (trained["run"], deciding(trained["settings"])):
            return Standing("outdated")
        took = float(trained["seconds"])
    except (InputError, AttributeError, KeyError, TypeError, ValueError) as error:
        print(f"warning: {files.description} is damaged and left out ({error})")
        return Standing("done")
    try:
        return Standing("done", took, _has_diverged(files))
    except (InputError, AttributeError, TypeError) as error:
        print(f"warning: {files.metrics} is damaged ({error}); delete it and run snakemake again.")
        return Standing("done", took)


def _has_diverged(files: RunFiles) -> bool:
    measured = read_json(files.metrics)
    each = measured.get("properties", {"": measured}).values()
    return any(one.get("n_test") and one.get("mae") is None for one in each)


def _state_by_log(files: RunFiles, now: float) -> str:
    log = Path(files.log)
    if not log.exists():
        return "left"
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    if any(line.startswith(("error:", "Traceback")) for line in lines[-40:]):
        return "failed"
    if lines and lines[-1].startswith("interrupted:"):
        return "interrupted"
    return "running" if now - log.stat().st_mtime < SILENCE else "interrupted"


def finished(study: Study, runs: Iterable[Run]) -> list[Run]:
    """Return those of the runs that have finished as the config describes them now.

    Others that have finished are named.
    """
    now, found = time.time(), []
    for run in runs:
        state = _standing(study, run, now).state
        if state == "done":
            found.append(run)
        elif state == "outdated":
            print(f"{run.id}: left out, it was trained as another config says")
    return found


def diverged(standings: Mapping[str, Standing]) -> list[str]:
    """Return the ids of the runs that have ended without metrics."""
    return [id for id, found in standings.items() if found.diverged]


def said_of_diverged(ids: Sequence[str]) -> str:
    """Return a sentence on runs that have diverged, of which there is one at least."""
    shown = ", ".join(ids[:SHOWN]) + (f", ... ({len(ids)} in all)" if len(ids) > SHOWN else "")
    return (
        f"Diverged, and in no mean: {shown}. Lower max_lr in the config key training, or look for "
        "targets far from all others."
    )


def unfinished(study: Study, standings: Mapping[str, Standing]) -> pd.DataFrame:
    """List failed and interrupted runs.

    Returns
    -------
    Columns run (its id), state and log.
    """
    rows = [
        (id, found.state, study.layout.run(id).log)
        for id, found in standings.items()
        if found.state in ("failed", "interrupted")
    ]
    return pd.DataFrame(rows, columns=["run", "state", "log"])


def by_experiment(study: Study, standings: Mapping[str, Standing]) -> tuple[pd.DataFrame, float]:
    """Count the states of the runs of every experiment, each run in the first one that has it.

    Parameters
    ----------
    study
        The study.
    standings
        Where its runs stand, see `standings`.

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
        found.seconds / expected[id] for id, found in standings.items() if found.seconds is not None
    ]
    correction = float(pd.Series(ratios).median()) if ratios else 1.0
    rows: list[dict[str, Any]] = []
    seen: set[str] = set()
    for name, runs in study.grid.items():
        members = {run.source.id for run in runs if run.source} | {run.id for run in runs}
        members = {id for id in members if id in standings} - seen
        seen |= members
        rows.append({"experiment": name} | _count(members, standings, expected, correction))
    rows.append({"experiment": "all"} | _count(standings.keys(), standings, expected, correction))
    return pd.DataFrame(rows), correction


def _count(
    ids: Iterable[str],
    standings: Mapping[str, Standing],
    expected: Mapping[str, float],
    correction: float,
) -> dict[str, float]:
    states = {id: standings[id].state for id in ids}
    left = sum(expected[id] for id, state in states.items() if state != "done")
    counts: dict[str, float] = {name: list(states.values()).count(name) for name in STATES}
    return counts | {"hours left": correction * left / 3600}

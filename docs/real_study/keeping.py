"""Tables that outlive results/: rows of this sitting over those of earlier ones that hold."""

import hashlib
import json
from collections.abc import Iterable
from typing import Any

import pandas as pd
from reading import TABLES

from crystal_transfer.experiments.study import Study
from crystal_transfer.files import write_text
from crystal_transfer.results import tables
from crystal_transfer.runs import RESULTS_VERSION, Run, as_plain, description


def checksum(*parts: Any) -> str:
    """Return a short checksum of parts of a config, or of runs."""
    text = json.dumps([RESULTS_VERSION, *map(plain, parts)], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def plain(value: Any) -> Any:
    """Turn a part of a config, or of a run, into plain data."""
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else as_plain(value)


def definition(study: Study, *own: Any) -> str:
    """Return a checksum of all that the config says on a run: its data, its protocol, its own."""
    config = study.config
    tested = sorted(study.tested_datasets)
    return checksum(config.datasets, config.split, config.imposed, study.protocol, tested, *own)


def definitions_of(study: Study, runs: Iterable[Run]) -> pd.Series:
    """Return the definition of every run, by its id."""
    own = {}
    for run in runs:
        # what they are made from is part of every definition
        settings = {k: v for k, v in plain(study.settings(run)).items() if k != "data"}
        own[run.id] = definition(study, description(run), settings)
    return pd.Series(own, dtype=object)


def earlier(name: str, key: list[str]) -> pd.DataFrame:
    """Return the rows of a table that are there, by what tells them apart."""
    path = TABLES / f"{name}.csv"
    if not path.exists():
        return pd.DataFrame(columns=[*key, "definition"]).set_index(key)
    return tables.read_cells(path).set_index(key)


def write(found: pd.DataFrame, name: str, key: list[str], definitions: pd.Series) -> None:
    """Write rows over those that are there, with as many digits as matter.

    Parameters
    ----------
    found
        Rows of this sitting.
    name
        Of the table in resources/compact.
    key
        Columns that tell rows apart; the rows are sorted by them.
    definitions
        How rows are defined today, by their key. Earlier rows that are defined otherwise, or no
        longer, go, and are named.
    """
    if found.empty and definitions.empty:  # what it is made from is not in results/
        print(f"{name}: nothing in results/, all kept")
        return
    found, before = found.set_index(key), earlier(name, key)
    others = before[~before.index.isin(found.index)]
    holds = others["definition"].to_numpy() == definitions.reindex(others.index).to_numpy()
    kept, gone = others[holds], others[~holds]
    if len(gone):
        names = ", ".join(map(str, gone.index.unique()))
        print(f"{name}: {len(gone)} rows left out, no longer planned so: {names}")
    together = pd.concat([part for part in (found, kept) if len(part)] or [found])
    if len(together):
        together = together.assign(definition=definitions.reindex(together.index))
        text = together.sort_index(kind="stable").to_csv(float_format="%.7g")
        write_text(TABLES / f"{name}.csv", text)
    print(f"{name}: {len(found)} rows of results/, {len(kept)} kept")

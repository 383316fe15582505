"""What figures are drawn from: files of runs and datasets, read into tables by what they are."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from crystal_transfer.datasets import crystals, labels, scaling, splits
from crystal_transfer.files import name_in_csv, read_json, read_sealed_json
from crystal_transfer.results.publication import published
from crystal_transfer.results.tables import read_runs, runs_table


def _by_run(paths: Iterable[str]) -> dict[str, pd.DataFrame]:
    """Read a table of each run, by the run's id: the name of its folder."""
    # "NA" and "007" are names of crystals
    return {
        Path(path).parent.name: pd.read_csv(path, converters={"id": name_in_csv}) for path in paths
    }


def _samples(paths: Iterable[str]) -> dict[str, list[str]]:
    """Read the ids of the crystals that each run was trained on, by the run's id."""
    return {Path(path).parent.name: read_json(path)["sample"] for path in paths}


def _by_dataset(
    load: Callable[[str], Any],
) -> Callable[[Sequence[str], Sequence[str]], dict[str, Any]]:
    return lambda paths, codes: dict(zip(codes, map(load, paths), strict=True))


# kind of file -> (argument of the drawing, how it is read from paths and codes of datasets)
READERS: dict[str, tuple[str, Callable[[Sequence[str], Sequence[str]], Any]]] = {
    "metrics": ("runs", lambda paths, codes: runs_table(paths)),
    "tables": ("runs", lambda paths, codes: read_runs(paths)),
    "baselines": ("baselines", lambda paths, codes: read_runs(paths)),
    "history": ("histories", lambda paths, codes: _by_run(paths)),
    "predictions": ("predictions", lambda paths, codes: _by_run(paths)),
    "description": ("samples", lambda paths, codes: _samples(paths)),
    "table": ("crystals", _by_dataset(crystals.load)),
    "scaler": ("scalers", _by_dataset(scaling.load)),
    "split": ("splits", _by_dataset(splits.load)),
    "shared_tests": ("shared", _by_dataset(read_sealed_json)),
    "symmetry": ("systems", _by_dataset(lambda path: pd.read_csv(path, keep_default_na=False))),
    "labels": ("labels", lambda paths, codes: labels.load(paths[0])),
    "published": ("published", lambda paths, codes: published(paths[0])),
}


def read(files: Mapping[str, Sequence[str]], codes: Sequence[str]) -> dict[str, Any]:
    """Read the inputs of a figure.

    Parameters
    ----------
    files
        Kind of file -> paths; those of datasets in the order of `codes`.
    codes
        Codes of the study's datasets.

    Returns
    -------
    Arguments of the drawing, by name.
    """
    found = {}
    for kind, paths in files.items():
        name, reader = READERS[kind]
        found[name] = reader(list(paths), codes)
    return found

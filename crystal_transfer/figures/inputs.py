"""What figures are drawn from: files of runs and datasets, read into tables by what they are."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from crystal_transfer.datasets import crystals, labels, scaling, splits
from crystal_transfer.errors import InputError
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

    Raises
    ------
    InputError
        If one of them is damaged.
    """
    found = {}
    for kind, paths in files.items():
        name, reader = READERS[kind]
        found[name] = reader(list(paths), codes)
    if "runs" in found:
        _require_whole(found["runs"], found.get("predictions", {}), found.get("histories", {}))
    return found


def _require_whole(
    runs: pd.DataFrame,
    predictions: Mapping[str, pd.DataFrame],
    histories: Mapping[str, pd.DataFrame],
) -> None:
    """Stop where a file of a run is shorter than its metrics say, which are written last."""
    for run in runs.itertuples():
        for what, files, rows in (
            ("predictions.csv", predictions, run.n_test),
            ("history.csv", histories, run.best_epoch),
        ):
            if run.id in files and len(files[run.id]) < rows:
                raise InputError(
                    f"{what} of {run.id}: has {len(files[run.id])} rows instead of {rows:g}, so it "
                    "is cut off; delete the folder of the run and start snakemake again."
                )

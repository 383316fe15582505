"""Tables and figures that have outlived the runs they show.

Snakemake deletes the results of a training that it starts again. If that training fails, tables and
figures made from the old results are left, and by their dates nothing has to be done.
"""

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from crystal_transfer.errors import InputError
from crystal_transfer.experiments.study import Study
from crystal_transfer.results.layout import FORMATS
from crystal_transfer.runs import Run


def shown(study: Study) -> Iterator[tuple[list[str], list[Run]]]:
    """List files that show runs, with the runs."""
    layout = study.layout
    for name, runs in study.grid.items():
        yield [layout.table(name, rows) for rows in ("runs", "cells")], runs
    for name, figure in study.figures.items():
        if figure.runs is not None:
            yield [layout.figure(name, format) for format in FORMATS], figure.runs(study.grid)
    yield [layout.usage, layout.story], list(study.runs.values())
    yield [layout.claims], [run for name in study.compared for run in study.grid[name]]


class Dates(NamedTuple):
    """What became of the dates of files.

    Attributes
    ----------
    before
        Access and modification of the files that were dated back, ns since 1970.
    left
        Files that stay as they are: another user's, or in a read-only folder.
    """

    before: dict[str, tuple[int, int]]
    left: list[str]


def date_back(study: Study) -> Dates:
    """Make Snakemake see that what shows a missing run must be made again, and the run first.

    Nothing but dates changes, and `restore` gives them back where nothing was started after all:
    after a dry run, perhaps of another config.
    """
    dates = Dates({}, [])
    for path, _ in _outdated(study):
        try:
            found = Path(path).stat()
            if found.st_mtime_ns:  # else it is dated back already, by another dry run perhaps
                os.utime(path, (0, 0))
                dates.before[path] = found.st_atime_ns, found.st_mtime_ns
        except OSError:
            dates.left.append(path)
    return dates


def restore(before: Mapping[str, tuple[int, int]]) -> None:
    """Give files the dates that they had, see `Dates`, but those that were made anew since."""
    for path, times in before.items():
        with contextlib.suppress(OSError):
            if Path(path).stat().st_mtime_ns == 0:
                os.utime(path, ns=times)


def require_writable(study: Study) -> None:
    """See that what every start writes can be written; others may look at results all the same.

    Raises
    ------
    InputError
        If the folder of results, that of logs or runs, or a file that has to be made again is not
        writable. Others may be shared.
    """
    root = Path(study.layout.root)
    for folder in (root, root / "logs", root / "runs"):
        if folder.exists() and not os.access(folder, os.W_OK):
            raise InputError(
                f"config key results: the folder {folder} is read-only; make it writable or name "
                "another."
            )
    for path in date_back(study).left:
        raise InputError(
            f"{path}: shows a run that is not there any more, and is another user's; ask its owner "
            "to run snakemake or to delete it, or name another folder in the config key results."
        )


def set_aside(study: Study) -> list[str]:
    """Move files that show no run of the study that is there to the folder `outdated`.

    They are not deleted: another config with the same folder of results may have made them. Before
    anything runs, and after the study was claimed, so that no other Snakemake needs them.

    Returns
    -------
    The files.
    """
    found = [path for path, some_are_there in _outdated(study) if not some_are_there]
    found += _unplanned(study)
    for path in found:
        target = Path(study.layout.set_aside(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        Path(path).replace(target)
    return found


def _unplanned(study: Study) -> list[str]:
    """List tables and figures of experiments that the config does not have."""
    layout, found = study.layout, []
    for rows in ("runs", "cells"):
        pattern = Path(layout.table("*", rows))
        for path in sorted(pattern.parent.glob(pattern.name)):
            name = path.name.removesuffix(pattern.name.removeprefix("*"))
            if name not in study.grid and name not in study.config.baselines:
                found.append(str(path))
    for path in sorted(Path(layout.figure("*")).parent.glob("*.svg")):
        files = [layout.figure(path.stem, format) for format in FORMATS]
        # what has no numbers behind it was not drawn here
        if path.stem not in study.figures and Path(layout.figure(path.stem, "csv")).exists():
            found += [file for file in files if Path(file).exists()]
    return found


def _outdated(study: Study) -> Iterator[tuple[str, bool]]:
    """List the files that show a missing run, and whether any of their runs are there."""
    done = {id for id in study.runs if study.layout.is_done(id)}
    for files, runs in shown(study):
        there = [run.id in done for run in runs]
        if not all(there):
            yield from ((path, any(there)) for path in files if Path(path).exists())

"""Tables and figures that have outlived the runs they show.

Snakemake deletes the results of a training that it starts again. If that training fails, tables and
figures made from the old results are left, and by their dates nothing has to be done.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from crystal_transfer.experiments.study import Study
from crystal_transfer.runs import Run

FORMATS = ("svg", "png", "pdf", "csv")


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


def date_back(study: Study) -> list[str]:
    """Make Snakemake see that what shows a missing run must be made again, and the run first.

    Files of which some runs are there get a date before all of them. Those of which none is there
    are set aside in the folder `outdated`, not deleted: another config with the same folder of
    results may have made them, and this one may only be planned (a dry run).

    Returns
    -------
    The files that were set aside.
    """
    done = {id for id in study.runs if study.layout.is_done(id)}
    set_aside = []
    for files, runs in shown(study):
        there = [run.id in done for run in runs]
        existing = [] if all(there) else [path for path in files if Path(path).exists()]
        for path in existing:
            if any(there):
                os.utime(path, (0, 0))
            else:
                target = study.layout.set_aside(path)
                Path(target).parent.mkdir(parents=True, exist_ok=True)
                Path(path).replace(target)
                set_aside.append(path)
    return set_aside

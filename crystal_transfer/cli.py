"""The command crystal-transfer: a study before it runs, while it runs, and beside the paper.

    crystal-transfer plan                       trainings, hours, disk, what figures share
    crystal-transfer status                     done, running, failed, left
    crystal-transfer compare                    finished cells beside the published ones

Each takes --configfile as snakemake does; without one the study is the paper's.
"""

import argparse
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from crystal_transfer.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from crystal_transfer.experiments.study import Study

# what a command needs is imported when it runs, so that --help appears at once


def show(table: "pd.DataFrame") -> None:
    """Print a table, numbers with one digit."""
    print(table.to_string(index=False, float_format="{:,.1f}".format))


def print_plan(study: "Study") -> None:
    """Print trainings per experiment and runs per figure."""
    from crystal_transfer.operations import plan

    show(plan.by_experiment(study))
    print(
        f"\nhours: of one device, {study.throughput.training.source}; GB: models and predictions."
    )
    print("new: trainings and pre-trainings that no experiment above has.\n")
    show(plan.by_figure(study))
    print("\nshared: runs and pre-trainings that another figure needs too; each is trained once.")


def print_status(study: "Study") -> None:
    """Print the states of all runs, and where the logs of failed ones are."""
    from crystal_transfer.operations import progress

    states = progress.states(study)
    counts, correction = progress.by_experiment(study, states)
    show(counts)
    total = counts.iloc[-1]
    print(f"\nFinished runs took {correction:.2f} times the expected time.")
    if total["running"]:
        hours = total["hours left"] / total["running"]
        print(f"At {total['running']} runs side by side about {hours:.1f} hours are left.")
    unfinished = progress.unfinished(study, states)
    if not unfinished.empty:
        print()
        show(unfinished)
        print("\nThe same snakemake command starts them again, from their checkpoints.")


def print_comparison(study: "Study") -> None:
    """Print all finished cells that the publication has too."""
    from crystal_transfer import data
    from crystal_transfer.results import publication, tables

    finished = [
        study.files(run).metrics
        for run in study.runs.values()
        if not run.is_pretraining and study.layout.is_done(run.id)
    ]
    ours = tables.cells(tables.runs_table(finished))
    table = publication.beside(ours, publication.published(data.PUBLISHED))
    print(publication.summary(table) + "\n")
    print(table.to_string(index=False, float_format="{:.3f}".format))


COMMANDS: dict[str, Callable[["Study"], None]] = {
    "plan": print_plan, "status": print_status, "compare": print_comparison
}  # fmt: skip


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="crystal-transfer", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("--configfile", nargs="+", default=[], help="as for snakemake")
    options = parser.parse_args()
    try:
        from crystal_transfer.experiments.config_files import merge, read_config
        from crystal_transfer.experiments.study import load_study, with_defaults

        own = merge([read_config(path) for path in options.configfile])
        COMMANDS[options.command](load_study(with_defaults(own)))
    except InputError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()

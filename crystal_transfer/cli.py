"""The command crystal-transfer: a study before it runs, while it runs, and beside the paper.

    crystal-transfer plan                       trainings, hours, disk, what figures share
    crystal-transfer status                     done, running, failed, left
    crystal-transfer compare                    finished cells beside the published ones

Each takes --configfile as snakemake does, and is run in the folder of config.yaml.
"""

import argparse
import sys
from pathlib import Path

import pandas as pd

from crystal_transfer.errors import InputError
from crystal_transfer.experiments import plan, progress, publication, tables
from crystal_transfer.experiments.config import read_config
from crystal_transfer.experiments.cost import read_throughput
from crystal_transfer.experiments.study import PUBLISHED, Study, load_study

THROUGHPUT = "resources/throughput.yaml"
ROOT = Path()  # the project's folder is the working directory, as for snakemake


def show(table: pd.DataFrame) -> None:
    """Print a table, numbers with one digit."""
    print(table.to_string(index=False, float_format="{:,.1f}".format))


def print_plan(config: dict, study: Study) -> None:
    """Print trainings per experiment and runs per figure."""
    speed, _ = read_throughput(ROOT / THROUGHPUT, config["training"]["device"])
    show(plan.by_experiment(study, speed, config["split"]["test_fraction"]))
    print(f"\nhours: of one device, {speed.source}; GB: weights and predictions.")
    print("new: trainings and pre-trainings that no experiment above has.\n")
    show(plan.by_figure(study))
    print("\nshared: runs and pre-trainings that another figure needs too; each is trained once.")


def print_status(config: dict, study: Study) -> None:
    """Print the states of all runs, and where the logs of failed ones are."""
    speed, _ = read_throughput(ROOT / THROUGHPUT, config["training"]["device"])
    runs, results = study.runs.values(), config["results"]
    states = progress.states(runs, results)
    counts, correction = progress.by_experiment(
        study, results, states, speed, config["split"]["test_fraction"]
    )
    show(counts)
    total = counts.iloc[-1]
    print(f"\nFinished runs took {correction:.2f} times the expected time.")
    if total["running"]:
        hours = total["hours left"] / total["running"]
        print(f"At {total['running']} runs side by side about {hours:.1f} hours are left.")
    unfinished = progress.unfinished(runs, results, states)
    if not unfinished.empty:
        print()
        show(unfinished)
        print("\nThe same snakemake command starts them again, from their checkpoints.")


def print_comparison(config: dict, study: Study) -> None:
    """Print all finished cells that the publication has too."""
    runs = Path(config["results"]) / "runs"
    finished = [
        path
        for run in study.runs.values()
        if run.kind in ("scratch", "finetune") and (path := runs / run.id / "metrics.json").exists()
    ]
    ours = tables.cells(tables.runs_table(finished))
    table = publication.beside(ours, publication.published(ROOT / PUBLISHED))
    print(publication.summary(table) + "\n")
    print(table.to_string(index=False, float_format="{:.3f}".format))


COMMANDS = {"plan": print_plan, "status": print_status, "compare": print_comparison}


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="crystal-transfer", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("--configfile", nargs="+", default=[], help="as for snakemake")
    options = parser.parse_args()
    try:
        config = read_config([ROOT / "config.yaml", *options.configfile])
        COMMANDS[options.command](config, load_study(config, ROOT))
    except InputError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()

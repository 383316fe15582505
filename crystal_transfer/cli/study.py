"""Studies at work: before they run, while they run, and beside the paper."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from crystal_transfer import data
from crystal_transfer.bundles import cost, paths
from crystal_transfer.errors import InputError
from crystal_transfer.experiments.config_files import merge, read_config
from crystal_transfer.experiments.study import Study, load_study, with_defaults
from crystal_transfer.files import require_folder
from crystal_transfer.operations import plan, progress
from crystal_transfer.results import contrast as results
from crystal_transfer.results import publication, tables


def load(configs: Sequence[Path]) -> Study:
    """Return the study of config files, the paper's without any.

    Raises
    ------
    InputError
        If one of them is wrong.
    """
    return load_study(with_defaults(merge([read_config(path) for path in configs])))


def show(table: pd.DataFrame) -> None:
    """Print a table, numbers with one digit."""
    print(table.to_string(index=False, float_format="{:,.1f}".format))


def print_plan(study: Study) -> None:
    """Print trainings per experiment and runs per figure, and models that stand alone."""
    for name, block in study.config.bundles.items():
        minutes = cost.minutes(study, name)
        print(f"{name}: a model of {block.folds} members; each asks for {minutes} minutes.")
    for name, own in study.config.baselines.items():
        fits = len(own.samples) * len(own.models) * len(own.trials)
        print(f"{name}: {fits} baselines, without a network; they take seconds each.")
    if not study.grid:
        print("No experiment trains networks cell by cell.")
        return
    show(plan.by_experiment(study))
    print(
        f"\nhours: of one device, {study.throughput.training.source}; GB: models and predictions."
    )
    print("new: trainings and pre-trainings that no experiment above has.\n")
    show(plan.by_figure(study))
    print("\nshared: runs and pre-trainings that another figure needs too; each is trained once.")


def print_status(study: Study) -> None:
    """Print what is done of all experiments, and where the logs of failed runs are."""
    for name, block in study.config.baselines.items():
        files = [Path(study.layout.baselines(name, code)) for code in block.datasets]
        done = sum(file.exists() for file in files)
        print(f"{name}: baselines of {done} of {len(files)} datasets are there.")
    for name in study.config.bundles:
        done = Path(study.layout.bundle(name), paths.DESCRIPTION).exists()
        print(f"{name}: the model is {'there' if done else 'not there yet'}.")
    if not study.grid:
        return
    standings = progress.standings(study)
    counts, correction = progress.by_experiment(study, standings)
    show(counts)
    total = counts.iloc[-1]
    print(f"\nFinished runs took {correction:.2f} times the expected time.")
    if total["running"]:
        hours = total["hours left"] / total["running"]
        print(f"At {total['running']} runs side by side about {hours:.1f} hours are left.")
    if total["outdated"]:
        print("outdated: trained as an earlier config said; snakemake trains them again.")
    if names := progress.diverged(standings):
        print(progress.said_of_diverged(names))
    unfinished = progress.unfinished(study, standings)
    if not unfinished.empty:
        print()
        show(unfinished)
        print("\nThe same snakemake command starts them again, from their checkpoints.")


def print_comparison(study: Study) -> None:
    """Print all finished cells that the publication has too."""
    runs = [run for run in study.runs.values() if not run.is_pretraining]
    ours = tables.cells(tables.runs_table(study.metrics(progress.finished(study, runs))))
    table = publication.beside(ours, publication.published(data.PUBLISHED))
    print(publication.summary(table))
    if table.empty:
        return
    print("\n" + table.to_string(index=False, float_format="{:.3f}".format))


def contrast(base: Path, others: Sequence[Path], output: Path) -> None:
    """Compare studies with one of them, print the changes, and write and draw them.

    Raises
    ------
    InputError
        If a folder has no tables of runs, two have one name, they test on other crystals, or
        `results.contrast` refuses.
    """
    from crystal_transfer.figures import contrast as drawing
    from crystal_transfer.figures.formats import save

    require_folder(output)
    own = results.runs_of_folder(base)
    folders = [folder for folder in others if folder.resolve() != base.resolve()]
    names = [folder.resolve().name for folder in folders]
    if len(set(names)) < len(names):
        raise InputError(f"{', '.join(map(str, folders))}: two have one name; rename a folder.")
    for folder in folders:
        results.require_same_tests(base, folder)
    found = dict(zip(names, map(results.runs_of_folder, folders), strict=True))
    table = results.contrast(own, found)
    if table.empty:
        raise InputError(f"{base}: none of the others has another result.")
    save(drawing.contrast(table), table, [output / f"contrast.{end}" for end in ("csv", "png")])
    print(table.drop(columns="cell").to_string(index=False, float_format="{:.3f}".format))

import atexit
import gc
import inspect
import os
import re
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

from crystal_transfer import data
from crystal_transfer.bundles import cost as member_cost
from crystal_transfer.bundles import names, paths, start
from crystal_transfer.bundles.plan import parts_of
from crystal_transfer.errors import InputError
from crystal_transfer.experiments.catalogue import PUBLISHED_FIGURES
from crystal_transfer.experiments.config_files import read_config
from crystal_transfer.experiments.study import load_study, with_defaults
from crystal_transfer.operations import cost, outdated, progress
from crystal_transfer.operations.claim import take_over
from crystal_transfer.protocols import BondRule
from crystal_transfer.results.layout import FORMATS
from crystal_transfer.runs import DATA_VERSION, RESULTS_VERSION, description
from crystal_transfer.training.settings import deciding

# the project's folder, also when another workflow includes this one
ROOT = Path(str(workflow.current_basedir)).parent

# scripts in conda environments find the library here
os.environ.update(
    PYTHONPATH=os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
)


def load():
    """Return the study; a fault of its config ends Snakemake with one sentence."""
    try:
        require_one_option(sys.argv)
        for path in workflow.configfiles:
            read_config(
                path
            )  # stricter than Snakemake: a key that occurs twice is a fault
        study = load_study(with_defaults(config))
        if workflow.is_main_process:
            dates = outdated.date_back(study)
            atexit.register(outdated.restore, dates.before)  # unless jobs are started
            for path in dates.left:
                print(
                    f"warning: {path}: shows a run that is not there any more, and is not yours to change",
                    file=sys.stderr,
                )
            if any(word.split("=")[0] == "--report" for word in sys.argv):
                print_what_a_report_lacks(study)
        return study
    except InputError as error:
        raise WorkflowError(str(error)) from None


def require_one_option(arguments):
    """Stop where Snakemake would read the last of several config files alone."""
    if sum(word.startswith("--configfile") for word in arguments) > 1:
        raise InputError(
            "--configfile: is given twice, and Snakemake reads the last alone; name all files after "
            "one: --configfile a.yaml b.yaml."
        )


def print_what_a_report_lacks(study):
    """Warn before a report of results that are not those of the config."""
    states = [found.state for found in progress.standings(study).values()]
    if missing := sum(state != "done" for state in states):
        print(
            f"warning: {missing} of {len(states)} runs are not done as the config says; the report shows "
            "what is there from before. crystal-transfer status counts them, snakemake trains them.",
            file=sys.stderr,
        )
    if study.grid and not os.path.exists(study.layout.story):
        print(
            f"warning: {study.layout.story}, the first page, is not there; snakemake writes it.",
            file=sys.stderr,
        )


# a DAG of thousands of jobs stays: looking through it for cycles takes a tenth of a dry run
gc.set_threshold(100_000, 100, 100)
STUDY = load()
LAYOUT = STUDY.layout
# whole, for the report, which shows keys of the config, and for scripts that read one
config.update(with_defaults(config))


def one_of(names):
    """Return the pattern that matches these names; without any it matches nothing."""
    return "|".join(map(re.escape, names)) or "(?!)"


wildcard_constraints:
    dataset="[A-Za-z][A-Za-z0-9]*",
    run="[A-Za-z0-9_-]+",
    cell="[A-Za-z0-9_-]+",
    trial=r"\d+",
    experiment=one_of([*STUDY.grid, *STUDY.config.baselines]),
    bundle=one_of(STUDY.config.bundles),
    part=r"member_\d+(_of_\d+)?",
    figure="[A-Za-z0-9_]+",
    bond_rule=one_of(BondRule),


def claim_study(log):
    """See that results can be written, and that no other Snakemake nor a job of a killed one does."""
    try:
        outdated.require_writable(STUDY)
        take_over(LAYOUT.claim, log)
        atexit.unregister(outdated.restore)
    except InputError as error:
        raise WorkflowError(str(error)) from None


def set_outdated_aside():
    """Move away what shows no run that is there: a training that fails must not leave it behind."""
    for path in outdated.set_aside(STUDY):
        print(
            f"{path}: shows no run of this config that is there; set aside in {LAYOUT.root}/outdated",
            file=sys.stderr,
        )


def print_failures():
    """Name the runs that did not end well, and their logs."""
    table = progress.unfinished(STUDY, progress.standings(STUDY))
    for run in table.itertuples():
        print(f"{run.state}: {run.run}, see {run.log}")
    if len(table):
        print("The same command starts them again, from their checkpoints.")


def print_what_to_look_at():
    """Say what diverged, and where the results are, if there are any: a dry run leaves none."""
    print_diverged()
    shown = {
        f"{LAYOUT.root}/figures": "the figures, each as svg, png, pdf and csv",
        f"{LAYOUT.root}/tables": "mean and 95 % confidence interval of every cell",
        f"{LAYOUT.root}/bundles": "models that stand alone: crystal-transfer predict",
        f"{LAYOUT.root}/runs": "model, metrics and predictions of every run",
    }
    found = [
        f"  {path}/  {text}" for path, text in shown.items() if Path(path).exists()
    ]
    if found:
        print("\n".join(["Done. To look at:", *found]))


def print_diverged():
    """Name the trainings that ended without metrics."""
    if names := progress.diverged(progress.standings(STUDY)):
        print(progress.said_of_diverged(names), file=sys.stderr)


def asked_often(function):
    """Write a function's signature down; Snakemake looks it up for every job."""
    function.__signature__ = inspect.signature(function)
    return function


def run_of(wildcards):
    """Return the run that a file belongs to."""
    try:
        return STUDY.run(wildcards.get("run") or f"{wildcards.cell}_t{wildcards.trial}")
    except InputError as error:
        raise WorkflowError(str(error)) from None


def codes_of(wildcards):
    """Return the datasets that a job reads: one, or all that are merged."""
    return [wildcards.dataset] if "dataset" in wildcards.keys() else STUDY.properties


def source_files(wildcards):
    """Return the files a dataset is read from."""
    entry = STUDY.datasets[wildcards.dataset]
    downloads = [f"resources/downloads/{file.name}" for file in entry.downloads]
    files = downloads + entry.local_files
    for path in files:
        if re.search(r"\{.*\}", path):
            raise WorkflowError(
                f"{path}: has braces in its name, which stand for a wildcard in Snakemake; rename "
                "it, or move it out of the folder."
            )
    return files


@asked_often
def training_inputs(wildcards):
    """Return the files a run reads."""
    return STUDY.inputs(run_of(wildcards))


def bundle_dataset(wildcards):
    """Return the files of the dataset that a model which stands alone is made of."""
    return LAYOUT.dataset(STUDY.config.bundles[wildcards.bundle].dataset)


def bundle_files(wildcards):
    """Return the files that a config names for a model which stands alone, but its crystals."""
    block = STUDY.config.bundles[wildcards.bundle]
    return names.files_of(block.source, block.group_by)


def member_minutes(wildcards, attempt):
    """Return the time a member of such a model asks for; more when it was not enough."""
    return attempt * member_cost.minutes(STUDY, wildcards.bundle)


def member_memory(wildcards, attempt):
    """Return the memory a member asks for in MB; more when it was not enough."""
    return attempt * member_cost.memory_mb(STUDY, wildcards.bundle)


def data_job_minutes(wildcards, attempt):
    """Return the time a job on whole datasets asks for; more when it was not enough."""
    return attempt * cost.data_minutes(STUDY, codes_of(wildcards))


def data_job_memory(wildcards, attempt):
    """Return the memory a job on whole datasets asks for in MB; more when it was not enough."""
    return attempt * cost.data_memory_mb(STUDY, codes_of(wildcards))


@asked_often
def training_priority(wildcards):
    """Return what is trained first: interrupted runs, then those whose weights others wait for."""
    run = run_of(wildcards)
    interrupted = Path(STUDY.files(run).checkpoint).exists()
    return 20 * interrupted + 10 * run.is_pretraining


@asked_often
def training_description(wildcards):
    """Return what a training is, in plain values."""
    return description(run_of(wildcards))


@asked_often
def training_settings(wildcards):
    """Return how a training is carried out, in plain values, but for what changes no result."""
    return deciding(STUDY.settings(run_of(wildcards)))


@asked_often
def training_checkpoint(wildcards):
    """Return where a training saves what it goes on from."""
    return STUDY.files(run_of(wildcards)).checkpoint


@asked_often
def training_minutes(wildcards, attempt):
    """Return the time a training asks for; more when it was not enough."""
    return attempt * cost.minutes(STUDY, run_of(wildcards))


@asked_often
def training_memory(wildcards, attempt):
    """Return the memory a training asks for in MB; more when it was not enough."""
    return attempt * cost.memory_mb(STUDY, run_of(wildcards))


def figure_files(name):
    """Return all files of a figure; picture and numbers are in the report."""
    figure = STUDY.figures[name]
    caption = f"../workflow/report/{figure.caption}.rst"
    labels = {"figure": figure.title}
    picture = report(
        LAYOUT.figure(name), caption=caption, category="Figures", labels=labels
    )
    numbers = report(
        LAYOUT.figure(name, "csv"),
        caption=caption,
        category="Numbers of figures",
        labels=labels,
    )
    return [picture, LAYOUT.figure(name, "png"), LAYOUT.figure(name, "pdf"), numbers]

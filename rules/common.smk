import os
from pathlib import Path

from snakemake.exceptions import WorkflowError

from crystal_transfer.cluster import take_over
from crystal_transfer.errors import InputError
from crystal_transfer.experiments.cost import (
    data_memory_mb,
    data_minutes,
    memory_mb,
    minutes,
    read_throughput,
    workload,
)
from crystal_transfer.experiments.progress import states, unfinished
from crystal_transfer.experiments.study import load_study

ROOT = Path(
    str(workflow.current_basedir)
).parent  # also when included by another workflow
RESULTS = config["results"]

# scripts in conda environments find the library here
os.environ.update(
    PYTHONPATH=os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
)

try:
    STUDY = load_study(config, ROOT)
except InputError as error:
    raise WorkflowError(str(error)) from None

THROUGHPUT, DATA_THROUGHPUT = read_throughput(
    ROOT / "resources/throughput.yaml", config["training"]["device"]
)

if Path(RESULTS).exists() and not os.access(RESULTS, os.W_OK):
    raise WorkflowError(
        f"config key results: the folder {RESULTS} is read-only; make it writable or name another."
    )


wildcard_constraints:
    dataset="[A-Za-z][A-Za-z0-9]*",
    run="[A-Za-z0-9_-]+",
    cell="[A-Za-z0-9_-]+",
    trial=r"\d+",
    experiment="|".join(STUDY.grid),


def claim_study(log):
    """See that no other Snakemake works on the study, and that no job of a killed one does."""
    try:
        take_over(f"{RESULTS}/snakemake.json", log)
    except InputError as error:
        raise WorkflowError(str(error)) from None


def print_failures():
    """Name the runs that did not end well, and their logs."""
    runs = STUDY.runs.values()
    table = unfinished(runs, RESULTS, states(runs, RESULTS))
    for run in table.itertuples():
        print(f"{run.state}: {run.run}, see {run.log}")
    print("The same command starts them again, from their checkpoints.")


def run_files(runs, name):
    """Give one file of each run."""
    return [f"{RESULTS}/runs/{run.id}/{name}" for run in runs]


def named_dataset_files(figure):
    """Give the files of a figure of datasets by name, one per dataset where they have several."""
    return {
        name: [
            f"{RESULTS}/{path}"
            for path in dict.fromkeys(
                pattern.format(dataset=code) for code in STUDY.used_datasets
            )
        ]
        for name, pattern in figure.files.items()
    }


def dataset_files(figure):
    """Give all files of a figure of datasets."""
    return [path for paths in named_dataset_files(figure).values() for path in paths]


def figure_files(name, figure):
    """Give all files of a figure; picture and numbers are in the report."""
    base = f"{RESULTS}/figures/{name}"
    caption = f"../workflow/report/{figure.caption or name}.rst"
    labels = {"figure": figure.title}
    picture = report(f"{base}.svg", caption=caption, category="Figures", labels=labels)
    numbers = report(
        f"{base}.csv", caption=caption, category="Numbers of figures", labels=labels
    )
    return [picture, f"{base}.png", f"{base}.pdf", numbers]


def source_files(wildcards):
    """Give the files a dataset is read from."""
    entry = STUDY.datasets[wildcards.dataset]
    if entry["source"] == "file":
        paths = [entry["path"], *filter(None, [entry.get("test_path")])]
        return [
            f"{path}/id_prop.csv" if Path(path).is_dir() else path for path in paths
        ]
    by_web = entry.get("join", {}).get("structures") == "materials_project"
    files = entry.get("files", [])[: 1 if by_web else None]
    return [f"resources/downloads/{file['name']}" for file in files]


def imposed(key):
    """Give the file of an imposed split, if the config names one."""
    path = config.get("imposed", {}).get(key)
    return [path] if path else []


def run_of(wildcards):
    """Give the run that a file belongs to."""
    named = wildcards.get("run")
    id = named or f"{wildcards.cell}_t{wildcards.trial}"
    if id not in STUDY.runs:
        raise WorkflowError(
            f"{id}: not a run of this study; its grid is the config key experiments."
        )
    return STUDY.runs[id]


def run_outputs(run):
    """Name the outputs of a run, given its id or the pattern of it."""
    folder = f"{RESULTS}/runs/{run}"
    return {
        "weights": f"{folder}/weights.pt",
        "metrics": f"{folder}/metrics.json",
        "predictions": f"{folder}/predictions.csv",
        "history": f"{folder}/history.csv",
        "description": f"{folder}/run.yaml",
    }


def entries_of(wildcards):
    """Give the registry entries of the datasets that a job reads: one, or all that are merged."""
    if "dataset" in wildcards.keys():
        return [STUDY.datasets[wildcards.dataset]]
    return [STUDY.datasets[code] for code in STUDY.properties]


def data_job_minutes(wildcards, attempt):
    """Give the time a job on whole datasets asks for; more when it was not enough."""
    return attempt * data_minutes(entries_of(wildcards), DATA_THROUGHPUT)


def data_job_memory(wildcards, attempt):
    """Give the memory a job on whole datasets asks for in MB; more when it was not enough."""
    return attempt * data_memory_mb(entries_of(wildcards), DATA_THROUGHPUT)


def gpu_request():
    """Give the resources by which a training asks for a GPU or for its share of one."""
    if config["training"]["device"] == "cpu":
        return {}
    if config["runs_per_gpu"] == 1:
        return {"gpu": 1}
    return {"gres": f"shard:{config['shards_per_gpu'] // config['runs_per_gpu']}"}


def training_minutes(wildcards, attempt):
    """Give the time a training asks for; more when it was not enough."""
    return attempt * minutes(work_of(run_of(wildcards)), THROUGHPUT)


def training_memory(wildcards, attempt):
    """Give the memory a training asks for in MB; more when it was not enough."""
    return attempt * memory_mb(work_of(run_of(wildcards)), THROUGHPUT)


def work_of(run):
    """Count what a run does."""
    return workload(run, STUDY.datasets, config["split"]["test_fraction"])


def of_dataset(name):
    """Give an input function: a file of the dataset that a run is trained on."""
    return lambda wildcards: f"{RESULTS}/{name}".format(
        dataset=run_of(wildcards).dataset
    )


def seen_in_test(datasets):
    """Give the lists of crystals that must not be pre-trained on, if the protocol removes them."""
    if STUDY.protocol["seen_in_test"] == "kept":
        return []
    return [f"{RESULTS}/datasets/{code}/seen_in_test.json" for code in datasets]


def excluded_crystals(wildcards):
    """Give the list of crystals that a pre-training must not see."""
    return seen_in_test([run_of(wildcards).dataset])


def source_weights(wildcards):
    """Give the weights a fine-tuning starts from."""
    source = run_of(wildcards).source
    if source.kind == "checkpoint":
        return config["checkpoints"][source.dataset]
    return f"{RESULTS}/runs/{source.id}/weights.pt"

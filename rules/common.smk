import os
from pathlib import Path

from snakemake.exceptions import WorkflowError

from crystal_transfer.errors import InputError
from crystal_transfer.experiments.study import load_study

ROOT = Path(workflow.basedir)
RESULTS = config["results"]

# scripts in conda environments find the library here
os.environ["PYTHONPATH"] = os.pathsep.join(
    filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])
)

try:
    STUDY = load_study(config, ROOT)
except InputError as error:
    raise WorkflowError(str(error)) from None

if Path(RESULTS).exists() and not os.access(RESULTS, os.W_OK):
    raise WorkflowError(
        f"config key results: the folder {RESULTS} is read-only; make it writable or name another."
    )


wildcard_constraints:
    dataset="[A-Za-z][A-Za-z0-9]*",
    run="[A-Za-z0-9_-]+",
    experiment="|".join(STUDY.grid),


def run_files(runs, name):
    """Give one file of each run."""
    return [f"{RESULTS}/runs/{run.id}/{name}" for run in runs]

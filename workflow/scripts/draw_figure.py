"""A rule per figure of runs: metrics (and more of each run) in, pictures and their data out."""

from importlib import import_module
from pathlib import Path

from crystal_transfer.console import logged
from crystal_transfer.experiments.tables import runs_table
from crystal_transfer.figures.formats import save

with logged(snakemake.log[0]):
    module, function = snakemake.params.draw.split(":")
    draw = getattr(import_module(f"crystal_transfer.figures.{module}"), function)
    metrics = snakemake.input.metrics
    runs = runs_table(metrics).assign(folder=[str(Path(path).parent) for path in metrics])
    save(*draw(runs, snakemake.params.datasets, **snakemake.params.options), snakemake.output)

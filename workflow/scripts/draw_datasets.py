"""A rule per figure of the datasets: their files in, pictures and the data behind them out."""

from importlib import import_module

from crystal_transfer.console import logged
from crystal_transfer.figures.formats import save

with logged(snakemake.log[0]):
    module, function = snakemake.params.draw.split(":")
    draw = getattr(import_module(f"crystal_transfer.figures.{module}"), function)
    files = {name: list(paths) for name, paths in snakemake.params.files.items()}
    save(*draw(files, snakemake.params.datasets, **snakemake.params.options), snakemake.output)

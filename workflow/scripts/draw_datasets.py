"""Rule fig1b_datasets: what the datasets hold."""

from crystal_transfer.console import logged
from crystal_transfer.datasets import crystals
from crystal_transfer.figures.datasets import overview
from crystal_transfer.figures.formats import save

with logged(snakemake.log[0]):
    datasets = snakemake.params.datasets
    tables = dict(zip(datasets, map(crystals.load, snakemake.input.tables), strict=True))
    save(*overview(tables, datasets), snakemake.output)

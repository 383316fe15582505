"""Rule symmetry: the crystal system of every crystal of a dataset."""

from crystal_transfer.console import logged
from crystal_transfer.datasets import crystals
from crystal_transfer.datasets.symmetry import crystal_systems
from crystal_transfer.files import write_csv

with logged(snakemake.log[0]):
    table = crystals.load(snakemake.input[0])
    systems = crystal_systems(table, snakemake.threads)
    write_csv(snakemake.output[0], ["id", "system"], zip(table.ids.tolist(), systems, strict=True))

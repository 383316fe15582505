"""Rule graphs: every crystal of a dataset as a graph."""

from crystal_transfer.console import logged
from crystal_transfer.graphs.build import build

with logged(snakemake.log[0]):
    build(
        snakemake.input[0],
        snakemake.output[0],
        snakemake.params.bond_rule,
        snakemake.params.compress,
        snakemake.threads,
    )

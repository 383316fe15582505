"""Rule table: the results of an experiment, run by run and cell by cell."""

from crystal_transfer.console import logged
from crystal_transfer.experiments.tables import cells, runs_table
from crystal_transfer.files import write_text

with logged(snakemake.log[0]):
    runs = runs_table(snakemake.input.metrics)
    write_text(snakemake.output.runs, runs.to_csv(index=False))
    write_text(snakemake.output.cells, cells(runs).to_csv(index=False))

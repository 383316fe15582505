"""Rule table: the results of an experiment, run by run and cell by cell."""

from crystal_transfer.console import logged
from crystal_transfer.files import write_text
from crystal_transfer.results.tables import cells, runs_table

with logged(snakemake.log[0]):
    runs = runs_table(snakemake.input.metrics)
    write_text(snakemake.output.runs, runs.to_csv(index=False))
    write_text(snakemake.output.cells, cells(runs).to_csv(index=False))

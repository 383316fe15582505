"""Rule baseline_table: the results of all datasets, run by run and cell by cell."""

from crystal_transfer.console import logged
from crystal_transfer.files import write_text
from crystal_transfer.results.tables import cells, read_runs

with logged(snakemake.log[0]):
    runs = read_runs(snakemake.input)
    write_text(snakemake.output.runs, runs.to_csv(index=False))
    write_text(snakemake.output.cells, cells(runs).to_csv(index=False))

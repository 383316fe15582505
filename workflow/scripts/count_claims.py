"""Rule claims: what the paper says, from its published numbers and from ours."""

from crystal_transfer.console import logged
from crystal_transfer.files import write_text
from crystal_transfer.results.claims import side_by_side
from crystal_transfer.results.publication import published_cells
from crystal_transfer.results.tables import cells, runs_table

with logged(snakemake.log[0]):
    ours = cells(runs_table(snakemake.input.metrics))
    table = side_by_side(published_cells(snakemake.input.published), ours)
    write_text(snakemake.output[0], table.to_csv(index=False))

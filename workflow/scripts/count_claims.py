"""Rule claims: what the paper says, from its published numbers and from ours."""

from crystal_transfer.console import logged
from crystal_transfer.files import write_text
from crystal_transfer.results.claims import side_by_side
from crystal_transfer.results.publication import published_cells
from crystal_transfer.results.tables import comparable_cells, read_runs

with logged(snakemake.log[0]):
    ours = comparable_cells(read_runs(snakemake.input.runs))
    published = published_cells(snakemake.input.published)
    table = side_by_side({"published cells": published, "our runs": ours})
    write_text(snakemake.output[0], table.to_csv(index=False))

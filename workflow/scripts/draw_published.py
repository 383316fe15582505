"""Rule published_figures: the paper's figures from its published numbers."""

from pathlib import Path

from crystal_transfer.console import logged
from crystal_transfer.figures.paper.published import draw_published

with logged(snakemake.log[0]):
    draw_published(Path(snakemake.output[0]).parent, snakemake.params.palette)

"""Rule download: one file, verified."""

from crystal_transfer.console import logged
from crystal_transfer.datasets.download import fetch

with logged(snakemake.log[0]):
    file = snakemake.params.file
    fetch(
        file["url"],
        snakemake.output[0],
        file["sha256"],
        snakemake.config["mirror"],
        size=file["size"],
    )

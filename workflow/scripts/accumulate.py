"""Rule accumulate: all datasets as one, a row per distinct crystal."""

from crystal_transfer.console import logged
from crystal_transfer.datasets import crystals, labels, scaling, splits
from crystal_transfer.datasets.cumulative import accumulate
from crystal_transfer.files import read_sealed_json

with logged(snakemake.log[0]):
    codes, files = snakemake.params.properties, snakemake.input
    merged, known = accumulate(
        dict(zip(codes, map(crystals.load, files.tables), strict=True)),
        dict(zip(codes, map(splits.load, files.splits), strict=True)),
        dict(zip(codes, map(scaling.load, files.scalers), strict=True)),
        dict(zip(codes, map(read_sealed_json, files.excluded), strict=False)),  # kept: no files
    )
    crystals.save(merged, snakemake.output.table)
    labels.save(known, snakemake.output.labels)

"""Rule overlap: crystals of a dataset that other datasets test on."""

from crystal_transfer.console import logged
from crystal_transfer.datasets import crystals, splits
from crystal_transfer.datasets.overlap import occurring_in, tested_crystals
from crystal_transfer.files import write_sealed_json

with logged(snakemake.log[0]):
    tested = []
    files = zip(snakemake.input.test_tables, snakemake.input.test_splits, strict=True)
    for table_path, split_path in files:
        tested += tested_crystals(crystals.load(table_path), splits.load(split_path))
    write_sealed_json(
        snakemake.output[0], occurring_in(crystals.load(snakemake.input.table), tested)
    )

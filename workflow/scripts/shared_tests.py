"""Rule shared_tests: test crystals of a dataset that others have too."""

from crystal_transfer.console import logged
from crystal_transfer.datasets import crystals, splits
from crystal_transfer.datasets.overlap import shared_with, tested_crystals
from crystal_transfer.files import write_sealed_json

with logged(snakemake.log[0]):
    split = splits.load(snakemake.input.split)
    tested = tested_crystals(crystals.load(snakemake.input.table), split)
    others = zip(snakemake.params.others, snakemake.input.others, strict=True)
    write_sealed_json(
        snakemake.output[0],
        {code: shared_with(tested, crystals.load(path)) for code, path in others},
    )

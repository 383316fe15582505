"""Rule split: fix the test set of a dataset, or take the imposed one, and who may be drawn."""

import sys

from crystal_transfer.console import logged
from crystal_transfer.datasets import crystals, splits
from crystal_transfer.datasets.imposed import samples_of, test_ids_of
from crystal_transfer.datasets.overlap import equals_of_tested

with logged(snakemake.log[0]):
    dataset, params = snakemake.wildcards.dataset, snakemake.params
    table = crystals.load(snakemake.input.table)
    samples = None
    test_ids = test_ids_of(
        snakemake.input.test_ids, snakemake.input.imposed_test_ids, dataset, params.is_tested
    )
    for path in snakemake.input.imposed_samples:
        samples = samples_of(path, dataset, params.is_tested)
    split = splits.split(
        dataset, table.ids.tolist(), params.test_fraction, params.seed, test_ids, samples
    )
    if params.equals == "removed":
        equal = equals_of_tested(table, set(split.test))
        print(f"{len(equal)} crystals equal one that is tested on, not drawn", file=sys.stderr)
        split = splits.without(split, equal)
    splits.require_pool(split, snakemake.resources.largest_sample)
    splits.save(split, snakemake.output[0])

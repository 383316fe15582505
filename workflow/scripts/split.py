"""Rule split: fix the test set of a dataset, or take the imposed one."""

from crystal_transfer.console import logged
from crystal_transfer.datasets import crystals, splits
from crystal_transfer.datasets.imposed import of_dataset
from crystal_transfer.files import read_sealed_json

with logged(snakemake.log[0]):
    dataset = snakemake.wildcards.dataset
    test_ids = read_sealed_json(snakemake.input.test_ids)
    for path in snakemake.input.imposed_test_ids:
        test_ids = of_dataset(path, dataset) or test_ids
    samples = None
    for path in snakemake.input.imposed_samples:
        samples = of_dataset(path, dataset)
    split = splits.split(
        dataset,
        crystals.load(snakemake.input.table).ids.tolist(),
        snakemake.params.test_fraction,
        snakemake.params.seed,
        test_ids,
        samples,
    )
    splits.save(split, snakemake.output[0])

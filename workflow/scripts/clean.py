"""Rule clean: read a dataset, keep what is sound, list what is not."""

from crystal_transfer.console import logged
from crystal_transfer.datasets import crystals
from crystal_transfer.datasets.cleaning import clean, require_enough
from crystal_transfer.datasets.overlap import without_tested
from crystal_transfer.datasets.read import read_dataset
from crystal_transfer.datasets.registry import dataset
from crystal_transfer.files import write_csv, write_sealed_json

with logged(snakemake.log[0]):
    code = snakemake.wildcards.dataset
    entry = dataset(snakemake.params.entry, code)
    records, test_ids = read_dataset(entry, list(snakemake.input), snakemake.threads)
    table, rejected = clean(records)
    if test_ids is not None:
        test_ids = sorted(set(test_ids) & set(table.ids.tolist()))
        table, seen = without_tested(table, set(test_ids))
        rejected += seen
    write_csv(snakemake.log.rejected, ["id", "reason"], rejected)
    write_sealed_json(snakemake.output.test_ids, test_ids)
    require_enough(len(table), rejected, snakemake.config["cleaning"]["max_rejected"], code)
    crystals.save(table, snakemake.output.table)

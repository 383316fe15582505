"""Rule normalise: the range of targets that becomes [-1, 1]."""

from crystal_transfer.console import logged
from crystal_transfer.datasets import crystals, scaling, splits
from crystal_transfer.datasets.imposed import range_of_dataset

with logged(snakemake.log[0]):
    dataset, unit = snakemake.wildcards.dataset, snakemake.params.unit
    table = crystals.load(snakemake.input.table)
    targets = dict(zip(table.ids.tolist(), table.targets.tolist(), strict=True))
    if snakemake.params.scaling == "pool":
        pool = splits.load(snakemake.input.split).pool
        targets = {id: targets[id] for id in pool}
    scaler = scaling.fit(list(targets.values()), dataset, unit)
    for path in snakemake.input.target_ranges:
        needed = snakemake.params.is_tested
        scaler = range_of_dataset(path, dataset, unit, needed) or scaler
    scaling.save(scaler, snakemake.output[0])

"""Rule baselines: every size and trial of a dataset."""

from itertools import product

from crystal_transfer.baselines import features
from crystal_transfer.baselines.run import row_of
from crystal_transfer.console import logged
from crystal_transfer.datasets import crystals, scaling, splits
from crystal_transfer.files import write_csv

with logged(snakemake.log[0]):
    files, chosen = snakemake.input, snakemake.params
    table, parts = crystals.load(files.table), splits.load(files.split)
    scaler, seen = scaling.load(files.scaler), features.load(files.features)
    rows = [
        row_of(name, size, trial, table, seen, parts, scaler, snakemake.threads)
        for size, trial, name in product(chosen.sizes, chosen.trials, chosen.models)
    ]
    write_csv(snakemake.output[0], list(rows[0]), [row.values() for row in rows])

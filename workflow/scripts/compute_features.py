"""Rule features: what baselines see of a dataset's crystals."""

from crystal_transfer.baselines import features
from crystal_transfer.baselines.matminer_features import features_of
from crystal_transfer.console import logged
from crystal_transfer.datasets import crystals

with logged(snakemake.log[0]):
    table = crystals.load(snakemake.input[0])
    features.save(features_of(table, snakemake.threads), snakemake.output[0])

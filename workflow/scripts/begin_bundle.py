"""Rule begin_bundle: plan, folds and graphs of a model that stands alone."""

from pathlib import Path

from crystal_transfer.bundles.begin import settle
from crystal_transfer.bundles.data import Crystals
from crystal_transfer.bundles.plan import options_from_plain
from crystal_transfer.bundles.work import Work
from crystal_transfer.console import logged
from crystal_transfer.datasets import crystals

with logged(snakemake.log[0]):
    found = Crystals(crystals.load(snakemake.input.table), [])
    # no parameter: nothing is trained again for another device
    device = snakemake.config["training"]["device"]
    options = options_from_plain({**snakemake.params.options, "device": device})
    settle(found, options, Work(Path(snakemake.output.plan).parent), snakemake.threads)

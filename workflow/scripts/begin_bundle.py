"""Rule begin_bundle: plan, folds and graphs of a model that stands alone."""

from pathlib import Path

from crystal_transfer.bundles.begin import begin, settle
from crystal_transfer.bundles.data import parted
from crystal_transfer.bundles.plan import options_from_plain
from crystal_transfer.bundles.work import Work
from crystal_transfer.console import logged
from crystal_transfer.datasets import crystals
from crystal_transfer.datasets.imposed import test_ids_of

with logged(snakemake.log[0]):
    files, params = snakemake.input, snakemake.params
    test_ids = test_ids_of(files.test_ids, files.imposed_test_ids, params.dataset)
    table, _ = parted(crystals.load(files.table), test_ids)
    # no parameter: nothing is trained again for another device
    device = snakemake.config["training"]["device"]
    beginning = settle(table, options_from_plain({**params.options, "device": device}))
    begin(Work(Path(snakemake.output.plan).parent), beginning, snakemake.threads)

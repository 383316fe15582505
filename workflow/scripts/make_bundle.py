"""Rule bundle: baselines, calibration, report; a folder that stands alone."""

from pathlib import Path

from crystal_transfer.bundles.assembly import assemble
from crystal_transfer.bundles.data import Crystals, parted, read_rejected, without_known
from crystal_transfer.console import logged
from crystal_transfer.datasets import crystals
from crystal_transfer.datasets.imposed import test_ids_of

with logged(snakemake.log[0]):
    files, params = snakemake.input, snakemake.params
    test_ids = test_ids_of(files.test_ids, files.imposed_test_ids, params.dataset)
    table, test = parted(crystals.load(files.table), test_ids)
    tested = without_known(Crystals(test, []), table).table
    folder = Path(snakemake.output[0]).parent
    rejected = read_rejected(params.rejected)
    assemble(rejected, folder, snakemake.threads, tested if len(tested) else None)

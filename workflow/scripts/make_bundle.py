"""Rule bundle: baselines, calibration, report; a folder that stands alone."""

from pathlib import Path

from crystal_transfer.bundles.data import Crystals, read_rejected
from crystal_transfer.bundles.finetune import assemble
from crystal_transfer.bundles.work import Work
from crystal_transfer.console import logged

with logged(snakemake.log[0]):
    folder = Path(snakemake.output[0]).parent
    table = Work(Path(snakemake.input.plan).parent).load_table()
    found = Crystals(table, read_rejected(snakemake.params.rejected))
    assemble(found, folder, snakemake.threads)

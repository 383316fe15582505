"""Rule train_member: one training of a model that stands alone."""

import sys
from pathlib import Path

from crystal_transfer.bundles.member import train_member
from crystal_transfer.bundles.plan import part_of
from crystal_transfer.bundles.work import Work
from crystal_transfer.console import logged
from crystal_transfer.training.interruption import stop_on_signal, stop_when_orphaned

with logged(snakemake.log[0]):
    asked, orphaned = stop_on_signal(), stop_when_orphaned()
    train_member(
        Work(Path(snakemake.input.plan).parent),
        part_of(snakemake.wildcards.part),
        lambda line: print(line, file=sys.stderr, flush=True),
        lambda: asked() or orphaned(),
    )

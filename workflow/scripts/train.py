"""Rules scratch, pretrain, multipretrain, finetune: one run."""

from crystal_transfer.console import logged
from crystal_transfer.runs import from_description
from crystal_transfer.training.device import require_threads
from crystal_transfer.training.interruption import stop_on_signal, stop_when_orphaned
from crystal_transfer.training.paths import Inputs, Outputs
from crystal_transfer.training.run import train
from crystal_transfer.training.settings import from_plain

with logged(snakemake.log[0]):
    params = snakemake.params
    run = from_description(params.run)
    # no parameters: a training is not repeated for another device or number of threads
    place = {name: snakemake.config["training"][name] for name in ("device", "threads")}
    settings = from_plain({**params.settings, **place}, run.network)
    require_threads(settings, snakemake.threads)
    asked, orphaned = stop_on_signal(), stop_when_orphaned()
    train(
        run,
        Inputs(**{name: str(path) for name, path in snakemake.input.items()}),
        Outputs(**dict(snakemake.output.items()), checkpoint=params.checkpoint),
        settings,
        lambda: asked() or orphaned(),
    )

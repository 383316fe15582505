"""Rules scratch, pretrain, finetune: one run."""

from crystal_transfer.console import logged
from crystal_transfer.experiments.runs import from_description
from crystal_transfer.models.alignn import AlignnConfig
from crystal_transfer.training.interruption import stop_on_sigterm
from crystal_transfer.training.run import Inputs, Outputs, Settings, train

with logged(snakemake.log[0]):
    params = snakemake.params
    train(
        from_description(params.run),
        Inputs(**{name: str(path) for name, path in snakemake.input.items() if path}),
        Outputs(**dict(snakemake.output.items()), checkpoint=params.checkpoint),
        Settings(
            seed=params.seed,
            test_fraction=params.test_fraction,
            tested_epoch=params.tested_epoch,
            freeze_norms=params.freeze_norms,
            backend=params.backend,
            device=params.device,
            threads=snakemake.threads,
            model=AlignnConfig(**params.model),
            precision=params.precision,
        ),
        stop_on_sigterm(),
    )

"""Single runs of a study: each with the hyperparameters and the source that the config gives it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product

from crystal_transfer.datasets.registry import Dataset
from crystal_transfer.datasets.splits import pool_share
from crystal_transfer.experiments.blocks import Block
from crystal_transfer.experiments.config import Config, KindOfRun, MultiKindOfRun
from crystal_transfer.experiments.values import WHOLE, at_size
from crystal_transfer.protocols import LossOf, MultiTraining, ScratchRate
from crystal_transfer.runs import Hyperparameters, Run, RunKind, Sampling
from crystal_transfer.variations import Variation, rate_name

PRETRAIN_TRIAL = 1  # a dataset is pre-trained on once per size, as in the paper


@dataclass(frozen=True)
class Variant:
    """What an experiment varies besides datasets and samples; None for the study's usual value."""

    network: str | None = None
    max_lr: float | None = None
    batch_size: int | None = None
    epochs: int | None = None


def variants(block: Block) -> Iterator[Variant]:
    """List every network x learning rate x batch size x number of epochs of an experiment."""
    usual = [None]
    for network, max_lr, batch_size, epochs in product(
        block.network or usual, block.max_lr or usual, block.batch_size or usual,
        block.epochs or usual,
    ):  # fmt: skip
        yield Variant(network, max_lr, batch_size, epochs)


def known_pool(entry: Dataset, config: Config) -> int | None:
    """Return from how many crystals of a dataset samples are drawn; None where only data tell."""
    chosen = getattr(entry, "test_path", None) or config.imposed.test_ids
    if entry.size is None or chosen:
        return None
    return pool_share(entry.size, config.split.test_fraction)


@dataclass(frozen=True)
class Planner:
    """Makes the runs of a study.

    Attributes
    ----------
    config
        A checked config.
    datasets
        All known datasets.
    """

    config: Config
    datasets: Mapping[str, Dataset]

    def scratch(self, code: str, size: int, trial: int, variant: Variant) -> Run:
        """Return a training without pre-training."""
        training = self.config.training
        how = self._hyperparameters(training.scratch, size)
        if self.config.switches.scratch_rate is ScratchRate.FINETUNING:
            how = replace(how, max_lr=float(at_size(training.finetune.max_lr, size)))
        return self._varied(Run(RunKind.SCRATCH, code, size, trial, how), variant)

    def source(self, code: str, size: int | str, variant: Variant) -> Run:
        """Return what a fine-tuning starts from: a checkpoint, or a pre-training."""
        if code in self.config.checkpoints:
            return Run(RunKind.CHECKPOINT, code, 0, PRETRAIN_TRIAL, None)
        if size == WHOLE:
            entry = self.datasets[code]
            size = known_pool(entry, self.config) or entry.size or 0
        number = int(size)
        how = self._hyperparameters(self.config.training.pretrain, number)
        run = Run(RunKind.PRETRAIN, code, number, PRETRAIN_TRIAL, how)
        return self._varied(run, Variant(network=variant.network))

    def multi_source(self, properties: tuple[str, ...], variant: Variant) -> Run:
        """Return the pre-training on several properties, named after those that it leaves out."""
        missing = [code for code in self.config.properties if code not in properties]
        name = {0: "all", 1: "no-" + "".join(missing)}.get(len(missing), "-".join(properties))
        how = self._hyperparameters(self.config.training.multipretrain, 0)
        run = Run(
            RunKind.MULTIPRETRAIN, f"MPT-{name}", 0, PRETRAIN_TRIAL, how, properties=properties
        )
        return self._varied(run, Variant(network=variant.network))

    def all_but(self, target: str, variant: Variant, most: int | None = None) -> Run:
        """Return the pre-training on all properties, or the first few, but the target's own."""
        others = [code for code in self.config.properties if code != target]
        return self.multi_source(tuple(others[:most]), variant)

    def finetune(
        self, origin: Run, target: str, size: int, trial: int, strategy: str, variant: Variant
    ) -> Run:
        """Return a fine-tuning."""
        training = self.config.training
        block = training.multifinetune if origin.properties else training.finetune
        how = self._hyperparameters(block, size)
        run = Run(
            RunKind.FINETUNE, target, size, trial, how, source=origin, strategy=strategy
        )  # fmt: skip
        return self._varied(run, variant)

    def sampled(self, run: Run, sampling: Sampling) -> Run:
        """Return the run with a sample that is drawn in another way."""
        return replace(run, sampling=sampling)

    def _hyperparameters(self, block: KindOfRun, size: int) -> Hyperparameters:
        training, switches = self.config.training, self.config.switches
        same = switches.loss is LossOf.SAME
        how = Hyperparameters(
            epochs=at_size(block.epochs, size),
            batch_size=at_size(block.batch_size, size),
            max_lr=float(at_size(block.max_lr, size)),
            loss=training.scratch.loss if same else block.loss,
            weight_decay=float(training.weight_decay),
            pct_start=float(training.pct_start),
            absent_labels=switches.absent_labels,
        )
        if not isinstance(block, MultiKindOfRun):
            return how
        how = replace(how, patience=block.patience)
        if switches.multi_training is MultiTraining.SAME:
            return how
        return replace(
            how,
            weight_decay=float(block.weight_decay),
            order=block.order,
            incomplete_batch=block.incomplete_batch,
        )

    def _varied(self, run: Run, variant: Variant) -> Run:
        """Change what a variant changes; the run's name says so unless it is the usual value."""
        usual = run.hyperparameters
        assert usual is not None
        network = variant.network or self.config.model.network
        how = replace(
            usual,
            max_lr=usual.max_lr if variant.max_lr is None else float(variant.max_lr),
            batch_size=variant.batch_size or usual.batch_size,
            epochs=variant.epochs or usual.epochs,
        )
        differs = Variation(
            network=network if network != self.config.model.network else "",
            rate=rate_name(how.max_lr) if how.max_lr != usual.max_lr else "",
            batch_size=how.batch_size if how.batch_size != usual.batch_size else None,
            epochs=how.epochs if how.epochs != usual.epochs else None,
        )
        return replace(run, network=network, hyperparameters=how, variation=differs.name)

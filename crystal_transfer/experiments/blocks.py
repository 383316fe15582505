"""The types of the blocks that stand under the config key experiments, a type per kind."""

from itertools import product
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    Field,
)

from crystal_transfer.checked import (
    Checked,
    Count,
    Switch,
    Text,
    Whole,
)
from crystal_transfer.experiments.values import (
    BaselineName,
    Codes,
    Counts,
    NetworkName,
    Pair,
    PretrainSize,
    Rates,
    SampleSizes,
    SizedDataset,
    StrategyName,
    distinct,
)
from crystal_transfer.runs import Sampling


class _Sampled(Checked):
    """What is trained on samples of datasets."""

    sizes: SampleSizes
    """Numbers of crystals in a sample, validation included: a list, or {dataset: list}."""
    trials: Counts = [1]
    """Numbers of the trials: each draws samples of its own."""

    @property
    def targets(self) -> list[str]:
        """Datasets that are tested on."""
        raise NotImplementedError

    def sizes_of(self, code: str) -> list[int]:
        """Return the sizes of a dataset's samples."""
        return self.sizes[code] if isinstance(self.sizes, dict) else self.sizes

    @property
    def samples(self) -> list[tuple[str, int]]:
        """The dataset and size of every sample."""
        return [(code, size) for code in self.targets for size in self.sizes_of(code)]


class _Block(_Sampled):
    max_lr: Rates | None = None
    """Peak learning rates, one run for each; that of `training` if left out."""
    batch_size: Counts | None = None
    """Batch sizes, one run for each; that of `training` if left out."""
    epochs: Counts | None = None
    """Numbers of epochs, one run for each; that of `training` if left out."""
    network: Annotated[list[NetworkName], Field(min_length=1), AfterValidator(distinct)] | None = (
        None
    )
    """Networks, one run for each; that of `model` if left out."""


class ScratchBlock(_Block):
    """Training without pre-training: every dataset x size x trial."""

    kind: Literal["scratch"]
    datasets: Codes
    """Codes of the datasets."""

    @property
    def targets(self) -> list[str]:
        """Datasets that runs are tested on."""
        return self.datasets


class TransferBlock(_Block):
    """Pre-training on one dataset, fine-tuning to another: every pair x PT size x FT size ..."""

    kind: Literal["transfer"]
    pairs: Annotated[list[Pair], Field(min_length=1)] | None = None
    """[PT, FT] pairs, instead of every pretrain x finetune."""
    pretrain: Codes | None = None
    """PT datasets, or names of checkpoints."""
    finetune: Codes | None = None
    """FT datasets."""
    pretrain_sizes: Annotated[list[PretrainSize], Field(min_length=1), AfterValidator(distinct)]
    """Numbers of crystals of the PT dataset, or all."""
    strategies: Annotated[list[StrategyName], Field(min_length=1), AfterValidator(distinct)] = [
        "all"
    ]
    """What fine-tuning may change."""
    samplings: Annotated[list[Sampling], Field(min_length=1), AfterValidator(distinct)] = [
        Sampling.RANDOM
    ]
    """How samples are drawn."""

    @property
    def targets(self) -> list[str]:
        """Datasets that runs are tested on."""
        return list(dict.fromkeys(target for _, target in self.all_pairs))

    @property
    def all_pairs(self) -> list[tuple[str, str]]:
        """The (PT, FT) pairs; a dataset is not paired with itself."""
        if self.pairs is not None:
            return [(source, target) for source, target in self.pairs]
        every = product(self.pretrain or [], self.finetune or [])
        return [pair for pair in every if pair[0] != pair[1]]


class MultiPropertyBlock(_Block):
    """Pre-training on all properties but the target's, then fine-tuning to it."""

    kind: Literal["multi_property"]
    finetune: Codes
    """FT datasets."""

    @property
    def targets(self) -> list[str]:
        """Datasets that runs are tested on."""
        return self.finetune


class PropertyNumberBlock(_Block):
    """Pre-training on the first few properties but the target's, then fine-tuning to it."""

    kind: Literal["property_number"]
    finetune: Codes
    """FT datasets."""
    numbers: Counts
    """Numbers of properties."""

    @property
    def targets(self) -> list[str]:
        """Datasets that runs are tested on."""
        return self.finetune


class UnseenBlock(_Block):
    """Datasets that no choice was made on: scratch, chosen PT models, all properties."""

    kind: Literal["unseen"]
    datasets: Codes
    """Codes of the datasets."""
    sources: list[SizedDataset]
    """[PT dataset, PT size] to fine-tune from."""

    @property
    def targets(self) -> list[str]:
        """Datasets that runs are tested on."""
        return self.datasets


class FinetuneBlock(Checked):
    """A model that stands alone: an ensemble fine-tuned to a whole dataset, with baselines."""

    kind: Literal["finetune"]
    dataset: Text
    """Code of the dataset."""
    source: Text = "auto"
    """auto, scratch, a name (`crystal-transfer sources`), or a file of weights."""
    strategy: StrategyName | None = None
    """What fine-tuning may change; everything, and a new head, if left out (`mpt_new_head`)."""
    folds: Annotated[Whole, Field(ge=3)] = 5
    """Members, each blind to one fold."""
    group_by: Text = "formula"
    """What keeps crystals together in a fold: formula, none, or a CSV file (id, group)."""
    chgnet: Switch = False
    """Whether a baseline sees CHGNet's frozen features too; needs the package chgnet."""
    epochs: Count | None = None
    """Of each member; a number that fits the number of crystals if left out."""


class BaselineBlock(_Sampled):
    """Models without a graph network on the same samples and test sets, see docs/baselines.md."""

    kind: Literal["baseline"]
    datasets: Codes
    """Codes of the datasets."""
    models: Annotated[list[BaselineName], Field(min_length=1), AfterValidator(distinct)] = [
        "median",
        "forest",
        "kernel",
    ]
    """Which of them; a baseline trains on all crystals of a sample."""

    @property
    def targets(self) -> list[str]:
        """Datasets that they are tested on."""
        return self.datasets


Block = ScratchBlock | TransferBlock | MultiPropertyBlock | PropertyNumberBlock | UnseenBlock
"""An experiment of the grid: cells of runs."""

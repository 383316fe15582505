"""A run: the frozen description of one training."""

from collections.abc import Mapping
from dataclasses import dataclass, is_dataclass
from enum import StrEnum
from typing import Any

from crystal_transfer.protocols import AbsentLabels

# A parameter of the training rules: raise it when a change makes trainings end with other weights.
RESULTS_VERSION = 3
# One of the rules before them: raise it when the same source gives other crystals, test sets,
# scaled targets, graphs, features or baselines.
DATA_VERSION = 3


class RunKind(StrEnum):
    """What kind of training a run is.

    `CHECKPOINT` stands for weights that come from a file, `BASELINE` for a model without a graph
    network.
    """

    SCRATCH = "scratch"
    PRETRAIN = "pretrain"
    MULTIPRETRAIN = "multipretrain"
    FINETUNE = "finetune"
    CHECKPOINT = "checkpoint"
    BASELINE = "baseline"


class Sampling(StrEnum):
    """How the crystals of a sample are chosen, see `datasets.sampling`."""

    RANDOM = "random"
    WEIGHTED = "weighted"
    UNIFORM = "uniform"


class Loss(StrEnum):
    """What is minimised, on scaled targets: the squared or the absolute error."""

    MSE = "mse"
    L1 = "l1"


class Order(StrEnum):
    """Order of the crystals in an epoch: drawn anew for each, or that of the sample in all."""

    SHUFFLED = "shuffled"
    FIXED = "fixed"


class IncompleteBatch(StrEnum):
    """What happens to the few crystals that do not fill the last batch of an epoch."""

    DROPPED = "dropped"
    KEPT = "kept"


@dataclass(frozen=True)
class Hyperparameters:
    """How to train; see `training` in config.yaml for meanings and sources.

    Attributes
    ----------
    epochs
        Passes over the training part of the sample, at most.
    batch_size
        Crystals in a step.
    max_lr
        Peak of the one-cycle schedule.
    loss
        What is minimised.
    weight_decay
        Of AdamW; none on biases and norms.
    pct_start
        Share of the schedule in which the learning rate rises.
    order, incomplete_batch
        How epochs are divided into batches.
    patience
        Epochs without a lower validation loss after which a training ends; None for never.
    absent_labels
        How labels that a crystal lacks enter the loss.
    """

    epochs: int
    batch_size: int
    max_lr: float
    loss: Loss
    weight_decay: float
    pct_start: float
    order: Order = Order.SHUFFLED
    incomplete_batch: IncompleteBatch = IncompleteBatch.DROPPED
    patience: int | None = None
    absent_labels: AbsentLabels = AbsentLabels.LEFT_OUT


@dataclass(frozen=True)
class Run:
    """One training.

    Attributes
    ----------
    kind
        What kind of training it is.
    dataset
        Code of the dataset it is trained and tested on; for multipretrain the name of the set of
        properties, for checkpoint the name of the file's weights.
    size
        Crystals in its sample; a pretrain takes all of the pool where that has fewer, a
        multipretrain, of size 0, all there are.
    trial
        Decides the draw of the sample and the training.
    hyperparameters
        How to train; None for a checkpoint.
    network
        Name of the network, see `models.sizes`.
    source
        The run whose weights it starts from; None unless kind is finetune.
    strategy
        What fine-tuning may change; empty unless kind is finetune.
    sampling
        How its sample is drawn.
    variation
        For its name: what differs from the study's usual network and hyperparameters; empty if
        nothing does.
    properties
        Codes of the datasets that a multipretrain learns together; empty for other kinds.
    """

    kind: RunKind
    dataset: str
    size: int
    trial: int
    hyperparameters: Hyperparameters | None
    network: str = "alignn"
    source: "Run | None" = None
    strategy: str = ""
    sampling: Sampling = Sampling.RANDOM
    variation: str = ""
    properties: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The name of the run's folder, the same in every figure that shows it."""
        own = f"{self.dataset}_n{self.size}"
        if self.kind is RunKind.CHECKPOINT:
            return f"checkpoint_{self.dataset}"
        variation = [self.variation] if self.variation else []
        if self.kind is RunKind.MULTIPRETRAIN:
            return "_".join(["multipretrain", self.dataset, *variation])
        if self.kind is RunKind.PRETRAIN:
            return "_".join(["pretrain", own, *variation])
        sampling = "" if self.sampling is Sampling.RANDOM else self.sampling
        tail = [*filter(None, (self.strategy, sampling, self.variation)), f"t{self.trial}"]
        if self.source is None:
            return "_".join([self.kind, own, *tail])
        source = self.source.id.split("_", 1)[1].replace("_", "-")
        return "_".join([self.kind, source, "to", own, *tail])

    @property
    def is_pretraining(self) -> bool:
        """Whether other runs start from it."""
        return self.kind in (RunKind.PRETRAIN, RunKind.MULTIPRETRAIN)


@dataclass(frozen=True)
class Cell:
    """What the trials of a result have in common; the columns of tables that say so.

    Attributes
    ----------
    kind
        A word of `RunKind`.
    source, source_size, source_properties
        PT dataset, its number of crystals and of properties; empty and 0 without.
    dataset, size
        FT dataset, and crystals in a sample.
    strategy, sampling, variation
        As of `Run`; the sampling as a word.
    max_lr, batch_size
        Of the training; 0 for a baseline.
    network
        Name of the network, or of the baseline.
    """

    kind: str
    source: str
    source_size: int
    source_properties: int
    dataset: str
    size: int
    strategy: str
    sampling: str
    variation: str
    max_lr: float
    batch_size: int
    network: str


def cell_of(run: Run) -> Cell:
    """Return the cell of a run that is trained."""
    how, source = run.hyperparameters, run.source
    assert how is not None, "a checkpoint is not trained"
    return Cell(
        kind=run.kind.value,
        source=source.dataset if source else "",
        source_size=source.size if source else 0,
        source_properties=max(1, len(source.properties)) if source else 0,
        dataset=run.dataset,
        size=run.size,
        strategy=run.strategy,
        sampling=run.sampling.value,
        variation=run.variation,
        max_lr=how.max_lr,
        batch_size=how.batch_size,
        network=run.network,
    )


def result_row(id: str, cell: Cell, trial: int, measured: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of a result: its id, cell and trial, and what was measured."""
    return {"id": id, **as_plain(cell), "trial": trial, **measured}


def description(run: Run) -> dict[str, Any]:
    """Return a run as plain data, its id included."""
    return as_plain(run) | {"id": run.id}


def from_description(content: Mapping[str, Any]) -> Run:
    """Rebuild a run from its `description`."""
    fields = {key: value for key, value in content.items() if key != "id"}
    source, how = fields["source"], fields["hyperparameters"]
    return Run(
        **fields
        | {
            "kind": RunKind(fields["kind"]),
            "sampling": Sampling(fields["sampling"]),
            "properties": tuple(fields["properties"]),
            "hyperparameters": hyperparameters_of(how) if how else None,
            "source": from_description(source) if source else None,
        }
    )


def hyperparameters_of(content: Mapping[str, Any]) -> Hyperparameters:
    """Rebuild hyperparameters from plain data."""
    words = {
        "loss": Loss(content["loss"]),
        "order": Order(content["order"]),
        "incomplete_batch": IncompleteBatch(content["incomplete_batch"]),
        "absent_labels": AbsentLabels(content["absent_labels"]),
    }
    return Hyperparameters(**dict(content) | words)


def as_plain(value: Any) -> Any:
    """Turn dataclasses into mappings, words into strings and tuples into lists, at any depth.

    `dataclasses.asdict` copies deeply; here that would be a tenth of a dry run.
    """
    if is_dataclass(value):
        return {key: as_plain(inner) for key, inner in vars(value).items()}
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, Mapping):
        return {key: as_plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [as_plain(inner) for inner in value]
    return value

"""A run: the frozen description of one training."""

from dataclasses import asdict, dataclass, field

# A parameter of the training rules: raise it when a change makes trainings end with other weights.
TESTED_AT_ONCE = 2048  # crystals in memory at once while testing
RESULTS_VERSION = 2


@dataclass(frozen=True)
class Hyperparameters:
    """How to train; see `training` in config.yaml for meanings and sources."""

    epochs: int
    batch_size: int
    max_lr: float
    loss: str
    weight_decay: float
    pct_start: float


@dataclass(frozen=True)
class Run:
    """One training.

    Attributes
    ----------
    kind
        scratch, pretrain, multipretrain or finetune; checkpoint for weights that come from a file.
    dataset
        Code of the dataset it is trained and tested on; for multipretrain the name of the set of
        properties, for checkpoint the name of the file's weights.
    size
        Crystals in its sample; for pretrain the nominal PT size, see `splits.pool_share`; 0 for
        multipretrain, which takes all.
    trial
        Decides the draw of the sample and the training.
    hyperparameters
        How to train; None for a checkpoint.
    source
        The run whose weights it starts from; None unless kind is finetune.
    strategy
        What fine-tuning may change; empty unless kind is finetune.
    sampling
        How its sample is drawn, see `datasets.sampling`.
    variation
        For its name: what differs from the study's usual hyperparameters; empty if nothing does.
    properties
        Codes of the datasets that a multipretrain learns together; empty for other kinds.
    """

    kind: str
    dataset: str
    size: int
    trial: int
    hyperparameters: Hyperparameters | None
    source: "Run | None" = field(default=None)
    strategy: str = ""
    sampling: str = "random"
    variation: str = ""
    properties: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The name of the run's folder, the same in every figure that shows it."""
        own = f"{self.dataset}_n{self.size}"
        if self.kind == "checkpoint":
            return f"checkpoint_{self.dataset}"
        if self.kind == "multipretrain":
            return f"multipretrain_{self.dataset}"
        if self.kind == "pretrain":
            return f"pretrain_{own}"
        sampling = "" if self.sampling == "random" else self.sampling
        tail = [*filter(None, (self.strategy, sampling, self.variation)), f"t{self.trial}"]
        if self.source is None:
            return "_".join([self.kind, own, *tail])
        source = self.source.id.split("_", 1)[1].replace("_", "-")
        return "_".join([self.kind, source, "to", own, *tail])


def description(run: Run) -> dict:
    """Give the run as plain data."""
    return asdict(run) | {"id": run.id}


def from_description(content: dict) -> Run:
    """Rebuild a run from its description."""
    fields = {key: value for key, value in content.items() if key != "id"}
    source, settings = fields.pop("source"), fields.pop("hyperparameters")
    fields["properties"] = tuple(fields["properties"])
    return Run(
        **fields,
        hyperparameters=Hyperparameters(**settings) if settings else None,
        source=from_description(source) if source else None,
    )

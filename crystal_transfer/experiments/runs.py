"""A run: the frozen description of one training."""

from dataclasses import asdict, dataclass, field

# A parameter of the training rules: raise it when a change makes trainings end with other weights.
RESULTS_VERSION = 1


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
        scratch, pretrain or finetune; checkpoint for weights that come from a file.
    dataset
        Code of the dataset it is trained and tested on.
    size
        Crystals in its sample; for pretrain the nominal PT size, see `splits.pool_share`.
    trial
        Decides the draw of the sample and the training.
    hyperparameters
        How to train; None for a checkpoint.
    source
        The run whose weights it starts from; None unless kind is finetune.
    strategy
        What fine-tuning may change; empty unless kind is finetune.
    """

    kind: str
    dataset: str
    size: int
    trial: int
    hyperparameters: Hyperparameters | None
    source: "Run | None" = field(default=None)
    strategy: str = ""

    @property
    def id(self) -> str:
        """The name of the run's folder, the same in every figure that shows it."""
        own = f"{self.dataset}_n{self.size}"
        if self.kind == "checkpoint":
            return f"checkpoint_{self.dataset}"
        if self.kind == "pretrain":
            return f"pretrain_{own}"
        if self.source is None:
            return f"{self.kind}_{own}_t{self.trial}"
        source = self.source.id.split("_", 1)[1].replace("_", "-")
        return f"{self.kind}_{source}_to_{own}_{self.strategy}_t{self.trial}"


def description(run: Run) -> dict:
    """Give the run as plain data."""
    return asdict(run) | {"id": run.id}


def from_description(content: dict) -> Run:
    """Rebuild a run from its description."""
    fields = {key: value for key, value in content.items() if key != "id"}
    source, settings = fields.pop("source"), fields.pop("hyperparameters")
    return Run(
        **fields,
        hyperparameters=Hyperparameters(**settings) if settings else None,
        source=from_description(source) if source else None,
    )

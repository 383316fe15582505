"""A config: the types of its keys; one sentence per fault.

The types are the one source of the JSON schema (workflow/schemas) and of docs/configuration.md.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationError,
    create_model,
    model_validator,
)

from crystal_transfer.checked import (
    CODE,
    Checked,
    Count,
    Number,
    Share,
    SomeText,
    Switch,
    Text,
    Whole,
    sentence_of,
)
from crystal_transfer.errors import InputError
from crystal_transfer.experiments.blocks import BaselineBlock, Block, FinetuneBlock
from crystal_transfer.experiments.values import BySize, NetworkName, WholeBySize, distinct
from crystal_transfer.models.sizes import SIZES, Sizes
from crystal_transfer.protocols import Protocol
from crystal_transfer.runs import IncompleteBatch, Loss, Order
from crystal_transfer.training.settings import Device, Precision


class CleaningBlock(Checked):
    """Which datasets are fit for use."""

    max_rejected: Annotated[Number, Field(ge=0, le=1)] = 0.05
    """Share of rows that may be rejected before the workflow stops."""


class SplitBlock(Checked):
    """How test sets are drawn."""

    test_fraction: Share
    """Share of each dataset that is only tested on."""


class ImposedBlock(Checked):
    """Splits to impose instead of drawing them."""

    samples: Text | None = None
    """JSON(.gz) {dataset: {trial: {size: [id, ...]}}}."""
    test_ids: Text | None = None
    """JSON(.gz) {dataset: [id, ...]}."""
    target_ranges: Text | None = None
    """CSV with the columns dataset, raw_min, raw_max."""


class GraphsBlock(Checked):
    """How crystals become graphs."""

    compress: Switch
    """Compute one of each class of equivalent atoms and bonds."""


class _Model(Checked):
    """The network, and the sizes of each that can be chosen."""

    network: NetworkName = "alignn"
    """Which network a study trains, unless an experiment names others."""

    def sizes_of(self, network: str) -> Sizes:
        """Return the sizes of a network."""
        sizes: Sizes = getattr(self, network)
        return sizes


def _whole_numbers(value: Any) -> Any:
    """Refuse sizes that pydantic would round or convert."""
    if isinstance(value, dict):
        for name, size in value.items():
            if type(size) is not int:
                raise ValueError(f"has {size!r} for {name}; give a whole number")
    return value


Model = create_model(
    "Model",
    __base__=_Model,
    __doc__=_Model.__doc__,
    **{
        name: (Annotated[sizes, BeforeValidator(_whole_numbers)], sizes())
        for name, sizes in SIZES.items()
    },  # type: ignore[call-overload]
)


class FigureBlock(Checked):
    """How figures look."""

    palette: Literal["safe", "paper"] = "safe"
    """Colours of the paper's figures: readable for everyone, or as the paper has them."""


class KindOfRun(Checked):
    """How one kind of run is trained."""

    epochs: WholeBySize
    batch_size: WholeBySize
    max_lr: BySize
    loss: Loss
    """On scaled targets."""


class MultiKindOfRun(KindOfRun):
    """How runs on several properties, or from them, are trained; see `multi_training`."""

    weight_decay: Annotated[Number, Field(ge=0)]
    """Of AdamW; none on biases and norms."""
    order: Order
    """Order of the crystals in an epoch."""
    incomplete_batch: IncompleteBatch
    """Whether a last batch that is not full is used."""
    patience: Count | None
    """Epochs without a lower validation loss after which a training ends."""

    @model_validator(mode="after")
    def _every_crystal_is_learned(self) -> Self:
        if (self.order, self.incomplete_batch) == (Order.FIXED, IncompleteBatch.DROPPED):
            raise ValueError(
                "would leave the same crystals out of every epoch: write incomplete_batch: kept, "
                "or order: shuffled"
            )
        return self


class TrainingBlock(Checked):
    """How models are trained."""

    device: Device
    """Where trainings run."""
    precision: Precision
    """Precision of matrix products, with bf16 also of bond pairs."""
    record_steps: Switch = True
    """Whether steps on a GPU are recorded as CUDA graphs."""
    threads: Count
    """CPU threads of one training."""
    weight_decay: Annotated[Number, Field(ge=0)]
    """Of AdamW; none on biases and norms."""
    pct_start: Share
    """Share of the schedule in which the learning rate rises."""
    scratch: KindOfRun
    finetune: KindOfRun
    pretrain: KindOfRun
    multipretrain: MultiKindOfRun
    multifinetune: MultiKindOfRun


def _folder(path: str) -> str:
    if set(path) & set("{}"):
        raise ValueError("has braces, which mean wildcards to Snakemake; take them out")
    if path.startswith("~") or "$" in path:
        raise ValueError("would make a folder of that name; write the path without ~ and $")
    return str(Path(path))


CodeKey = Annotated[str, Field(pattern=CODE)]
ExperimentName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class Config(Checked):
    """All keys of config.yaml."""

    results: Annotated[SomeText, AfterValidator(_folder)]
    """Folder of all outputs."""
    mirror: Text | None = None
    """Folder that has the files to download already."""
    seed: Annotated[Whole, Field(ge=0, lt=2**32)]
    """Decides test sets, samples and trainings."""
    datasets: dict[CodeKey, dict[str, Any]] = {}
    """Datasets to add to, or change in, resources/datasets.yaml."""
    checkpoints: dict[CodeKey, Text] = {}
    """Weights from files, to fine-tune from as from a PT dataset."""
    cleaning: CleaningBlock = CleaningBlock()
    split: SplitBlock
    imposed: ImposedBlock = ImposedBlock()
    protocol: Text
    """Name of the protocol to follow."""
    protocols: dict[str, Protocol]
    """The protocols, by name."""
    graphs: GraphsBlock
    model: Model = Model()
    training: TrainingBlock
    figures: FigureBlock = FigureBlock()
    runs_per_gpu: Count
    """Trainings that share one GPU; more than 1 needs GPU shards."""
    shards_per_gpu: Count
    """Shards into which the cluster divides a GPU."""
    properties: Annotated[list[Text], AfterValidator(distinct)] = []
    """Datasets that multi-property pre-training learns together."""
    experiments: Annotated[
        dict[
            ExperimentName,
            Annotated[Block | BaselineBlock | FinetuneBlock, Field(discriminator="kind")],
        ],
        Field(min_length=1),
    ]
    """What is trained: name -> block; nothing else is."""

    @property
    def grid(self) -> dict[str, Block]:
        """The experiments that train networks cell by cell."""
        others = (BaselineBlock, FinetuneBlock)
        return {k: block for k, block in self.experiments.items() if not isinstance(block, others)}

    @property
    def baselines(self) -> dict[str, BaselineBlock]:
        """The experiments of models without a graph network."""
        return {k: b for k, b in self.experiments.items() if isinstance(b, BaselineBlock)}

    @property
    def bundles(self) -> dict[str, FinetuneBlock]:
        """The models that stand alone."""
        return {k: b for k, b in self.experiments.items() if isinstance(b, FinetuneBlock)}

    @property
    def switches(self) -> Protocol:
        """The chosen protocol."""
        return self.protocols[self.protocol]


def parse(content: Mapping[str, Any]) -> Config:
    """Check the types of a config.

    Raises
    ------
    InputError
        For the fault that explains most, with the key it is in.
    """
    try:
        return Config.model_validate(dict(content))
    except ValidationError as error:
        raise sentence_of(error, tag_at=("experiments", 2)) from None
    except RecursionError:
        raise InputError(
            "config: its values are nested too deeply; take the nesting out."
        ) from None

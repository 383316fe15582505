"""A config: the types of its keys; one sentence per fault.

The types are the one source of the JSON schema (workflow/schemas) and of docs/configuration.md.
"""

from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
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
from crystal_transfer.models.sizes import SIZES, Sizes
from crystal_transfer.models.strategies import STRATEGIES
from crystal_transfer.protocols import Protocol
from crystal_transfer.runs import IncompleteBatch, Loss, Order, Sampling
from crystal_transfer.training.settings import Device, Precision

WHOLE = "all"  # the PT size that takes a whole dataset


# --- values ------------------------------------------------------------------------------------


class FromSize(Checked):
    """A value that holds from a size of the sample on."""

    from_: Annotated[Whole, Field(ge=0, alias="from")]
    """Smallest sample that it holds for."""
    value: Annotated[Number, Field(gt=0)]
    """The value."""


class WholeFromSize(FromSize):
    """A whole number that holds from a size of the sample on."""

    value: Count
    """The value."""


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list) else [{"from": 0, "value": value}]


def _complete(entries: list[FromSize]) -> list[FromSize]:
    """Sort entries by size; there must be one for every size, and only one."""
    starts = sorted(entry.from_ for entry in entries)
    if starts[:1] != [0]:
        raise ValueError("has no entry for the smallest samples; begin with {from: 0, value: ...}")
    if len(set(starts)) < len(starts):
        raise ValueError("has two entries with one `from`; take one of them out")
    return sorted(entries, key=lambda entry: entry.from_)


_BY_SIZE = "A number, or a list of {from, value}: the last entry with from <= size counts."
_POSITIVE = Annotated[Number, Field(gt=0)]
BySize = Annotated[
    list[FromSize],
    BeforeValidator(_as_list, json_schema_input_type=_POSITIVE | list[FromSize]),
    AfterValidator(_complete),
    Field(description=_BY_SIZE),
]
WholeBySize = Annotated[
    list[WholeFromSize],
    BeforeValidator(_as_list, json_schema_input_type=Count | list[WholeFromSize]),
    AfterValidator(_complete),
    Field(description=_BY_SIZE),
]


def at_size(entries: list[Any], size: int) -> Any:
    """Return the value of the last entry with from <= size."""
    return [entry.value for entry in entries if entry.from_ <= size][-1]


def _distinct(values: list[Any]) -> list[Any]:
    """Refuse values that occur twice, or that a run's name could not tell apart."""
    written = [f"{value:.6g}" if isinstance(value, float) else str(value) for value in values]
    if len(set(written)) < len(written):
        raise ValueError("has a value twice; take one of them out")
    return values


Codes = Annotated[list[Text], Field(min_length=1), AfterValidator(_distinct)]
Counts = Annotated[list[Count], Field(min_length=1), AfterValidator(_distinct)]


def _form_of_sizes(value: Any) -> str:
    return "[by dataset]" if isinstance(value, Mapping) else "[all]"


SampleSizes = Annotated[
    Annotated[Counts, Tag("[all]")] | Annotated[dict[Text, Counts], Tag("[by dataset]")],
    Discriminator(_form_of_sizes),
]
Rates = Annotated[
    list[Annotated[Number, Field(gt=0)]], Field(min_length=1), AfterValidator(_distinct)
]


def _pretrain_size(value: Any) -> Any:
    if value != WHOLE and (type(value) is not int or value < 1):
        raise ValueError("is neither a number of crystals nor all")
    return value


PretrainSize = Annotated[
    int | str, BeforeValidator(_pretrain_size, json_schema_input_type=Count | Literal["all"])
]
if TYPE_CHECKING:  # a type checker cannot know what the tables hold
    StrategyName = str
    NetworkName = str
else:
    StrategyName = Literal[tuple(STRATEGIES)]
    NetworkName = Literal[tuple(SIZES)]
Pair = Annotated[list[Text], Field(min_length=2, max_length=2)]
Source = tuple[Text, PretrainSize]


# --- experiments -------------------------------------------------------------------------------


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
    network: Annotated[list[NetworkName], Field(min_length=1), AfterValidator(_distinct)] | None = (
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
    pretrain_sizes: Annotated[list[PretrainSize], Field(min_length=1), AfterValidator(_distinct)]
    """Numbers of crystals of the PT dataset, or all."""
    strategies: Annotated[list[StrategyName], Field(min_length=1), AfterValidator(_distinct)] = [
        "all"
    ]
    """What fine-tuning may change."""
    samplings: Annotated[list[Sampling], Field(min_length=1), AfterValidator(_distinct)] = [
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
    sources: list[Source]
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
    strategy: StrategyName = "mpt_new_head"
    """What fine-tuning may change."""
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
    models: Annotated[
        list[Literal["median", "forest", "kernel"]], Field(min_length=1), AfterValidator(_distinct)
    ] = ["median", "forest", "kernel"]
    """Which of them; a baseline trains on all crystals of a sample."""

    @property
    def targets(self) -> list[str]:
        """Datasets that they are tested on."""
        return self.datasets


Block = ScratchBlock | TransferBlock | MultiPropertyBlock | PropertyNumberBlock | UnseenBlock
"""An experiment of the grid: cells of runs."""


# --- the whole config --------------------------------------------------------------------------


class Cleaning(Checked):
    """Which datasets are fit for use."""

    max_rejected: Annotated[Number, Field(ge=0, le=1)] = 0.05
    """Share of rows that may be rejected before the workflow stops."""


class SplitBlock(Checked):
    """How test sets are drawn."""

    test_fraction: Share
    """Share of each dataset that is only tested on."""


class Imposed(Checked):
    """Splits to impose instead of drawing them."""

    samples: Text | None = None
    """JSON(.gz) {dataset: {trial: {size: [id, ...]}}}."""
    test_ids: Text | None = None
    """JSON(.gz) {dataset: [id, ...]}."""
    target_ranges: Text | None = None
    """CSV with the columns dataset, raw_min, raw_max."""


class Graphs(Checked):
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


class Training(Checked):
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
    cleaning: Cleaning = Cleaning()
    split: SplitBlock
    imposed: Imposed = Imposed()
    protocol: Text
    """Name of the protocol to follow."""
    protocols: dict[str, Protocol]
    """The protocols, by name."""
    graphs: Graphs
    model: Model = Model()
    training: Training
    figures: FigureBlock = FigureBlock()
    runs_per_gpu: Count
    """Trainings that share one GPU; more than 1 needs GPU shards."""
    shards_per_gpu: Count
    """Shards into which the cluster divides a GPU."""
    properties: Annotated[list[Text], AfterValidator(_distinct)] = []
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

"""A config: its types, how files are merged, and what must fit; one sentence per fault.

The types are the one source of the JSON schema (workflow/schemas) and of docs/configuration.md.
"""

from collections.abc import Iterable, Mapping
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, create_model

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
from crystal_transfer.datasets.registry import Dataset
from crystal_transfer.datasets.splits import pool_share
from crystal_transfer.errors import InputError
from crystal_transfer.models.sizes import SIZES, Sizes
from crystal_transfer.models.strategies import STRATEGIES, frees_nothing
from crystal_transfer.protocols import Protocol
from crystal_transfer.runs import IncompleteBatch, Loss, Order, Sampling
from crystal_transfer.training.settings import Device, Precision

SMALLEST_SAMPLE = 3  # crystals: two to train on and one to validate
WHOLE = "all"  # the PT size that takes a whole dataset
LARGEST_CONFIG = 10_000_000  # bytes; the paper's has 10,000


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


class _Block(Checked):
    sizes: Counts
    """Numbers of crystals in a sample, validation included."""
    trials: Counts = [1]
    """Numbers of the trials: each draws samples of its own."""
    max_lr: Rates | None = None
    """Peak learning rates, one run for each; that of `training` if left out."""
    batch_size: Counts | None = None
    """Batch sizes, one run for each; that of `training` if left out."""
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


Block = ScratchBlock | TransferBlock | MultiPropertyBlock | PropertyNumberBlock | UnseenBlock


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


class Training(Checked):
    """How models are trained."""

    device: Device
    """Where trainings run."""
    precision: Precision
    """Precision of matrix products."""
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


CodeKey = Annotated[str, Field(pattern=CODE)]
ExperimentName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class Config(Checked):
    """All keys of config.yaml."""

    results: Annotated[SomeText, AfterValidator(lambda path: str(Path(path)))]
    """Folder of all outputs."""
    mirror: Text | None = None
    """Folder that has the files to download already."""
    seed: Whole
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
        dict[ExperimentName, Annotated[Block, Field(discriminator="kind")]], Field(min_length=1)
    ]
    """What is trained: name -> block; nothing else is."""

    @property
    def switches(self) -> Protocol:
        """The chosen protocol."""
        return self.protocols[self.protocol]


# --- files -------------------------------------------------------------------------------------


class _StrictLoader(yaml.SafeLoader):
    """YAML in which no key occurs twice and every key of a mapping is text."""


def _strict_mapping(
    loader: _StrictLoader, node: yaml.MappingNode, deep: bool = False
) -> dict[Any, Any]:
    own = [key for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
    names = [str(loader.construct_object(key, deep=True)) for key in own]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise yaml.MarkedYAMLError(
            problem=f"the key '{twice}' occurs twice", problem_mark=node.start_mark
        )
    loader.flatten_mapping(node)
    return yaml.SafeLoader.construct_mapping(loader, node, deep=True)


_StrictLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _strict_mapping)


def read_config(path: str | Path) -> dict[str, Any]:
    """Read one config file.

    Raises
    ------
    InputError
        If it is missing, no text, no YAML, has a key twice or is no mapping.
    """
    path = Path(path)
    try:
        if path.exists() and not path.is_file():
            raise InputError(f"{path}: is not a file; name the config file itself.")
        if path.stat().st_size > LARGEST_CONFIG:
            raise InputError(f"{path}: is too large to be a config; name the config file.")
        content = yaml.load(path.read_text(encoding="utf-8-sig"), Loader=_StrictLoader)
    except FileNotFoundError:
        raise InputError(f"{path}: no such config; correct its name.") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: is not UTF-8 text; save it in that encoding.") from None
    except (yaml.YAMLError, RecursionError, ValueError, TypeError) as error:
        raise InputError(f"{path}: not valid YAML ({' '.join(str(error).split())}).") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise InputError(f"{path}: is not a mapping of keys to values; see config.yaml.")
    return content


def merge(configs: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Merge configs as Snakemake does: mappings key by key, all else replaced."""
    merged: dict[str, Any] = {}
    for content in configs:
        for key, value in content.items():
            both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
            merged[key] = merge([merged[key], value]) if both else value
    return merged


def over_defaults(defaults: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Lay a study's own config over the defaults.

    Mappings are merged key by key, but a study that names experiments runs these and no others.
    """
    if own.get("experiments") is not None:
        defaults = {key: value for key, value in defaults.items() if key != "experiments"}
    return merge([defaults, own])


# --- checks ------------------------------------------------------------------------------------


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


def check(config: Config, datasets: Mapping[str, Dataset]) -> None:
    """Check what types cannot: that the parts of a config fit each other.

    Parameters
    ----------
    config
        A config of the right types.
    datasets
        All known datasets, see `datasets.registry`.

    Raises
    ------
    InputError
        For the first fault.
    """
    _check_choice("protocol", config.protocol, config.protocols)
    for code in config.checkpoints:
        if code in datasets:
            raise InputError(
                f"config key checkpoints.{code}: there is a dataset of this name; choose another."
            )
    for code in config.properties:
        _check_choice("properties", code, datasets)
    for name, block in config.experiments.items():
        _check_experiment(f"experiments.{name}", block, config, datasets)
    if config.runs_per_gpu > 1 and config.shards_per_gpu % config.runs_per_gpu:
        raise InputError(
            f"config key runs_per_gpu: {config.runs_per_gpu} trainings cannot share "
            f"shards_per_gpu: {config.shards_per_gpu} evenly; choose a divisor of it."
        )


def _check_experiment(
    key: str, block: Block, config: Config, datasets: Mapping[str, Dataset]
) -> None:
    networks = block.network or [config.model.network]
    if "reference" in networks and config.graphs.compress:
        raise InputError(
            "config key graphs.compress: the network 'reference' cannot use compressed graphs; "
            "set graphs.compress to false."
        )
    origins = [*datasets, *config.checkpoints]
    match block:
        case ScratchBlock() | UnseenBlock():
            field = "datasets"
        case TransferBlock(pairs=pairs) if pairs is not None:
            field = "pairs"
        case _:
            field = "finetune"
    for code in block.targets:
        _check_choice(f"{key}.{field}", code, datasets)
    match block:
        case TransferBlock():
            _check_transfer(key, block, networks, datasets, origins)
        case UnseenBlock():
            for code, size in block.sources:
                _check_choice(f"{key}.sources", code, origins)
                _check_pretrain_size(f"{key}.sources", code, size, datasets)
        case PropertyNumberBlock():
            _check_properties(key, block, max(block.numbers), config)
        case MultiPropertyBlock():
            _check_properties(key, block, 1, config)
    for code, size in product(block.targets, block.sizes):
        _check_size(f"{key}.sizes", size, code, datasets, config)


def _check_transfer(
    key: str,
    block: TransferBlock,
    networks: Iterable[str],
    datasets: Mapping[str, Dataset],
    origins: list[str],
) -> None:
    by_lists = block.pretrain is not None and block.finetune is not None
    if (block.pairs is None) != by_lists or (block.pairs and (block.pretrain or block.finetune)):
        raise InputError(f"config key {key}: give either pairs, or both pretrain and finetune.")
    for code in block.pretrain or []:
        _check_choice(f"{key}.pretrain", code, origins)
    for source, target in block.pairs or []:
        _check_choice(f"{key}.pairs", source, origins)
        if source == target:
            raise InputError(
                f"config key {key}.pairs: {source} is both PT and FT dataset, which would train on "
                "what is tested; pair it with another dataset."
            )
    if not block.all_pairs:
        raise InputError(
            f"config key {key}: pretrain and finetune name one dataset, which is not paired with "
            "itself; name another one to pre-train on."
        )
    for code, size in product(dict.fromkeys(s for s, _ in block.all_pairs), block.pretrain_sizes):
        _check_pretrain_size(f"{key}.pretrain_sizes", code, size, datasets)
    for name, network in product(block.strategies, networks):
        if frees_nothing(STRATEGIES[name], network):
            raise InputError(
                f"config key {key}.strategies: '{name}' frees a part that the network '{network}' "
                "does not have; take it out."
            )


def _check_properties(
    key: str, block: MultiPropertyBlock | PropertyNumberBlock, needed: int, config: Config
) -> None:
    """Check that every target leaves properties to pre-train on."""
    for code in block.finetune:
        others = [other for other in config.properties if other != code]
        if len(others) < needed:
            raise InputError(
                f"config key {key}: without {code} itself the key properties leaves "
                f"{len(others)} to pre-train on; name more there."
            )


def _check_pretrain_size(
    key: str, code: str, size: int | str, datasets: Mapping[str, Dataset]
) -> None:
    if code not in datasets:
        return  # a checkpoint has no size
    rows = datasets[code].size
    if isinstance(size, str):
        if rows is None:
            raise InputError(
                f"config key {key}: the number of crystals of {code} is not known; add its `rows` "
                "to the key datasets, or give a number."
            )
        return
    if rows is not None and size > rows:
        raise InputError(
            f"config key {key}: {size} crystals are more than the {rows} of {code}; take a "
            f"smaller size or leave {code} out of pretrain."
        )
    _check_smallest(key, size)


def _check_size(
    key: str, size: int, code: str, datasets: Mapping[str, Dataset], config: Config
) -> None:
    _check_smallest(key, size)
    rows = datasets[code].size
    if rows is None or config.imposed.samples:
        return
    pool = pool_share(rows, config.split.test_fraction)
    if size > pool:
        raise InputError(
            f"config key {key}: a sample of {size} is larger than the pool of {code} "
            f"({pool} of {rows} crystals); take it out, or leave {code} out."
        )


def _check_smallest(key: str, size: int) -> None:
    if size < SMALLEST_SAMPLE:
        raise InputError(
            f"config key {key}: {size} is too few to divide into training and validation; use at "
            f"least {SMALLEST_SAMPLE}."
        )


def _check_choice(key: str, name: str, choices: Iterable[str]) -> None:
    if name not in choices:
        raise InputError(
            f"config key {key}: '{name}' is not known; use one of {', '.join(sorted(choices))}."
        )

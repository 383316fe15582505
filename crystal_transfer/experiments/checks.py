"""What types cannot check: that the parts of a config fit each other; one sentence per fault."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import get_args

from crystal_transfer.datasets.registry import Dataset
from crystal_transfer.errors import InputError
from crystal_transfer.experiments.blocks import (
    BaselineBlock,
    Block,
    MultiPropertyBlock,
    PropertyNumberBlock,
    ScratchBlock,
    TransferBlock,
    UnseenBlock,
)
from crystal_transfer.experiments.config import Config
from crystal_transfer.experiments.planner import known_pool
from crystal_transfer.experiments.values import BaselineName
from crystal_transfer.models.strategies import STRATEGIES, frees_nothing
from crystal_transfer.protocols import Scaling
from crystal_transfer.runs import Run, Sampling

NOT_CODES = (*get_args(BaselineName), "scratch")  # rows of figures beside PT datasets
SMALLEST_SAMPLE = 3  # crystals: two to train on and one to validate
# Experiments that figures look for by name: what may have several values there. Of the rest they
# show one value per PT dataset and FT dataset.
SEVERAL = {
    "scratch": ("sizes",),
    "pairwise": ("sizes",),
    "pairwise_sizes": ("sizes",),
    "multi_property": ("sizes",),
    "scratch_rates": ("sizes", "max_lr"),
    "scratch_epochs": ("sizes", "epochs"),
    "pretrain_size": ("sizes", "pretrain_sizes"),
    "best_size": ("sizes",),
    "strategies": ("sizes", "strategies"),
    "proposed": ("sizes", "strategies"),
    "sampling": ("samplings",),
    "learning_rate": ("max_lr",),
    "frozen_layers": ("max_lr", "strategies"),
    "property_number": ("numbers",),
    "jarvis2d": (),
}
# those that others are compared with, trained as the config key training says
USUAL = ("scratch", "pairwise", "pairwise_sizes", "multi_property")
# shown as one, by PT dataset
ONE_STRATEGY = ("pairwise", "pairwise_sizes")
AS_ONE = (ONE_STRATEGY, ("strategies", "proposed"))
VARIED = (
    "sizes", "max_lr", "batch_size", "epochs", "network", "pretrain_sizes", "strategies",
    "samplings", "numbers",
)  # fmt: skip


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
    imposed = config.imposed
    unknown = imposed.test_ids is None and imposed.target_ranges is None
    if imposed.samples and unknown and config.switches.scaling is Scaling.POOL:
        raise InputError(
            "config key imposed.samples: without test_ids every crystal may be tested on, and "
            "`scaling: pool` would take its range from all of them; impose target_ranges too, or "
            "take a protocol with `scaling: dataset`."
        )
    for key, codes in (("datasets", datasets), ("checkpoints", config.checkpoints)):
        for code in codes:
            if code in NOT_CODES:
                raise InputError(
                    f"config key {key}.{code}: figures call a baseline so; choose another name."
                )
    for code in config.checkpoints:
        if code in datasets:
            raise InputError(
                f"config key checkpoints.{code}: there is a dataset of this name; choose another."
            )
    for code in config.properties:
        _check_choice("properties", code, datasets)
    for name, block in config.grid.items():
        _check_experiment(f"experiments.{name}", block, config, datasets)
    for name, baseline in config.baselines.items():
        for code in baseline.datasets:
            _check_choice(f"experiments.{name}.datasets", code, datasets)
        _check_samples(f"experiments.{name}.sizes", baseline, datasets, config)
    for name, bundle in config.bundles.items():
        _check_choice(f"experiments.{name}.dataset", bundle.dataset, datasets)
        if bundle.source == "scratch" and bundle.strategy:
            raise InputError(
                f"config key experiments.{name}.strategy: a network that starts from scratch has "
                "nothing to keep; leave it out, or name a source."
            )
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
    _check_values(key, block, SEVERAL.get(key.removeprefix("experiments."), VARIED))
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
                if code in block.targets:
                    raise _tested_source(f"{key}.sources", code)
                _check_pretrain_size(f"{key}.sources", code, size, datasets)
            if config.properties:
                _check_properties(key, block, 1, config)
        case PropertyNumberBlock():
            _check_properties(key, block, max(block.numbers), config)
        case MultiPropertyBlock():
            _check_properties(key, block, 1, config)
    _check_samples(f"{key}.sizes", block, datasets, config)


def _check_values(key: str, block: Block, several: Sequence[str]) -> None:
    """Check that nothing else has several values, of sizes any dataset."""
    for field in (field for field in VARIED if field not in several):
        values = getattr(block, field, None)
        if isinstance(values, dict):
            values = max(values.values(), key=len)
        if values is not None and len(values) > 1:
            raise InputError(
                f"config key {key}.{field}: figures show one value of it in an experiment of "
                f"this name; keep one of {', '.join(map(str, values))}, and put the others in an "
                "experiment of another name."
            )


def check_grid(grid: Mapping[str, Sequence[Run]]) -> None:
    """Check that figures can compare the runs of the experiments they look for by name.

    Parameters
    ----------
    grid
        Experiment -> its runs.

    Raises
    ------
    InputError
        If two runs have one name, or runs that others are compared with are trained in another way
        than the usual one, share no trial with scratch, or have pairs of two PT sizes.
    """
    _check_names(grid)
    usual = {name: grid[name] for name in USUAL if name in grid}
    for name, run in ((name, run) for name, runs in usual.items() for run in runs):
        if run.variation or run.sampling is not Sampling.RANDOM:
            raise InputError(
                f"config key experiments.{name}: {run.id} is not trained as the key training says, "
                "and figures take runs of this experiment to be; change training or model.network "
                "instead, or give the experiment another name."
            )
    for names in AS_ONE:
        _check_pairs({name: grid[name] for name in names if name in grid})
    scratch = _trials(usual.pop("scratch", []))
    for name, runs in usual.items():
        for (code, size), trials in _trials(runs).items():
            own = scratch.get((code, size), trials)
            if not own & trials:
                raise InputError(
                    f"config key experiments.{name}.trials: shares no trial with the experiment "
                    f"scratch for {code} at n = {size}, so that nothing can be compared; take "
                    f"one of {', '.join(map(str, sorted(own)))} as well."
                )


def _check_names(grid: Mapping[str, Sequence[Run]]) -> None:
    """Check that no two runs write to one folder."""
    known: dict[str, tuple[str, Run]] = {}
    for name, run in ((name, run) for name, runs in grid.items() for run in runs):
        for each in filter(None, (run, run.source)):
            other, before = known.setdefault(each.id, (name, each))
            if each != before:
                raise InputError(
                    f"config key experiments.{name}: has another training of the name {each.id} "
                    f"than experiments.{other}; take equal values in both, or values that differ "
                    "in their first six digits."
                )


def _check_pairs(grid: Mapping[str, Sequence[Run]]) -> None:
    """Check that experiments that figures show as one have one PT size per PT dataset.

    Pairs also have one strategy.
    """
    known: dict[str, tuple[str, int]] = {}
    first: tuple[str, str] | None = None
    for name, run in ((name, run) for name, runs in grid.items() for run in runs):
        source = run.source
        assert source is not None, "a pair has a source"
        other, size = known.setdefault(source.dataset, (name, source.size))
        if source.size != size:
            raise InputError(
                f"config key experiments.{name}.pretrain_sizes: {source.size} crystals of "
                f"{source.dataset}, but {size} in experiments.{other}, and figures show both as "
                "one; take the same, or give the experiment another name."
            )
        if name in ONE_STRATEGY:
            first = first or (name, run.strategy)
            other, how = first
            if run.strategy != how:
                raise InputError(
                    f"config key experiments.{name}.strategies: {run.strategy}, but {how} in "
                    f"experiments.{other}, and figures show both as one; take the same, or give "
                    "the experiment another name."
                )


def check_baselines(
    baselines: Mapping[str, BaselineBlock], grid: Mapping[str, Sequence[Run]]
) -> None:
    """Check that baselines have the samples of the networks that figures show beside them.

    Raises
    ------
    InputError
        If a trial of these is missing.
    """
    networks = _trials(run for name in USUAL for run in grid.get(name, ()))
    for name, block in baselines.items():
        for code, size in block.samples:
            missing = networks.get((code, size), set()) - set(block.trials)
            if missing:
                raise InputError(
                    f"config key experiments.{name}.trials: networks are trained on trial "
                    f"{min(missing)} of {code} at n = {size}, and are compared with baselines on "
                    f"the same samples; add {', '.join(map(str, sorted(missing)))}."
                )


def _trials(runs: Iterable[Run]) -> dict[tuple[str, int], set[int]]:
    """Return the trials of every dataset and FT size."""
    found: dict[tuple[str, int], set[int]] = {}
    for run in runs:
        found.setdefault((run.dataset, run.size), set()).add(run.trial)
    return found


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
            raise _tested_source(f"{key}.pairs", source)
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


def _tested_source(key: str, code: str) -> InputError:
    return InputError(
        f"config key {key}: {code} is both PT and FT dataset, which would train on what is tested; "
        "pair it with another dataset."
    )


def _check_properties(
    key: str,
    block: MultiPropertyBlock | PropertyNumberBlock | UnseenBlock,
    needed: int,
    config: Config,
) -> None:
    """Check that every target leaves properties to pre-train on."""
    for code in block.targets:
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


def _check_samples(
    key: str, block: Block | BaselineBlock, datasets: Mapping[str, Dataset], config: Config
) -> None:
    """Check that every dataset has its sizes, and enough crystals for them."""
    if isinstance(block.sizes, dict):
        for code in block.sizes:
            if code not in block.targets:
                raise InputError(
                    f"config key {key}: has sizes for {code}, which the experiment is not tested "
                    f"on; take them out, or add {code} to its datasets."
                )
        for code in block.targets:
            if code not in block.sizes:
                raise InputError(
                    f"config key {key}: has no sizes for {code}; add them, or leave {code} out of "
                    "the experiment."
                )
    for code, size in block.samples:
        _check_size(key, size, code, datasets, config)


def _check_size(
    key: str, size: int, code: str, datasets: Mapping[str, Dataset], config: Config
) -> None:
    _check_smallest(key, size)
    pool = known_pool(datasets[code], config)
    if pool is None or config.imposed.samples:
        return
    if size > pool:
        raise InputError(
            f"config key {key}: a sample of {size} is larger than the pool of {code} "
            f"({pool} of {datasets[code].size} crystals); take it out, or leave {code} out."
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

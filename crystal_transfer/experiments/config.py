"""What a config must fulfil, checked before anything runs: one sentence per fault."""

from collections.abc import Iterable
from itertools import product
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from crystal_transfer.datasets.splits import pool_share
from crystal_transfer.errors import InputError
from crystal_transfer.experiments.grid import WHOLE, pairs_of
from crystal_transfer.models.strategies import STRATEGIES

SMALLEST_SAMPLE = 3  # crystals: two to train on and one to validate


def read_config(paths: Iterable[str | Path]) -> dict:
    """Merge config files as Snakemake does: mappings key by key, all else replaced.

    Raises
    ------
    InputError
        If a file is missing or no YAML.
    """
    merged: dict = {}
    for path in paths:
        try:
            content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise InputError(
                f"{path}: no such config; run the command in the project's folder."
            ) from None
        except yaml.YAMLError as error:
            raise InputError(f"{path}: not valid YAML ({' '.join(str(error).split())}).") from None
        _merge(merged, content or {})
    return merged


def _merge(base: dict, extra: dict) -> None:
    for key, value in extra.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            _merge(base[key], value)
        else:
            base[key] = value


def check_schema(config: dict, schema_path: str | Path) -> None:
    """Check a config against its JSON schema.

    Raises
    ------
    InputError
        For the fault that explains most, with the key it is in.
    """
    schema = yaml.safe_load(Path(schema_path).read_text(encoding="utf-8"))
    error = best_match(Draft202012Validator(schema).iter_errors(config))
    if error is None:
        return
    key = ".".join(map(str, error.absolute_path)) or "(top level)"
    hint = error.schema.get("description")
    raise InputError(f"config key {key}: {error.message}{f' - {hint}' if hint else ''}")


def check(config: dict, datasets: dict[str, dict]) -> None:
    """Check what a schema cannot: that the parts of a config fit each other.

    Parameters
    ----------
    config
        A config that fulfils its schema.
    datasets
        All known datasets, see `datasets.registry`.

    Raises
    ------
    InputError
        For the first fault.
    """
    _check_choice("protocol", config["protocol"], config["protocols"])
    for code in config.get("checkpoints", {}):
        if code in datasets:
            raise InputError(
                f"config key checkpoints.{code}: there is a dataset of this name; choose another."
            )
    for code in config["properties"]:
        _check_choice("properties", code, datasets)
    for name, block in config["experiments"].items():
        if block:
            _check_experiment(f"experiments.{name}", block, config, datasets)
    if config["training"]["backend"] == "alignn":
        _check_reference_backend(config)
    if config["runs_per_gpu"] > 1 and config["shards_per_gpu"] % config["runs_per_gpu"]:
        raise InputError(
            f"config key runs_per_gpu: {config['runs_per_gpu']} trainings cannot share "
            f"shards_per_gpu: {config['shards_per_gpu']} evenly; choose a divisor of it."
        )


def _check_experiment(key: str, block: dict, config: dict, datasets: dict[str, dict]) -> None:
    origins = [*datasets, *config.get("checkpoints", {})]
    choices = {
        "datasets": datasets,
        "finetune": datasets,
        "pretrain": origins,
        "strategies": STRATEGIES,
    }
    for field, known in choices.items():
        for value in block.get(field, []):
            _check_choice(f"{key}.{field}", value, known)
    if "strategies" in block:
        _check_pairs(key, block, datasets, origins)
        used = dict.fromkeys(code for code, _ in pairs_of(block))
        for code, size in product(used, block["pretrain_sizes"]):
            _check_pretrain_size(f"{key}.pretrain_sizes", code, size, datasets)
    elif "sources" in block:
        for code, size in block["sources"]:
            _check_choice(f"{key}.sources", code, origins)
            _check_pretrain_size(f"{key}.sources", code, size, datasets)
    elif "finetune" in block:
        _check_properties(key, block, config)
    targets = block.get("datasets") or block.get("finetune") or [ft for _, ft in block["pairs"]]
    for code, size in product(dict.fromkeys(targets), block["sizes"]):
        _check_size(f"{key}.sizes", size, code, datasets, config)


def _check_pairs(key: str, block: dict, datasets: dict, origins: list[str]) -> None:
    if "pairs" not in block and not {"pretrain", "finetune"} <= block.keys():
        raise InputError(f"config key {key}: give either pairs, or both pretrain and finetune.")
    for source, target in block.get("pairs", []):
        _check_choice(f"{key}.pairs", source, origins)
        _check_choice(f"{key}.pairs", target, datasets)
        if source == target:
            raise InputError(
                f"config key {key}.pairs: {source} is both PT and FT dataset, which would train on "
                "what is tested; pair it with another dataset."
            )


def _check_properties(key: str, block: dict, config: dict) -> None:
    """Check that every target leaves properties to pre-train on."""
    for code in block["finetune"]:
        others = [other for other in config["properties"] if other != code]
        if len(others) < max(block.get("numbers", [1])):
            raise InputError(
                f"config key {key}: without {code} itself the key properties leaves "
                f"{len(others)} to pre-train on; name more there."
            )


def _check_pretrain_size(key: str, code: str, size: int | str, datasets: dict) -> None:
    rows = _rows(datasets.get(code, {}))
    if code not in datasets:
        return  # a checkpoint has no size
    if size == WHOLE and rows is None:
        raise InputError(
            f"config key {key}: the number of crystals of {code} is not known; add its `rows` to "
            "the key datasets, or give a number."
        )
    if size == WHOLE:
        return
    if rows is not None and size > rows:
        raise InputError(
            f"config key {key}: {size} crystals are more than the {rows} of {code}; take a "
            f"smaller size or leave {code} out of pretrain."
        )
    _check_smallest(key, size)


def _check_size(key: str, size: int, code: str, datasets: dict, config: dict) -> None:
    _check_smallest(key, size)
    rows = _rows(datasets[code])
    if rows is None or config.get("imposed", {}).get("samples"):
        return
    pool = pool_share(rows, config["split"]["test_fraction"])
    if size > pool:
        raise InputError(
            f"config key {key}: a sample of {size} is larger than the pool of {code} "
            f"({pool} of {rows} crystals); take it out, or leave {code} out."
        )


def _check_reference_backend(config: dict) -> None:
    """Refuse what alignn's own network cannot do."""
    if config["graphs"]["compress"]:
        raise InputError(
            "config key graphs.compress: training.backend 'alignn' cannot use compressed graphs; "
            "set graphs.compress to false."
        )
    for name, block in config["experiments"].items():
        if block and (name != "scratch" and block.get("strategies") != ["all"]):
            raise InputError(
                f"config key experiments.{name}: training.backend 'alignn' knows only the strategy "
                "'all'; set the experiment to null or use the backend 'torch'."
            )


def rows_of(datasets: dict[str, dict]) -> dict[str, int | None]:
    """Give the number of crystals of every dataset, None where it is not known."""
    return {code: _rows(entry) for code, entry in datasets.items()}


def _rows(entry: dict) -> int | None:
    return entry.get("rows", entry.get("crystals"))


def _check_smallest(key: str, size: int) -> None:
    if size < SMALLEST_SAMPLE:
        raise InputError(
            f"config key {key}: {size} is too few to divide into training and validation; use at "
            f"least {SMALLEST_SAMPLE}."
        )


def _check_choice(key: str, name: str, choices) -> None:
    if name not in choices:
        raise InputError(
            f"config key {key}: '{name}' is not known; use one of {', '.join(sorted(choices))}."
        )

"""What a config must fulfil, checked before anything runs: one sentence per fault."""

from pathlib import Path

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from crystal_transfer.datasets.splits import pool_share
from crystal_transfer.errors import InputError
from crystal_transfer.experiments.grid import pairs_of

SMALLEST_SAMPLE = 3  # crystals: two to train on and one to validate


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


def check(config: dict, datasets: dict[str, dict], strategies: list[str]) -> None:
    """Check what a schema cannot: that the parts of a config fit each other.

    Parameters
    ----------
    config
        A config that fulfils its schema.
    datasets
        All known datasets, see `datasets.registry`.
    strategies
        Known names of fine-tuning strategies.

    Raises
    ------
    InputError
        For the first fault.
    """
    _check_choice("protocol", config["protocol"], config["protocols"])
    if config["training"]["backend"] == "alignn" and config["graphs"]["compress"]:
        raise InputError(
            "config key graphs.compress: training.backend 'alignn' cannot use compressed graphs; "
            "set graphs.compress to false."
        )
    for code in config.get("checkpoints", {}):
        if code in datasets:
            raise InputError(
                f"config key checkpoints.{code}: there is a dataset of this name; choose another."
            )
    experiments = config["experiments"]
    if experiments.get("scratch"):
        block = experiments["scratch"]
        for code in block["datasets"]:
            _check_choice("experiments.scratch.datasets", code, datasets)
            _check_sizes("experiments.scratch.sizes", block["sizes"], code, datasets, config)
    if experiments.get("pairwise"):
        _check_pairwise(experiments["pairwise"], config, datasets, strategies)


def _check_pairwise(
    block: dict, config: dict, datasets: dict[str, dict], strategies: list[str]
) -> None:
    key = "experiments.pairwise"
    if "pairs" not in block and not {"pretrain", "finetune"} <= block.keys():
        raise InputError(f"config key {key}: give either pairs, or both pretrain and finetune.")
    checkpoints = config.get("checkpoints", {})
    for code in block.get("pretrain", []):
        _check_choice(f"{key}.pretrain", code, [*datasets, *checkpoints])
    for code in block.get("finetune", []):
        _check_choice(f"{key}.finetune", code, datasets)
    for source, target in block.get("pairs", []):
        _check_choice(f"{key}.pairs", source, [*datasets, *checkpoints])
        _check_choice(f"{key}.pairs", target, datasets)
        if source == target:
            raise InputError(
                f"config key {key}.pairs: {source} is both PT and FT dataset, which would train on "
                "what is tested; pair it with another dataset."
            )
    for name in block["strategies"]:
        _check_choice(f"{key}.strategies", name, strategies)
    for source, target in pairs_of(block):
        _check_sizes(f"{key}.sizes", block["sizes"], target, datasets, config)
        for size in [] if source in checkpoints else block["pretrain_sizes"]:
            rows = datasets[source].get("rows", datasets[source].get("crystals"))
            if rows is not None and size > rows:
                raise InputError(
                    f"config key {key}.pretrain_sizes: {size} crystals are more than the {rows} of "
                    f"{source}; take a smaller size or leave {source} out of pretrain."
                )
            _check_smallest(f"{key}.pretrain_sizes", size)


def _check_sizes(key, sizes, code, datasets, config) -> None:
    rows = datasets[code].get("rows", datasets[code].get("crystals"))
    for size in sizes:
        _check_smallest(key, size)
        if rows is not None and not config.get("imposed", {}).get("samples"):
            pool = pool_share(rows, config["split"]["test_fraction"])
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


def _check_choice(key: str, name: str, choices) -> None:
    if name not in choices:
        raise InputError(
            f"config key {key}: '{name}' is not known; use one of {', '.join(sorted(choices))}."
        )

"""From the config to all runs of each experiment."""

from collections.abc import Iterator
from itertools import product

from crystal_transfer.experiments.runs import Hyperparameters, Run

PRETRAIN_TRIAL = 1  # a dataset is pre-trained on once per size, as in the paper


def by_size(value, size: int) -> float:
    """Look up a setting that may depend on the size: the last entry with from <= size."""
    if not isinstance(value, list):
        return value
    entries = sorted(value, key=lambda entry: entry["from"])
    fitting = [entry["value"] for entry in entries if entry["from"] <= size]
    return fitting[-1] if fitting else entries[0]["value"]


def hyperparameters(training: dict, kind: str, size: int) -> Hyperparameters:
    """Give the hyperparameters of a kind of run at a size."""
    block = training[kind]
    return Hyperparameters(
        epochs=int(by_size(block["epochs"], size)),
        batch_size=int(by_size(block["batch_size"], size)),
        max_lr=float(by_size(block["max_lr"], size)),
        loss=block["loss"],
        weight_decay=float(training["weight_decay"]),
        pct_start=float(training["pct_start"]),
    )


def pairs_of(block: dict) -> list[tuple[str, str]]:
    """List the (PT, FT) pairs of a pair-wise experiment; a dataset is not paired with itself."""
    if "pairs" in block:
        return [tuple(pair) for pair in block["pairs"]]
    return [pair for pair in product(block["pretrain"], block["finetune"]) if pair[0] != pair[1]]


def scratch_runs(config: dict) -> Iterator[Run]:
    """Every dataset x size x trial, without pre-training."""
    block = config["experiments"]["scratch"]
    for code, size, trial in product(block["datasets"], block["sizes"], block["trials"]):
        settings = hyperparameters(config["training"], "scratch", size)
        yield Run("scratch", code, size, trial, settings)


def pairwise_runs(config: dict) -> Iterator[Run]:
    """Every PT x FT pair x PT size x FT size x strategy x trial."""
    block = config["experiments"]["pairwise"]
    for source_code, target in pairs_of(block):
        for source, size, strategy, trial in product(
            sources(config, source_code, block["pretrain_sizes"]),
            block["sizes"],
            block["strategies"],
            block["trials"],
        ):
            settings = hyperparameters(config["training"], "finetune", size)
            yield Run("finetune", target, size, trial, settings, source, strategy)


def sources(config: dict, code: str, sizes: list[int]) -> list[Run]:
    """Give what a fine-tuning may start from: a checkpoint, or a pre-training per size."""
    if code in config.get("checkpoints", {}):
        return [Run("checkpoint", code, 0, PRETRAIN_TRIAL, None)]
    return [
        Run(
            "pretrain", code, size, PRETRAIN_TRIAL,
            hyperparameters(config["training"], "pretrain", size),
        )
        for size in sizes
    ]  # fmt: skip


EXPERIMENTS = {"scratch": scratch_runs, "pairwise": pairwise_runs}


def experiments(config: dict) -> dict[str, list[Run]]:
    """Give the runs of every experiment, without the pre-trainings they start from."""
    wanted = [name for name, block in config["experiments"].items() if block]
    return {name: list(EXPERIMENTS[name](config)) for name in wanted}


def all_runs(grid: dict[str, list[Run]]) -> dict[str, Run]:
    """Give every run by id, each once, with the pre-trainings they start from."""
    runs = {}
    for run in (run for members in grid.values() for run in members):
        if run.source is not None and run.source.kind != "checkpoint":
            runs[run.source.id] = run.source
        runs[run.id] = run
    return runs

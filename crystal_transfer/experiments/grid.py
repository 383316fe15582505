"""From the config to all runs of each experiment."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product

from crystal_transfer.experiments.runs import Hyperparameters, Run

PRETRAIN_TRIAL = 1  # a dataset is pre-trained on once per size, as in the paper
WHOLE = "all"  # the PT size that takes a whole dataset
TRANSFERS = (  # experiments that are pre-training on one dataset, fine-tuning to another
    "pairwise", "pretrain_size", "best_size", "strategies", "sampling", "learning_rate",
    "frozen_layers", "proposed",
)  # fmt: skip


def by_size(value, size: int) -> float:
    """Look up a setting that may depend on the size: the last entry with from <= size."""
    if not isinstance(value, list):
        return value
    entries = sorted(value, key=lambda entry: entry["from"])
    fitting = [entry["value"] for entry in entries if entry["from"] <= size]
    return fitting[-1] if fitting else entries[0]["value"]


def hyperparameters(config: dict, kind: str, size: int) -> Hyperparameters:
    """Give the hyperparameters of a kind of run at a size."""
    training = config["training"]
    block = training[kind]
    same_loss = config["protocols"][config["protocol"]]["loss"] == "same"
    return Hyperparameters(
        epochs=int(by_size(block["epochs"], size)),
        batch_size=int(by_size(block["batch_size"], size)),
        max_lr=float(by_size(block["max_lr"], size)),
        loss=(training["scratch"] if same_loss else block)["loss"],
        weight_decay=float(training["weight_decay"]),
        pct_start=float(training["pct_start"]),
    )


def pairs_of(block: dict) -> list[tuple[str, str]]:
    """List the (PT, FT) pairs of a transfer; a dataset is not paired with itself."""
    if "pairs" in block:
        return [tuple(pair) for pair in block["pairs"]]
    return [pair for pair in product(block["pretrain"], block["finetune"]) if pair[0] != pair[1]]


def source(config: dict, rows: dict[str, int | None], code: str, size: int | str) -> Run:
    """Give what a fine-tuning starts from: a checkpoint, or a pre-training.

    Parameters
    ----------
    config
        The study.
    rows
        Code -> number of crystals as published, for the size `WHOLE`.
    code, size
        PT dataset, or name of a checkpoint; PT size.
    """
    if code in config.get("checkpoints", {}):
        return Run("checkpoint", code, 0, PRETRAIN_TRIAL, None)
    number = rows[code] if size == WHOLE else size
    return Run(
        "pretrain", code, number, PRETRAIN_TRIAL, hyperparameters(config, "pretrain", number)
    )


def multi_source(config: dict, properties: tuple[str, ...]) -> Run:
    """Give the pre-training on several properties, named after those that it leaves out."""
    every = config["properties"]
    missing = [code for code in every if code not in properties]
    name = {0: "all", 1: "no-" + "".join(missing)}.get(len(missing), "-".join(properties))
    settings = hyperparameters(config, "multipretrain", 0)
    return Run("multipretrain", f"MPT-{name}", 0, PRETRAIN_TRIAL, settings, properties=properties)


def finetune(config: dict, origin: Run, target: str, size: int, trial: int, strategy: str) -> Run:
    """Give a fine-tuning with the study's usual hyperparameters."""
    kind = "multifinetune" if origin.kind == "multipretrain" else "finetune"
    settings = hyperparameters(config, kind, size)
    return Run("finetune", target, size, trial, settings, origin, strategy)


def with_max_lr(run: Run, max_lr: float | None) -> Run:
    """Change the learning rate of a run; its name says so unless it is the usual one."""
    if max_lr is None or max_lr == run.hyperparameters.max_lr:
        return run
    digits, exponent = f"{max_lr:e}".split("e")
    number = f"{digits.rstrip('0').rstrip('.')}e{int(exponent)}".replace(".", "p")
    settings = replace(run.hyperparameters, max_lr=float(max_lr))
    return replace(run, hyperparameters=settings, variation=f"lr{number}")


def scratch_runs(config: dict, block: dict) -> Iterator[Run]:
    """Every dataset x size x trial, without pre-training."""
    for code, size, trial in product(block["datasets"], block["sizes"], block["trials"]):
        yield Run("scratch", code, size, trial, hyperparameters(config, "scratch", size))


def transfer_runs(config: dict, block: dict, rows: dict) -> Iterator[Run]:
    """Every pair x PT size x FT size x strategy x sampling x learning rate x trial."""
    for code, target in pairs_of(block):
        sizes = block["pretrain_sizes"][: 1 if code in config.get("checkpoints", {}) else None]
        for pt_size, size, strategy, sampling, max_lr, trial in product(
            sizes,
            block["sizes"],
            block["strategies"],
            block.get("samplings", ["random"]),
            block.get("max_lr", [None]),
            block["trials"],
        ):
            origin = source(config, rows, code, pt_size)
            run = finetune(config, origin, target, size, trial, strategy)
            yield with_max_lr(replace(run, sampling=sampling), max_lr)


def multi_property_runs(config: dict, block: dict) -> Iterator[Run]:
    """Fine-tuning from all properties but the target's own."""
    for target, size, trial in product(block["finetune"], block["sizes"], block["trials"]):
        properties = tuple(code for code in config["properties"] if code != target)
        origin = multi_source(config, properties)
        yield finetune(config, origin, target, size, trial, "mpt_new_head")


def property_number_runs(config: dict, block: dict) -> Iterator[Run]:
    """Fine-tuning from the first k properties but the target's own, for several k."""
    for target, number, size, trial in product(
        block["finetune"], block["numbers"], block["sizes"], block["trials"]
    ):
        others = [code for code in config["properties"] if code != target]
        origin = multi_source(config, tuple(others[:number]))
        yield finetune(config, origin, target, size, trial, "mpt_new_head")


def unseen_runs(config: dict, block: dict, rows: dict) -> Iterator[Run]:
    """Datasets that no choice was made on: scratch, chosen PT models, all properties."""
    yield from scratch_runs(config, block)
    for target, size, trial in product(block["datasets"], block["sizes"], block["trials"]):
        for code, pt_size in block["sources"]:
            yield finetune(config, source(config, rows, code, pt_size), target, size, trial, "all")
        if config.get("properties"):
            origin = multi_source(config, tuple(c for c in config["properties"] if c != target))
            yield finetune(config, origin, target, size, trial, "mpt_new_head")


def experiments(config: dict, rows: dict[str, int | None]) -> dict[str, list[Run]]:
    """Give the runs of every experiment, without the pre-trainings they start from.

    Parameters
    ----------
    config
        A checked config.
    rows
        Code -> number of crystals as published, None where it is not known.
    """
    expansions: dict[str, Callable[[dict], Iterator[Run]]] = {
        "scratch": lambda block: scratch_runs(config, block),
        "multi_property": lambda block: multi_property_runs(config, block),
        "property_number": lambda block: property_number_runs(config, block),
        "jarvis2d": lambda block: unseen_runs(config, block, rows),
    }
    expansions |= dict.fromkeys(TRANSFERS, lambda block: transfer_runs(config, block, rows))
    return {
        name: list(dict.fromkeys(expansions[name](block)))
        for name, block in config["experiments"].items()
        if block
    }


def all_runs(grid: dict[str, list[Run]]) -> dict[str, Run]:
    """Give every run by id, each once, with the pre-trainings they start from."""
    runs = {}
    for run in (run for members in grid.values() for run in members):
        if run.source is not None and run.source.kind != "checkpoint":
            runs[run.source.id] = run.source
        runs[run.id] = run
    return runs

"""The kinds of experiments: each a function from the block of a config to runs."""

from collections.abc import Callable, Iterator
from itertools import product

from crystal_transfer.experiments.blocks import (
    Block,
    MultiPropertyBlock,
    PropertyNumberBlock,
    ScratchBlock,
    TransferBlock,
    UnseenBlock,
)
from crystal_transfer.experiments.planner import Planner, variants
from crystal_transfer.runs import Run


def scratch(planner: Planner, block: ScratchBlock | UnseenBlock) -> Iterator[Run]:
    """Train every dataset x size x trial without pre-training."""
    for variant, (code, size), trial in product(variants(block), block.samples, block.trials):
        yield planner.scratch(code, size, trial, variant)


def transfer(planner: Planner, block: TransferBlock) -> Iterator[Run]:
    """Fine-tune every pair x PT size x FT size x strategy x sampling x variant x trial."""
    for code, target in block.all_pairs:
        # a checkpoint has no size
        known = code in planner.config.checkpoints
        for pt_size, size, strategy, sampling, variant, trial in product(
            block.pretrain_sizes[: 1 if known else None],
            block.sizes_of(target),
            block.strategies,
            block.samplings,
            list(variants(block)),
            block.trials,
        ):
            origin = planner.source(code, pt_size, variant)
            run = planner.finetune(origin, target, size, trial, strategy, variant)
            yield planner.sampled(run, sampling)


def multi_property(planner: Planner, block: MultiPropertyBlock) -> Iterator[Run]:
    """Fine-tune from all properties but the target's own."""
    for variant, (target, size), trial in product(variants(block), block.samples, block.trials):
        origin = planner.all_but(target, variant)
        yield planner.finetune(origin, target, size, trial, "mpt_new_head", variant)


def property_number(planner: Planner, block: PropertyNumberBlock) -> Iterator[Run]:
    """Fine-tune from the first k properties but the target's own, for several k."""
    for variant, (target, size), number, trial in product(
        variants(block), block.samples, block.numbers, block.trials
    ):
        origin = planner.all_but(target, variant, most=number)
        yield planner.finetune(origin, target, size, trial, "mpt_new_head", variant)


def unseen(planner: Planner, block: UnseenBlock) -> Iterator[Run]:
    """Datasets that no choice was made on: scratch, chosen PT models, all properties."""
    yield from scratch(planner, block)
    for variant, (target, size), trial in product(variants(block), block.samples, block.trials):
        for code, pt_size in block.sources:
            origin = planner.source(code, pt_size, variant)
            yield planner.finetune(origin, target, size, trial, "all", variant)
        if planner.config.properties:
            origin = planner.all_but(target, variant)
            yield planner.finetune(origin, target, size, trial, "mpt_new_head", variant)


EXPANSIONS: dict[str, Callable[..., Iterator[Run]]] = {
    "scratch": scratch,
    "transfer": transfer,
    "multi_property": multi_property,
    "property_number": property_number,
    "unseen": unseen,
}


def runs_of(planner: Planner, block: Block) -> list[Run]:
    """Return the runs of an experiment, without the pre-trainings they start from."""
    return list(dict.fromkeys(EXPANSIONS[block.kind](planner, block)))

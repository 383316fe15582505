"""Strategies: what fine-tuning may change, by the parts of a network; planning needs no PyTorch."""

from dataclasses import dataclass

from crystal_transfer.models.sizes import BODY, SIZES


@dataclass(frozen=True)
class Head:
    """A new output network.

    Attributes
    ----------
    hidden
        Widths of its hidden layers.
    activated
        Whether SiLU is applied to the pooled features first, as in multi-property models.
    linear
        Whether the layers follow each other without SiLU between them, as in the published files
        of strategy 2.
    """

    hidden: tuple[int, ...]
    activated: bool = False
    linear: bool = False


@dataclass(frozen=True)
class Strategy:
    """What happens to a pre-trained network.

    Attributes
    ----------
    trainable
        Parts that may change, the head aside, which always may.
    head
        The output network that replaces the pre-trained one; None keeps that.
    """

    trainable: tuple[str, ...]
    head: Head | None = None


# 256-64-1 and SiLU, 256-128, SiLU, 128-128, SiLU, 128-1: published files of Devi et al. 2024
SMALL_HEAD = Head((64,), linear=True)
MULTI_HEAD = Head((128, 128), activated=True)

STRATEGIES = {
    # strategies 1 to 4 of the paper
    "all": Strategy(BODY),
    "new_head": Strategy((), SMALL_HEAD),
    "last_layer": Strategy(()),
    "two_body": Strategy(("two_body",)),
    "three_body": Strategy(("three_body",)),
    # of its study of hyperparameters: the first part, or all six before the output, frozen
    "freeze_1": Strategy(BODY[1:], SMALL_HEAD),
    "freeze_6": Strategy((), SMALL_HEAD),
    # proposed there, not done
    "all_new_head": Strategy(BODY, SMALL_HEAD),
    # after pre-training on several properties
    "mpt_new_head": Strategy(BODY, MULTI_HEAD),
}


def frees_nothing(strategy: Strategy, network: str) -> bool:
    """Return whether a network lacks every part that a strategy frees."""
    return bool(strategy.trainable) and not set(strategy.trainable) & set(SIZES[network].parts)

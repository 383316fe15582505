"""Strategies: what fine-tuning may change, as names and sizes, so that planning needs no torch."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Head:
    """A new output network.

    Attributes
    ----------
    hidden
        Widths of its hidden layers, SiLU after each.
    activated
        Whether SiLU is applied to the pooled features first, as in multi-property models.
    """

    hidden: tuple[int, ...]
    activated: bool = False


@dataclass(frozen=True)
class Strategy:
    """What happens to a pre-trained model.

    Attributes
    ----------
    trainable
        Regular expression of the names of the parameters that may change.
    head
        The output network that replaces the pre-trained one; None keeps that.
    """

    trainable: str
    head: Head | None = None


EVERYTHING = r".*"
OUTPUT = r"fc\..*"
SMALL_HEAD = Head((64,))

STRATEGIES = {
    # strategies 1 to 4 of the paper
    "all": Strategy(EVERYTHING),
    "new_head": Strategy(OUTPUT, SMALL_HEAD),
    "last_layer": Strategy(OUTPUT),
    "two_body": Strategy(r"(alignn_layers\.\d+\.node_update|gcn_layers|fc)\..*"),
    "three_body": Strategy(r"(alignn_layers\.\d+\.edge_update|fc)\..*"),
    # of its study of hyperparameters: the first module, or all six before the output, frozen
    "freeze_1": Strategy(r"(?!atom_embedding\.).*", SMALL_HEAD),
    "freeze_6": Strategy(OUTPUT, SMALL_HEAD),
    # proposed there, not done
    "all_new_head": Strategy(EVERYTHING, SMALL_HEAD),
    # after pre-training on several properties
    "mpt_new_head": Strategy(EVERYTHING, Head((128, 64), activated=True)),
}

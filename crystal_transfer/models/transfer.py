"""From pre-trained weights to a model that is ready to be fine-tuned."""

import re
from pathlib import Path

from torch import Tensor, nn

from crystal_transfer.models.checkpoints import initialise
from crystal_transfer.models.heads import new_head
from crystal_transfer.models.strategies import Strategy

HEAD = "fc."  # names of the parameters of the output network begin with it


def transfer(
    model: nn.Module, weights: dict[str, Tensor], strategy: Strategy, origin: str | Path
) -> None:
    """Copy pre-trained weights into a model, replace its head and freeze what must not change.

    Parameters
    ----------
    model
        An untrained model; changed in place.
    weights
        Of a pre-training or a published checkpoint, by name. With a new head, the output network
        in them is left out, whatever it is.
    strategy
        What fine-tuning may change.
    origin
        Where the weights come from, for errors.

    Raises
    ------
    InputError
        If the weights are not those of such a model.
    """
    if strategy.head is None:
        initialise(model, weights, origin)
    else:
        head = new_head(strategy.head, model.fc.in_features)
        model.fc = nn.Identity()
        body = {name: value for name, value in weights.items() if not name.startswith(HEAD)}
        initialise(model, body, origin)
        model.fc = head
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(re.fullmatch(strategy.trainable, name) is not None)


def frozen_norms(model: nn.Module) -> list[nn.BatchNorm1d]:
    """List the norms whose parameters are all frozen."""
    return [
        module
        for module in model.modules()
        if isinstance(module, nn.BatchNorm1d)
        and not any(parameter.requires_grad for parameter in module.parameters())
    ]

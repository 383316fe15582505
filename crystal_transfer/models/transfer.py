"""From pre-trained weights to a network that is ready to be fine-tuned."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from crystal_transfer.errors import InputError
from crystal_transfer.models.contract import Network
from crystal_transfer.models.heads import new_head
from crystal_transfer.models.saved import SavedModel
from crystal_transfer.models.sizes import HEAD
from crystal_transfer.models.strategies import Head, Strategy
from crystal_transfer.models.weights import initialise

HEAD_PREFIX = "fc."  # names of the parameters of the output network begin with it


def transfer(
    network: Network, weights: Mapping[str, Tensor], strategy: Strategy, origin: str | Path
) -> None:
    """Copy pre-trained weights into a network, replace its head and freeze what must not change.

    Parameters
    ----------
    network
        An untrained network; changed in place.
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
        If the weights are not those of such a network.
    """
    if strategy.head is None:
        initialise(network, weights, origin)
    else:
        head = new_head(strategy.head, network.features)
        network.fc = nn.Identity()
        body = {name: value for name, value in weights.items() if not name.startswith(HEAD_PREFIX)}
        initialise(network, body, origin)
        network.fc = head
    for part, modules in network.every_part().items():
        for module in modules:
            module.requires_grad_(part == HEAD or part in strategy.trainable)


def transfer_saved(
    network: Network, source: SavedModel, strategy: Strategy, origin: str | Path
) -> Head:
    """Do the same with a saved model, and return what output network there is then.

    Parameters
    ----------
    network, strategy, origin
        As of `transfer`.
    source
        The pre-trained network.

    Raises
    ------
    InputError
        If the weights are not those of such a network, or `require_output` refuses.
    """
    require_output(source, strategy, origin)
    if strategy.head is None:
        network.fc = new_head(source.head, network.features)
    transfer(network, source.tensors, strategy, origin)
    return strategy.head or source.head


def require_output(source: SavedModel, strategy: Strategy, origin: str | Path) -> None:
    """See that a strategy that keeps the output network finds one, for one property.

    Raises
    ------
    InputError
        If the source has several outputs.
    """
    if strategy.head is None and len(source.scalers) > 1:
        raise InputError(
            f"{origin}: has {len(source.scalers)} properties ({', '.join(source.scalers)}), so its "
            "output cannot be kept; take a strategy with a new head, such as mpt_new_head."
        )


def frozen_norms(network: nn.Module) -> list[nn.BatchNorm1d]:
    """List the norms whose parameters are all frozen."""
    return [
        module
        for module in network.modules()
        if isinstance(module, nn.BatchNorm1d)
        and not any(parameter.requires_grad for parameter in module.parameters())
    ]

"""Strategies: what fine-tuning may change."""

from collections.abc import Callable

from torch import nn

STRATEGIES: dict[str, Callable[[nn.Module], None]] = {}


def strategy(function: Callable[[nn.Module], None]) -> Callable[[nn.Module], None]:
    """Make a function that prepares a pre-trained model known by its name."""
    STRATEGIES[function.__name__.strip("_")] = function
    return function


@strategy
def all_(model: nn.Module) -> None:
    """Every parameter may change (strategy 1 of the paper)."""


def frozen_norms(model: nn.Module) -> list[nn.BatchNorm1d]:
    """List the norms whose parameters are all frozen."""
    return [
        module
        for module in model.modules()
        if isinstance(module, nn.BatchNorm1d)
        and not any(parameter.requires_grad for parameter in module.parameters())
    ]

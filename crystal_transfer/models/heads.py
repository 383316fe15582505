"""Output networks: from the pooled features of a crystal to properties."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from crystal_transfer.errors import InputError
from crystal_transfer.models.strategies import MULTI_HEAD, Head


def perceptron(widths: Sequence[int], between: type[nn.Module] | None = nn.SiLU) -> nn.Sequential:
    """Return linear layers of the given widths, with an activation between them or none."""
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        if layers and between is not None:
            layers.append(between())
        layers.append(nn.Linear(before, after))
    return nn.Sequential(*layers)


def new_head(head: Head, features: int) -> nn.Module:
    """Return an output network for one property, [n_crystals, features] -> [n_crystals, 1]."""
    if not head.hidden and not head.activated:
        return nn.Linear(features, 1)
    network = perceptron((features, *head.hidden, 1), None if head.linear else nn.SiLU)
    return nn.Sequential(nn.SiLU(), *network) if head.activated else network


def build_head(head: Head, features: int, properties: Sequence[str]) -> nn.Module:
    """Return an output network for one property, or with a part for each of several."""
    if len(properties) > 1:
        return PropertyHeads(features, properties, head)
    return new_head(head, features)


class PropertyHeads(nn.Module):
    """One small network per property on shared features.

    Pooled features -> SiLU -> per property: linear layers with SiLU between them (Devi et al. 2024,
    Fig. 3; the widths are inferred: the published fine-tuning files load such a network strictly).
    """

    def __init__(self, features: int, properties: Sequence[str], head: Head = MULTI_HEAD):
        super().__init__()
        for code in properties:
            if hasattr(nn.ModuleDict, code):
                raise InputError(
                    f"{code}: PyTorch has this name itself, so that it cannot be the code of one "
                    "of several properties of a model; give the dataset another, say with capitals."
                )
        self.heads = nn.ModuleDict(
            {code: perceptron((features, *head.hidden, 1)) for code in properties}
        )

    def forward(self, pooled: Tensor) -> Tensor:
        """Return all properties, [n_crystals, n_properties]."""
        shared = nn.functional.silu(pooled)
        return torch.cat([head(shared) for head in self.heads.values()], dim=1)

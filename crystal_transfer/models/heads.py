"""Output networks: from the pooled features of a crystal to properties."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from crystal_transfer.models.strategies import Head

PROPERTY_HIDDEN = 128  # width of each property's own layer; Devi et al. 2024, Methods
PROPERTY_HEAD = Head((PROPERTY_HIDDEN,), activated=True)


def perceptron(widths: Sequence[int]) -> nn.Sequential:
    """Return linear layers of the given widths with SiLU between them."""
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), nn.SiLU()]
    return nn.Sequential(*layers[:-1])


def new_head(head: Head, features: int) -> nn.Module:
    """Return an output network for one property, [n_crystals, features] -> [n_crystals, 1]."""
    if not head.hidden and not head.activated:
        return nn.Linear(features, 1)
    network = perceptron((features, *head.hidden, 1))
    return nn.Sequential(nn.SiLU(), *network) if head.activated else network


def build_head(head: Head, features: int, properties: Sequence[str]) -> nn.Module:
    """Return an output network for one property, or with a part for each of several."""
    if len(properties) > 1:
        return PropertyHeads(features, properties, head)
    return new_head(head, features)


class PropertyHeads(nn.Module):
    """One small network per property on shared features.

    Pooled features -> SiLU -> per property: linear, SiLU, linear (Devi et al. 2024, Fig. 3).
    """

    def __init__(self, features: int, properties: Sequence[str], head: Head = PROPERTY_HEAD):
        super().__init__()
        self.heads = nn.ModuleDict(
            {code: perceptron((features, *head.hidden, 1)) for code in properties}
        )

    def forward(self, pooled: Tensor) -> Tensor:
        """Return all properties, [n_crystals, n_properties]."""
        shared = nn.functional.silu(pooled)
        return torch.cat([head(shared) for head in self.heads.values()], dim=1)

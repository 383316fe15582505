"""What a network must offer, so that every strategy, training and prediction works with it."""

import torch
from torch import Tensor, nn

from crystal_transfer.graphs.batches import Batch
from crystal_transfer.models.sizes import HEAD


class Network(nn.Module):
    """Crystals to a vector each, and from there to properties.

    A network of one's own is a subclass with `embed` and `parts`, its sizes in `models.sizes` and a
    line in `models.networks`. `broken_promises` tells what it lacks.

    Attributes
    ----------
    species_features
        Input features of the elements by atomic number, [n_species, n_features]. Constants of the
        data, not weights: they are left out of the state dict.
    features
        Width of the vectors that `embed` returns.
    fc
        The output network, named as in alignn.
    recordable
        Whether a step can be recorded as a CUDA graph: nothing that the network does on a GPU waits
        for a value there.
    """

    recordable: bool = True
    species_features: Tensor
    fc: nn.Module

    def __init__(self, species_features: Tensor, features: int):
        super().__init__()
        self.register_buffer("species_features", species_features, persistent=False)
        self.features = features

    def embed(self, batch: Batch) -> Tensor:
        """Return a vector per crystal, [n_crystals, features]."""
        raise NotImplementedError

    def parts(self) -> dict[str, list[nn.Module]]:
        """Return the modules of each part but the head, by the names in `models.sizes`."""
        raise NotImplementedError

    def every_part(self) -> dict[str, list[nn.Module]]:
        """Return the modules of each part, the head included."""
        return self.parts() | {HEAD: [self.fc]}

    def forward(self, batch: Batch) -> Tensor:
        """Predict (scaled) properties, [n_crystals, n_properties]."""
        output: Tensor = self.fc(self.embed(batch))
        return output


def broken_promises(network: Network, parts: tuple[str, ...], batch: Batch) -> list[str]:
    """List in which ways a network does not keep the contract; none if it does.

    Parameters
    ----------
    network
        Any network, untrained.
    parts
        Names of its parts, in `models.sizes`.
    batch
        Any crystals.
    """
    faults = []
    found = network.every_part()
    if set(found) != set(parts):
        faults.append(f"its parts are {sorted(found)}, its sizes say {sorted(parts)}")
    owners: dict[int, list[str]] = {}
    for part, modules in found.items():
        for module in modules:
            for parameter in module.parameters():
                owners.setdefault(id(parameter), []).append(part)
    for name, parameter in network.named_parameters():
        if len(owners.get(id(parameter), [])) != 1:
            faults.append(f"parameter {name} is in the parts {owners.get(id(parameter), [])}")
    with torch.no_grad():
        pooled, output = network.eval().embed(batch), network(batch)
    n_crystals = len(batch.mean_over_atoms)
    if pooled.shape != (n_crystals, network.features):
        faults.append(f"embed returns {list(pooled.shape)}")
    if output.shape != (n_crystals, 1):
        faults.append(f"forward returns {list(output.shape)}")
    return faults

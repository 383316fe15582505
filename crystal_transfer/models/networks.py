"""Networks by name; their sizes stand in `models.sizes`."""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from crystal_transfer.models.alignn import ALIGNN
from crystal_transfer.models.cgcnn import CGCNN
from crystal_transfer.models.contract import Network
from crystal_transfer.models.reference import ReferenceALIGNN
from crystal_transfer.models.sizes import Sizes

NETWORKS: dict[str, Callable[[Any, Tensor], Network]] = {
    "alignn": ALIGNN,
    "cgcnn": CGCNN,
    "reference": ReferenceALIGNN,
}


def build_network(name: str, sizes: Sizes, species_features: Tensor) -> Network:
    """Return an untrained network that predicts one property.

    Parameters
    ----------
    name
        One of `NETWORKS`.
    sizes
        Its sizes.
    species_features
        Input features of the elements by atomic number, [n_species, n_features].
    """
    return NETWORKS[name](sizes, species_features)

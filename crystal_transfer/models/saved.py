"""A trained model that stands alone: from structures to properties, without the study's files."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from crystal_transfer import __version__
from crystal_transfer.datasets.scaling import Scaler
from crystal_transfer.errors import InputError
from crystal_transfer.models.contract import Network
from crystal_transfer.models.heads import build_head
from crystal_transfer.models.networks import build_network
from crystal_transfer.models.sizes import SIZES, Sizes
from crystal_transfer.models.strategies import Head
from crystal_transfer.models.tensors import SPECIES_FEATURES, load_tensors, save_tensors
from crystal_transfer.models.weights import initialise
from crystal_transfer.protocols import BondRule
from crystal_transfer.species import SYMBOLS

FORMAT = 1  # raise it when an older version could not read the file any more
METADATA = "crystal_transfer"  # key of the file's metadata


@dataclass(frozen=True)
class SavedModel:
    """A trained network and all that prediction needs besides structures.

    Attributes
    ----------
    network
        Name of the network, see `models.networks`.
    sizes
        Its sizes.
    head
        Its output network.
    scalers
        Code of each property that it predicts -> range of its targets, in the order of the output.
    bond_rule
        The rule by which the bonds of its crystals were found, see `graphs.neighbours`.
    tensors
        Its weights by name.
    species_features
        Input features of the elements by atomic number, [n_species, n_features].
    """

    network: str
    sizes: Sizes
    head: Head
    scalers: Mapping[str, Scaler]
    bond_rule: str
    tensors: Mapping[str, Tensor]
    species_features: Tensor

    def build(self, origin: str | Path = "") -> Network:
        """Return the network with its weights.

        Parameters
        ----------
        origin
            Where they come from, for errors; the properties where it is not said.

        Raises
        ------
        InputError
            If they are not those of such a network.
        """
        network = build_network(self.network, self.sizes, self.species_features)
        network.fc = build_head(self.head, network.features, list(self.scalers))
        named = origin or f"saved model of {', '.join(self.scalers)}"
        initialise(network, dict(self.tensors), named)
        return network.eval()


def save_model(model: SavedModel, path: str | Path) -> None:
    """Write a model as one safetensors file, whole or not at all; equal models give equal bytes."""
    content = {
        "format": FORMAT,
        "network": model.network,
        "sizes": asdict(model.sizes),
        "head": asdict(model.head),
        "properties": {code: asdict(scaler) for code, scaler in model.scalers.items()},
        "bond_rule": model.bond_rule,
        "version": __version__,
    }
    tensors = {**model.tensors, SPECIES_FEATURES: model.species_features}
    save_tensors(tensors, path, {METADATA: json.dumps(content)})


def load_model(path: str | Path) -> SavedModel:
    """Read a model written by `save_model`.

    Raises
    ------
    InputError
        If the file is missing, damaged, holds other weights than a model's, or is of a newer
        version of this software.
    """
    found = described(path)
    if found is None:
        raise InputError(
            f"{path}: has weights but does not say of which model; give the model.safetensors "
            "of a run."
        )
    return found


def described(path: str | Path) -> SavedModel | None:
    """Read a model written by `save_model`, None for a file of weights that says nothing of them.

    Raises
    ------
    InputError
        As `load_model` does.
    """
    tensors, metadata = load_tensors(path)
    if METADATA not in metadata:
        return None
    try:
        content: dict[str, Any] = json.loads(metadata[METADATA])
        if content["format"] > FORMAT:
            raise InputError(
                f"{path}: was written by version {content['version']}, this is {__version__}; "
                "update crystal-transfer to read it."
            )
        return _model_of(content, tensors)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path}: its description is damaged ({type(error).__name__}: {error}); restore it."
        ) from None


def _model_of(content: Mapping[str, Any], tensors: dict[str, Tensor]) -> SavedModel:
    """Put a model together; raise what Python does, or ValueError, where something is not one."""
    head, sizes, properties = content["head"], content["sizes"], content["properties"]
    features = tensors.pop(SPECIES_FEATURES)
    finite = features.dtype == torch.float32 and bool(torch.isfinite(features).all())
    if features.ndim != 2 or len(features) != len(SYMBOLS) or not finite:
        raise ValueError("its features of the elements are not whole")
    if not all(type(width) is int for width in (*head["hidden"], *sizes.values())):
        raise ValueError("a width is not a whole number")
    return SavedModel(
        network=content["network"],
        sizes=SIZES[content["network"]](**sizes),
        head=Head(tuple(head["hidden"]), bool(head["activated"]), bool(head["linear"])),
        scalers={code: _range_of(**limits) for code, limits in properties.items()},
        bond_rule=BondRule(content["bond_rule"]).value,
        species_features=features,
        tensors=tensors,
    )


def _range_of(minimum: float, maximum: float, unit: str) -> Scaler:
    if not (math.isfinite(maximum - minimum) and minimum < maximum and isinstance(unit, str)):
        raise ValueError(f"no range is from {minimum} to {maximum} {unit}")
    return Scaler(float(minimum), float(maximum), unit)


def saved_from(
    network: Network,
    name: str,
    sizes: Sizes,
    head: Head,
    scalers: Mapping[str, Scaler],
    bond_rule: str,
) -> SavedModel:
    """Collect what a trained network must be saved with; see `is_finite`."""
    tensors = {key: value.detach().cpu() for key, value in network.state_dict().items()}
    return SavedModel(
        name, sizes, head, scalers, bond_rule, tensors, network.species_features.detach().cpu()
    )


def is_finite(model: SavedModel) -> bool:
    """Return whether all weights are finite; those of a diverged training are not."""
    return all(
        bool(torch.isfinite(value).all())
        for value in model.tensors.values()
        if value.is_floating_point()
    )

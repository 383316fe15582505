"""What fine-tuning can start from, by name: weights that ship, alignn's, or any file."""

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs
import torch

from crystal_transfer import data
from crystal_transfer.bundles.names import AUTO, SCRATCH, published, shipped, weights_of
from crystal_transfer.datasets.download import fetch
from crystal_transfer.datasets.registry import registry
from crystal_transfer.errors import InputError
from crystal_transfer.files import seal_of, sha256, write_text
from crystal_transfer.graphs.build import species_features
from crystal_transfer.models.saved import SavedModel, load_model
from crystal_transfer.models.sizes import AlignnSizes
from crystal_transfer.models.strategies import Head
from crystal_transfer.models.weights import load_weights
from crystal_transfer.protocols import BondRule

MIRROR = (
    "CRYSTAL_TRANSFER_MIRROR"  # folder that has alignn's archives, for machines without network
)


@dataclass(frozen=True)
class Source:
    """A network to start from.

    Attributes
    ----------
    name
        As the user says it.
    model
        What it is; None to start from nothing.
    sha256
        Checksum of its file; empty without one.
    licence
        Under which its weights are published; empty where it is not known.
    """

    name: str
    model: SavedModel | None
    sha256: str = ""
    licence: str = ""

    @property
    def learned(self) -> list[str]:
        """What it has learned, as far as its file or its name tells."""
        if self.model is None:
            return []
        known = registry(data.DATASETS, {})
        codes = list(self.model.scalers) or [Path(self.name).stem]
        return [known[code].label if code in known else code for code in codes]


def find_source(name: str) -> Source:
    """Return the network of a name.

    Parameters
    ----------
    name
        ``auto``, the weights that ship; ``scratch``; a name of `shipped` or `published`; or a file:
        the model.safetensors of a run or a member of a bundle, or weights of alignn's network with
        the published sizes.

    Raises
    ------
    InputError
        If there is none of this name, or its file cannot be used.
    """
    if name == AUTO:
        name = shipped()[0]
    if name == SCRATCH:
        return Source(name, None)
    if name in shipped():
        path = data.WEIGHTS / f"{name}.safetensors"
        return Source(name, load_model(path), sha256(path), "CC BY 4.0 (data), MIT (weights)")
    if name in published():
        path = downloaded(name)
        return Source(name, _whole(_of_alignn(path), path), sha256(path), "figshare, CC BY 4.0")
    path = weights_of(name)
    if not path.is_file():
        raise InputError(
            f"source '{name}': there is no such file and no such name; the names are {SCRATCH}, "
            f"{', '.join(shipped())}, and those of alignn (crystal-transfer sources)."
        )
    model = load_model(path) if path.suffix == ".safetensors" else _of_alignn(path)
    return Source(str(path), _whole(model, path), sha256(path))


def _whole(model: SavedModel, path: Path) -> SavedModel:
    """Return a model whose weights fit it: else they would be refused after the first training."""
    model.build(path)
    return model


def downloaded(name: str) -> Path:
    """Return alignn's archive of a name; downloaded once, or copied from the mirror.

    Raises
    ------
    InputError
        If it cannot be had, or has changed since it was downloaded first.
    """
    path = Path(platformdirs.user_cache_dir("crystal-transfer")) / f"{name}.zip"
    noted = seal_of(path)
    if not path.exists():
        fetch(published()[name], path, None, os.environ.get(MIRROR))
        write_text(noted, sha256(path) + "\n")
    if not noted.exists() or noted.read_text(encoding="utf-8").strip() != sha256(path):
        raise InputError(f"{path}: is not as it was downloaded; delete it and run again.")
    return path


def _of_alignn(path: Path) -> SavedModel:
    """Return alignn's network of the published sizes with weights from a file."""
    return SavedModel(
        network="alignn",
        sizes=AlignnSizes(),
        head=Head(()),
        scalers={},
        bond_rule=BondRule.ALIGNN.value,
        tensors=load_weights(path),
        species_features=torch.from_numpy(species_features()),
    )

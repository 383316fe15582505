"""The networks by name: their sizes and parts; without PyTorch, so that planning needs none."""

from dataclasses import dataclass, fields
from typing import ClassVar

HEAD = "head"
# Parts that a network may have, from its input to its output; Devi et al. 2024, Methods, count them
# as the children of alignn's network.
BODY = ("atom_embedding", "bond_embedding", "angle_embedding", "two_body", "three_body")


@dataclass(frozen=True)
class Sizes:
    """Sizes of a network: whole numbers, widths at least 1.

    Attributes
    ----------
    parts
        Parts of the network that a strategy can free or freeze.
    """

    parts: ClassVar[tuple[str, ...]]
    __pydantic_config__: ClassVar[dict[str, bool | str]] = {
        "extra": "forbid", "use_attribute_docstrings": True
    }  # fmt: skip

    def __post_init__(self) -> None:
        for field in fields(self):
            lowest = 0 if field.name.endswith("layers") else 1
            if getattr(self, field.name) < lowest:
                raise ValueError(f"has a {field.name} below {lowest}; correct it")

    @property
    def width(self) -> int:
        """Features of an atom in the convolutions; what a run costs follows from it."""
        raise NotImplementedError

    @property
    def convolutions(self) -> int:
        """Number of convolutions, over bonds or over bond pairs."""
        raise NotImplementedError


@dataclass(frozen=True)
class AlignnSizes(Sizes):
    """Sizes of ALIGNN; the defaults are the paper's 4,026,753 parameters.

    Choudhary & DeCost, npj Comput. Mater. 7, 185 (2021), Table 1.
    """

    parts: ClassVar = (*BODY, HEAD)
    alignn_layers: int = 4
    """Layers on bonds and bond pairs."""
    gcn_layers: int = 4
    """Layers on bonds alone."""
    embedding_features: int = 64
    """Width of the embeddings of distances and angles."""
    hidden_features: int = 256
    """Width of the layers."""

    @property
    def width(self) -> int:
        """Features of an atom in the convolutions."""
        return self.hidden_features

    @property
    def convolutions(self) -> int:
        """A layer on bonds and bond pairs has one over each."""
        return 2 * self.alignn_layers + self.gcn_layers


@dataclass(frozen=True)
class CgcnnSizes(Sizes):
    """Sizes of the crystal graph convolutional network.

    The defaults are those of Xie & Grossman, Phys. Rev. Lett. 120, 145301 (2018), and their code.
    """

    parts: ClassVar = ("atom_embedding", "two_body", HEAD)
    layers: int = 3
    """Convolutions on bonds."""
    hidden_features: int = 64
    """Width of the convolutions."""
    pooled_features: int = 128
    """Width of the layer after pooling."""

    @property
    def width(self) -> int:
        """Features of an atom in the convolutions."""
        return self.hidden_features

    @property
    def convolutions(self) -> int:
        """One per layer."""
        return self.layers


SIZES: dict[str, type[Sizes]] = {
    "alignn": AlignnSizes,
    "cgcnn": CgcnnSizes,
    # alignn's own code on DGL, slow: the reference that ours is tested against
    "reference": AlignnSizes,
}

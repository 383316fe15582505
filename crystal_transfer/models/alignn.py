"""ALIGNN, the atomistic line graph neural network, in plain PyTorch.

Choudhary & DeCost, npj Comput. Mater. 7, 185 (2021). Parameters have the names they have in
`alignn.models.alignn.ALIGNN`, so that published weights load.
"""

from typing import Any

import torch
from torch import Tensor, nn

from crystal_transfer.graphs.batches import Adjacency, Batch, Distinct
from crystal_transfer.models.contract import Network
from crystal_transfer.models.kernels import as_kept, batch_norm_silu, edge_gated_convolution
from crystal_transfer.models.sizes import AlignnSizes

DISTANCES = 0.0, 8.0, 80  # lowest and highest centre in Å, and number of Gaussians
COSINES = -1.0, 1.0, 40  # of angles between bonds


class RBFExpansion(nn.Module):
    """Expand scalars in Gaussians at `bins` equidistant centres, [n] -> [n, bins]."""

    centers: Tensor

    def __init__(self, lowest: float, highest: float, bins: int):
        super().__init__()
        self.register_buffer("centers", torch.linspace(lowest, highest, bins))
        self.gamma = (bins - 1) / (highest - lowest)

    def forward(self, x: Tensor) -> Tensor:
        """Compute exp(-gamma (x - c)^2)."""
        return torch.exp(-self.gamma * (x.unsqueeze(1) - self.centers) ** 2)


class MLPLayer(nn.Module):
    """Linear layer, batch norm, SiLU."""

    def __init__(self, in_features: int, out_features: int):
        super().__init__()
        self.layer = nn.Sequential(
            nn.Linear(in_features, out_features), nn.BatchNorm1d(out_features), nn.SiLU()
        )

    def forward(self, x: Tensor, weight: Tensor | None) -> Tensor:
        """Compute silu(BN(W x + b)), each row counted `weight` times, [n, out_features]."""
        linear, norm, _ = self.layer
        assert isinstance(norm, nn.BatchNorm1d)
        return batch_norm_silu(norm, linear(x), weight)


class EdgeGatedGraphConv(nn.Module):
    """Edge-gated graph convolution, Eqs. 1 to 3 of the ALIGNN paper."""

    def __init__(self, features: int):
        super().__init__()
        self.src_gate = nn.Linear(features, features)
        self.dst_gate = nn.Linear(features, features)
        self.edge_gate = nn.Linear(features, features)
        self.bn_edges = nn.BatchNorm1d(features)
        self.src_update = nn.Linear(features, features)
        self.dst_update = nn.Linear(features, features)
        self.bn_nodes = nn.BatchNorm1d(features)

    def forward(
        self,
        graph: Adjacency,
        x: Tensor,
        y: Tensor,
        place: Tensor | None = None,
        update_edges: bool = True,
    ) -> tuple[Tensor, Tensor | None]:
        """Update nodes and edges.

        Parameters
        ----------
        graph
            The edges.
        x
            Node features, [n_nodes, features].
        y
            Edge features, [n_edges, features]; with `place` those of distinct edges.
        place
            Which row of y each edge has, [n_edges] int32; None where each has its own.
        update_edges
            False where nothing reads the new edge features: they are not computed, but the
            running statistics of their norm still move, as in alignn.

        Returns
        -------
        x, y
            [n_nodes, features] and [n_edges, features]; y is None without `update_edges`.
        """
        return edge_gated_convolution(self, graph, x, y, place, update_edges)


class ALIGNNConv(nn.Module):
    """One ALIGNN layer: a convolution on the bonds, then one on the bond pairs."""

    def __init__(self, features: int):
        super().__init__()
        self.node_update = EdgeGatedGraphConv(features)
        self.edge_update = EdgeGatedGraphConv(features)

    def forward(
        self,
        batch: Batch,
        x: Tensor,
        y: Tensor,
        z: Tensor,
        place: Tensor | None,
        update_pairs: bool,
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Update atoms x, bonds y and bond pairs z; `place` says which row of z each pair has."""
        x, m = self.node_update(batch.bonds, x, y)
        y, z = self.edge_update(batch.pairs, m, z, place, update_pairs)
        return x, y, z


class ALIGNN(Network):
    """Atoms, bonds and bond pairs to one vector per crystal, and from there to its property."""

    def __init__(self, sizes: AlignnSizes, species_features: Tensor):
        hidden, embedding = sizes.hidden_features, sizes.embedding_features
        super().__init__(species_features, hidden)
        self.atom_embedding = MLPLayer(species_features.shape[1], hidden)
        self.edge_embedding = nn.Sequential(
            RBFExpansion(*DISTANCES), MLPLayer(DISTANCES[2], embedding), MLPLayer(embedding, hidden)
        )
        self.angle_embedding = nn.Sequential(
            RBFExpansion(*COSINES), MLPLayer(COSINES[2], embedding), MLPLayer(embedding, hidden)
        )
        self.alignn_layers = nn.ModuleList(ALIGNNConv(hidden) for _ in range(sizes.alignn_layers))
        self.gcn_layers = nn.ModuleList(EdgeGatedGraphConv(hidden) for _ in range(sizes.gcn_layers))
        self.fc = nn.Linear(hidden, 1)

    def parts(self) -> dict[str, list[nn.Module]]:
        """Return the modules of each part but the head."""
        layers: list[Any] = list(self.alignn_layers)
        return {
            "atom_embedding": [self.atom_embedding],
            "bond_embedding": [self.edge_embedding],
            "angle_embedding": [self.angle_embedding],
            "two_body": [*(layer.node_update for layer in layers), *self.gcn_layers],
            "three_body": [layer.edge_update for layer in layers],
        }

    def embed(self, batch: Batch) -> Tensor:
        """Return the mean over the atoms of their last features, [n_crystals, hidden_features]."""
        species = self.species_features[batch.species.values]
        x = self.atom_embedding(species, batch.species.weight)
        x = batch.species.spread(x)
        y = batch.distance.spread(_embed_scalars(self.edge_embedding, batch.distance))
        if self.alignn_layers:
            z = as_kept(_embed_scalars(self.angle_embedding, batch.cosine))
            place = batch.cosine.place
        for layer in self.alignn_layers:
            x, y, z = layer(batch, x, y, z, place, layer is not self.alignn_layers[-1])
            place = None  # from now on pairs differ
        for layer in self.gcn_layers:
            x, y = layer(batch.bonds, x, y, update_edges=layer is not self.gcn_layers[-1])
        return batch.mean_over_atoms @ x


def _embed_scalars(embedding: nn.Sequential, scalars: Distinct) -> Tensor:
    """Expand and embed each distinct scalar, [n_values, hidden_features]."""
    expansion, *layers = embedding
    features = expansion(scalars.values)
    for layer in layers:
        features = layer(features, scalars.weight)
    return features

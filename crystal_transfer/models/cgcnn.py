"""The crystal graph convolutional network: bonds alone, no angles.

Xie & Grossman, Phys. Rev. Lett. 120, 145301 (2018), on the same graphs as ALIGNN.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from crystal_transfer.graphs.batches import Adjacency, Batch
from crystal_transfer.models.contract import Network
from crystal_transfer.models.kernels.plain import weighted_batch_norm
from crystal_transfer.models.sizes import CgcnnSizes

FARTHEST, STEP = 8.0, 0.2  # Å; centres and width of the Gaussians, as in the authors' code


class GatedConvolution(nn.Module):
    """Sum gated messages of the neighbours, Eq. 5 of the paper."""

    def __init__(self, features: int, bond_features: int):
        super().__init__()
        self.gate_and_core = nn.Linear(2 * features + bond_features, 2 * features)
        self.norm_messages = nn.BatchNorm1d(2 * features)
        self.norm_sum = nn.BatchNorm1d(features)

    def forward(self, graph: Adjacency, x: Tensor, bonds: Tensor) -> Tensor:
        """Return softplus(x_i + BN(sum_j sigmoid(BN(z W_f)) softplus(BN(z W_s)))).

        Parameters
        ----------
        graph
            Who is joined to whom.
        x
            Atom features, [n_atoms, features].
        bonds
            Bond features, [n_bonds, bond_features].
        """
        z = torch.cat([x[graph.target], x[graph.source], bonds], dim=1)
        z = weighted_batch_norm(self.norm_messages, self.gate_and_core(z), graph.edge_weight)
        gate, core = z.chunk(2, dim=1)
        messages = torch.sigmoid(gate) * F.softplus(core)
        if graph.multiplicity is not None:
            messages = messages * graph.multiplicity
        summed = torch.zeros_like(x).index_add(0, graph.target, messages)
        return F.softplus(x + weighted_batch_norm(self.norm_sum, summed, graph.node_weight))


class CGCNN(Network):
    """Atoms and bonds to one vector per crystal, and from there to its property."""

    def __init__(self, sizes: CgcnnSizes, species_features: Tensor):
        super().__init__(species_features, sizes.pooled_features)
        centres = torch.arange(0, FARTHEST + STEP / 2, STEP)
        self.register_buffer("centres", centres, persistent=False)
        self.centres: Tensor
        self.atom_embedding = nn.Linear(species_features.shape[1], sizes.hidden_features)
        self.convolutions = nn.ModuleList(
            GatedConvolution(sizes.hidden_features, len(centres)) for _ in range(sizes.layers)
        )
        self.after_pooling = nn.Linear(sizes.hidden_features, sizes.pooled_features)
        self.fc = nn.Linear(sizes.pooled_features, 1)

    def embed(self, batch: Batch) -> Tensor:
        """Return a vector per crystal, [n_crystals, pooled_features]."""
        x = batch.species.spread(self.atom_embedding(self.species_features[batch.species.values]))
        distance = batch.distance.values.unsqueeze(1)
        bonds = batch.distance.spread(torch.exp(-(((distance - self.centres) / STEP) ** 2)))
        for convolution in self.convolutions:
            x = convolution(batch.bonds, x, bonds)
        return F.softplus(self.after_pooling(F.softplus(batch.mean_over_atoms @ x)))

    def parts(self) -> dict[str, list[nn.Module]]:
        """Return the modules of each part but the head."""
        return {
            "atom_embedding": [self.atom_embedding],
            "two_body": [*self.convolutions, self.after_pooling],
        }

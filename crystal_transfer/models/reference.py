"""alignn's own ALIGNN on DGL behind the interface of `models.alignn`: `backend: alignn`.

Slow, and DGL is no longer developed; it is the implementation of the paper, against which
everything else is checked.
"""

from dataclasses import asdict

import torch
from torch import Tensor, nn

from crystal_transfer.errors import InputError
from crystal_transfer.graphs.batches import Batch
from crystal_transfer.models.alignn import AlignnConfig


class ReferenceALIGNN(nn.Module):
    """`alignn.models.alignn.ALIGNN`; batches must be uncompressed.

    Raises
    ------
    InputError
        If alignn or dgl is not installed.
    """

    def __init__(self, config: AlignnConfig, species_features: Tensor):
        super().__init__()
        try:
            from alignn.models.alignn import ALIGNN, ALIGNNConfig
        except ImportError as error:
            raise InputError(
                f"config key training.backend: 'alignn' needs a package that is missing ({error}); "
                "run pip install 'crystal-transfer[reference]' on Python 3.11, or use 'torch'."
            ) from None
        self.register_buffer("species_features", species_features, persistent=False)
        self.network = ALIGNN(ALIGNNConfig(name="alignn", **asdict(config)))

    def state_dict(self, *args, **kwargs):
        """Give the network's weights under alignn's own names."""
        return self.network.state_dict(*args, **kwargs)

    def load_state_dict(self, state_dict, *args, **kwargs):
        """Load weights under alignn's own names."""
        return self.network.load_state_dict(state_dict, *args, **kwargs)

    def forward(self, batch: Batch) -> Tensor:
        """Predict the (scaled) property, [n_crystals, output_features]."""
        output = self.network((*dgl_graphs(batch, self.species_features), None))
        return output.reshape(batch.mean_over_atoms.shape[0], -1)


def dgl_graphs(batch: Batch, species_features: Tensor):
    """Give crystal graph and line graph of an uncompressed batch as DGL graphs.

    ALIGNN reads only the length of the bond vectors `r`, so each lies along x here.
    """
    import dgl

    if batch.bonds.multiplicity is not None:
        raise InputError(
            "config key training.backend: 'alignn' cannot use compressed graphs; "
            "set graphs.compress to false."
        )
    bonds, pairs = batch.bonds, batch.pairs
    n_atoms = (batch.mean_over_atoms > 0).sum(1)
    graph = dgl.graph((bonds.source.long(), bonds.target.long()), num_nodes=int(n_atoms.sum()))
    crystal_of_atom = torch.repeat_interleave(torch.arange(len(n_atoms)), n_atoms)
    n_edges = torch.bincount(crystal_of_atom[bonds.target.long()], minlength=len(n_atoms))
    graph.set_batch_num_nodes(n_atoms)
    graph.set_batch_num_edges(n_edges)
    species = species_features[batch.species.values]
    graph.ndata["atom_features"] = batch.species.spread(species)
    distance = batch.distance.spread(batch.distance.values)
    graph.edata["r"] = torch.stack([distance, *[torch.zeros_like(distance)] * 2], dim=1)
    line_graph = dgl.graph((pairs.source.long(), pairs.target.long()), num_nodes=len(bonds.source))
    line_graph.edata["h"] = batch.cosine.spread(batch.cosine.values)
    return graph, line_graph

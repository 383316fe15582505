"""alignn's own ALIGNN on DGL as a network of its own, `reference`.

Slow, and DGL is no longer developed; it is the implementation of the paper, against which
everything else is checked.
"""

from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn

from crystal_transfer.errors import InputError
from crystal_transfer.graphs.batches import Batch
from crystal_transfer.models.alignn import ALIGNN
from crystal_transfer.models.contract import Network
from crystal_transfer.models.sizes import AlignnSizes


class ReferenceALIGNN(Network):
    """`alignn.models.alignn.ALIGNN`; batches must be uncompressed.

    Raises
    ------
    InputError
        If alignn or dgl is not installed.
    """

    recordable = False  # DGL waits for values

    def __init__(self, sizes: AlignnSizes, species_features: Tensor):
        super().__init__(species_features, sizes.hidden_features)
        try:
            from alignn.models import alignn as original
        except ImportError as error:
            raise InputError(
                f"config key model.network: 'reference' needs a package that is missing ({error}); "
                "run pip install 'crystal-transfer[reference]' on Python 3.11, or use 'alignn'."
            ) from None
        network = original.ALIGNN(
            original.ALIGNNConfig(name="alignn", output_features=1, **asdict(sizes))
        )
        self.fc = network.fc
        network.fc = nn.Identity()
        # not a submodule: its parameters are to have alignn's own names here
        self.__dict__["network"] = network
        for name, module in network.named_children():
            if name != "fc":
                self.add_module(name, module)

    def embed(self, batch: Batch) -> Tensor:
        """Return the mean over the atoms of their last features, [n_crystals, hidden_features]."""
        graphs = dgl_graphs(batch, self.species_features)
        pooled: Tensor = self.__dict__["network"]((*graphs, None))
        return pooled.reshape(batch.mean_over_atoms.shape[0], -1)

    def parts(self) -> dict[str, list[nn.Module]]:
        """Return the modules of each part but the head."""
        return ALIGNN.parts(self)  # type: ignore[arg-type]


def dgl_graphs(batch: Batch, species_features: Tensor) -> tuple[Any, Any]:
    """Return crystal graph and line graph of an uncompressed batch as DGL graphs.

    ALIGNN reads only the length of the bond vectors `r`, so each lies along x here.
    """
    import dgl

    if batch.bonds.multiplicity is not None:
        raise InputError(
            "config key model.network: 'reference' cannot use compressed graphs; "
            "set graphs.compress to false."
        )
    bonds, pairs = batch.bonds, batch.pairs
    n_atoms = (batch.mean_over_atoms > 0).sum(1)
    graph = dgl.graph((bonds.source.long(), bonds.target.long()), num_nodes=int(n_atoms.sum()))
    crystals = torch.arange(len(n_atoms), device=n_atoms.device)
    crystal_of_atom = torch.repeat_interleave(crystals, n_atoms)
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

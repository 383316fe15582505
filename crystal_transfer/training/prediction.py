"""Predictions of a model, once or after every epoch."""

from collections.abc import Callable, Iterable
from functools import partial

import torch
from torch import Tensor, nn

from crystal_transfer.graphs.batches import Batch, Chosen, batch_of, choose
from crystal_transfer.graphs.line_graph import Graphs
from crystal_transfer.models.contract import Network
from crystal_transfer.training.replay import can_record, cuda_graphs, repeated

BATCH = 64  # crystals; changes nothing but memory
REPLAYED = 256  # crystals whose batches are kept: more of them fill a GPU anyway


def predict(model: nn.Module, graphs: Graphs) -> Tensor:
    """Predict scaled targets in evaluation mode, [n_crystals, n_properties]."""
    return _of_batches(model, (batch_of(graphs, part) for part in _parts(graphs)))


def embed(network: Network, graphs: Graphs) -> Tensor:
    """Return the pooled features of crystals in evaluation mode, [n_crystals, features]."""
    network.eval()
    with torch.no_grad():
        return torch.cat([network.embed(batch_of(graphs, part)) for part in _parts(graphs)])


def predictions_of(model: nn.Module, graphs: Graphs) -> Callable[[], Tensor]:
    """Return a function that predicts for the same crystals again and again, as `predict` does."""
    if len(graphs) > REPLAYED or not can_record(model, graphs.species.device):
        return partial(predict, model, graphs)
    batches = [batch_of(graphs, part) for part in _parts(graphs)]
    return repeated(partial(_of_batches, model, batches), cuda_graphs())


def _parts(graphs: Graphs) -> list[Chosen]:
    return choose(graphs, torch.arange(len(graphs)).split(BATCH))


@torch.no_grad()
def _of_batches(model: nn.Module, batches: Iterable[Batch]) -> Tensor:
    model.eval()
    return torch.cat([model(batch) for batch in batches])

"""The network that a run starts with."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from crystal_transfer.errors import InputError
from crystal_transfer.graphs.store import GraphStore
from crystal_transfer.models.contract import Network
from crystal_transfer.models.heads import build_head
from crystal_transfer.models.networks import build_network
from crystal_transfer.models.saved import SavedModel, described
from crystal_transfer.models.strategies import MULTI_HEAD, STRATEGIES, Head
from crystal_transfer.models.transfer import transfer, transfer_saved
from crystal_transfer.models.weights import load_weights
from crystal_transfer.runs import Run, RunKind
from crystal_transfer.training.settings import Settings


def starting_network(
    run: Run,
    settings: Settings,
    store: GraphStore,
    weights: str | None,
    report: Callable[[str], None],
) -> tuple[Network, Head]:
    """Return the network that a run starts with, and what its output network is.

    Parameters
    ----------
    run, settings
        What is trained.
    store
        Graphs, with the input features of the elements.
    weights
        File of the weights that it starts from, or None.
    report
        Takes what a reader must know of them.

    Raises
    ------
    InputError
        If the weights are of another network, or their file says that they do not fit the run.
    """
    features = torch.from_numpy(np.array(store.features))
    network = build_network(run.network, settings.sizes, features)
    if run.properties:
        network.fc = build_head(MULTI_HEAD, network.features, run.properties)
        return network, MULTI_HEAD
    if weights is None:
        return network, Head(())
    strategy = STRATEGIES[run.strategy]
    # any other file is one of torch.save, which says nothing of its weights
    source = described(weights) if Path(weights).suffix == ".safetensors" else None
    if source:
        _require_fitting(source, weights, run, features)
        if source.bond_rule != settings.bond_rule:
            report(f"{weights}: trained on bonds of rule {source.bond_rule}, not as here")
        return network, transfer_saved(network, source, strategy, weights)
    transfer(network, load_weights(weights), strategy, weights)
    return network, strategy.head or Head(())


def _require_fitting(source: SavedModel, path: str, run: Run, features: Tensor) -> None:
    if not torch.equal(source.species_features, features):
        raise InputError(
            f"{path}: was trained with other input features of the elements than the graphs of "
            f"{run.dataset} have; take a source of this version, or train it again."
        )
    from_outside = run.source is not None and run.source.kind is RunKind.CHECKPOINT
    if from_outside and run.dataset in source.scalers:
        raise InputError(
            f"{path}: was trained on {run.dataset} itself, so that it may have learned what "
            f"{run.id} is tested on; take another source, or, where its crystals are others, give "
            "the dataset another code."
        )

"""Every network keeps the contract; the second one computes what its paper says."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from conftest import assert_close, saved

from crystal_transfer.graphs.batches import assemble, load_graphs
from crystal_transfer.graphs.build import build
from crystal_transfer.graphs.store import open_store
from crystal_transfer.models import kernels
from crystal_transfer.models.cgcnn import CGCNN
from crystal_transfer.models.contract import broken_promises
from crystal_transfer.models.networks import NETWORKS, build_network
from crystal_transfer.models.sizes import SIZES, AlignnSizes, CgcnnSizes

SMALL = {
    "alignn": AlignnSizes(1, 1, 8, 16),
    "cgcnn": CgcnnSizes(2, 16, 24),
    "reference": AlignnSizes(1, 1, 8, 16),
}


@pytest.fixture(params=[False, True], ids=["full", "compressed"])
def some_graphs(request, alloys, tmp_path):
    build(saved(alloys, tmp_path), tmp_path / "graphs", "shell", request.param)
    store = open_store(tmp_path / "graphs")
    return load_graphs(store, np.arange(8)), torch.from_numpy(np.array(store.features))


def test_every_network_has_its_sizes():
    assert NETWORKS.keys() == SIZES.keys() == SMALL.keys()


@pytest.mark.parametrize("name", NETWORKS)
def test_the_contract(name, alloys, tmp_path):
    if name == "reference":
        pytest.importorskip("dgl", reason="needs DGL (Python 3.11)")
    build(saved(alloys, tmp_path), tmp_path / "graphs", "shell", False)
    store = open_store(tmp_path / "graphs")
    network = build_network(name, SMALL[name], torch.from_numpy(np.array(store.features)))
    batch = assemble(load_graphs(store, np.arange(5)), torch.arange(5))
    assert broken_promises(network, SIZES[name].parts, batch) == []


@pytest.mark.parametrize("name", [name for name in NETWORKS if name != "reference"])
def test_gradients_are_those_of_pytorchs_operations(name, some_graphs, monkeypatch):
    """The fused operations overwrite the gradients that arrive at them."""
    graphs, features = some_graphs
    batch = assemble(graphs, torch.tensor([4, 0, 2]))
    found = []
    for fused in (True, False):
        if not fused:
            monkeypatch.setattr(kernels, "device_for", lambda _: None)
        torch.manual_seed(0)
        network = build_network(name, SMALL[name], features).train()
        network(batch).square().mean().backward()
        found.append([p.grad for p in network.parameters() if p.grad is not None])
    for ours, theirs in zip(*found, strict=True):
        assert_close(ours, theirs, 1e-6 + 1e-4 * float(theirs.abs().max()))


def test_the_contract_finds_what_is_broken(some_graphs):
    graphs, features = some_graphs
    network = CGCNN(SMALL["cgcnn"], features)
    network.forgotten = torch.nn.Linear(2, 2)
    network.features = 7
    faults = broken_promises(network, ("head",), assemble(graphs, torch.arange(3)))
    assert len(faults) == 4
    assert any("forgotten.weight" in fault for fault in faults)


def by_hand(network: CGCNN, batch) -> torch.Tensor:
    """Xie & Grossman, Eq. 5, atom by atom, in evaluation mode."""
    graph = batch.bonds
    weight = (
        torch.ones(len(graph.source)) if graph.multiplicity is None else graph.multiplicity[:, 0]
    )
    species = batch.species.spread(batch.species.values).long()
    distance = batch.distance.spread(batch.distance.values)
    x = network.atom_embedding(network.species_features[species])
    for layer in network.convolutions:
        new = []
        for atom in range(len(x)):
            total = torch.zeros(x.shape[1])
            for bond in np.flatnonzero(graph.target.numpy() == atom):
                u = torch.exp(-(((distance[bond] - network.centres) / 0.2) ** 2))
                z = torch.cat([x[atom], x[int(graph.source[bond])], u]).unsqueeze(0)
                z = layer.norm_messages(layer.gate_and_core(z))[0]
                gate, core = z[: x.shape[1]], z[x.shape[1] :]
                total = total + weight[bond] * torch.sigmoid(gate) * F.softplus(core)
            new.append(F.softplus(x[atom] + layer.norm_sum(total.unsqueeze(0))[0]))
        x = torch.stack(new)
    pooled = batch.mean_over_atoms @ x
    return network.fc(F.softplus(network.after_pooling(F.softplus(pooled))))


def test_cgcnn_by_hand(some_graphs):
    graphs, features = some_graphs
    torch.manual_seed(0)
    network = CGCNN(SMALL["cgcnn"], features)
    for norm in (m for m in network.modules() if isinstance(m, torch.nn.BatchNorm1d)):
        torch.nn.init.uniform_(norm.running_var, 0.5, 2.0)
        torch.nn.init.uniform_(norm.running_mean, -0.5, 0.5)
    batch = assemble(graphs, torch.tensor([4, 0, 2]))
    with torch.no_grad():
        assert_close(network.eval()(batch), by_hand(network, batch), 1e-5)


def test_cgcnn_learns_the_same_compressed_and_not(alloys, tmp_path):
    """Loss and gradients in training mode: statistics of norms count every atom and bond."""
    found = []
    for compress in (False, True):
        folder = tmp_path / str(compress)
        folder.mkdir()
        build(saved(alloys, folder), folder / "graphs", "shell", compress)
        store = open_store(folder / "graphs")
        torch.manual_seed(0)
        network = CGCNN(SMALL["cgcnn"], torch.from_numpy(np.array(store.features))).train()
        batch = assemble(load_graphs(store, np.arange(6)), torch.arange(6))
        network(batch).square().mean().backward()
        found.append(
            [p.grad for p in network.parameters()]
            + [buffer for name, buffer in network.named_buffers() if "running" in name]
        )
    for full, small in zip(*found, strict=True):
        assert_close(small, full, 1e-5 + 1e-4 * float(full.abs().max()))


def test_published_sizes():
    features = torch.zeros(101, 92)
    n = {
        name: sum(p.numel() for p in build_network(name, SIZES[name](), features).parameters())
        for name in ("alignn", "cgcnn")
    }
    # Choudhary & DeCost 2021; the authors' code of CGCNN with 92 inputs, 41 Gaussians, 3 layers
    assert n["alignn"] == 4_026_753
    layer = (2 * 64 + 41) * 128 + 128 + 2 * 128 + 2 * 64
    assert n["cgcnn"] == (92 * 64 + 64) + 3 * layer + (64 * 128 + 128) + (128 + 1)

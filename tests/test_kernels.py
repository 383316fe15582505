"""Every kernel against its plain reference, on weighted and unweighted graphs."""

import pytest
import torch
from torch import nn

from crystal_transfer.models.kernels import plain as kernels

FEATURES = 8


@pytest.fixture
def graph(some_batch):
    return some_batch.bonds


def random(n, seed):
    return torch.randn(n, FEATURES, generator=torch.Generator().manual_seed(seed))


def results(function, *inputs):
    """Value and gradients for a fixed but arbitrary upstream gradient."""
    inputs = [x.clone().requires_grad_() for x in inputs]
    value = function(*inputs)
    value.backward(torch.randn(value.shape, generator=torch.Generator().manual_seed(9)))
    return [value.detach(), *[x.grad for x in inputs]]


def assert_equal(fast, plain):
    for mine, theirs in zip(fast, plain, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5)


def test_gated_sum(graph):
    gate, update = random(len(graph.source), 1), random(graph.into.shape[0], 2)
    assert_equal(
        results(lambda g, u: kernels.gated_sum(graph, g, u), gate, update),
        results(lambda g, u: kernels.gated_sum_reference(graph, g, u), gate, update),
    )


def test_edge_gate(graph):
    n_nodes = graph.into.shape[0]
    inputs = random(n_nodes, 1), random(n_nodes, 2), random(len(graph.source), 3)
    assert_equal(
        results(lambda s, t, e: kernels.edge_gate(graph, s, t, e + 0), *inputs),
        results(lambda s, t, e: kernels.edge_gate_reference(graph, s, t, e), *inputs),
    )


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("with_residual", [True, False])
def test_batch_norm_silu(graph, training, with_residual):
    x, residual = random(len(graph.source), 1), random(len(graph.source), 2)
    layers = [nn.BatchNorm1d(FEATURES).train(training) for _ in range(2)]
    for layer in layers:
        nn.init.normal_(layer.weight, generator=torch.Generator().manual_seed(5))
        nn.init.normal_(layer.bias, generator=torch.Generator().manual_seed(6))
    functions = kernels.batch_norm_silu, kernels.batch_norm_silu_reference
    outcomes = []
    for layer, function in zip(layers, functions, strict=True):
        r = [residual] if with_residual else []
        found = results(lambda x, *r, f=function, n=layer: f(n, x, graph.edge_weight, *r), x, *r)
        outcomes.append([*found, layer.weight.grad, layer.bias.grad, *layer.buffers()])
    assert_equal(*outcomes)


def test_unweighted_norm_is_torchs():
    x = random(50, 1)
    layers = [nn.BatchNorm1d(FEATURES) for _ in range(2)]
    ours = results(lambda x: kernels.batch_norm_silu(layers[0], x), x)
    torchs = results(lambda x: nn.functional.silu(layers[1](x)), x)
    assert_equal(ours, torchs)
    for mine, theirs in zip(layers[0].buffers(), layers[1].buffers(), strict=True):
        torch.testing.assert_close(mine, theirs)


def test_a_single_row_is_normalised_to_the_bias():
    norm = nn.BatchNorm1d(FEATURES)
    nn.init.constant_(norm.bias, 0.5)
    before = [buffer.clone() for buffer in norm.buffers()]
    y = kernels.batch_norm_silu(norm, random(1, 1))
    torch.testing.assert_close(y, nn.functional.silu(torch.full_like(y, 0.5)))
    assert all(torch.equal(old, new) for old, new in zip(before, norm.buffers(), strict=True))

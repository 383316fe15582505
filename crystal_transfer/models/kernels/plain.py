"""The operations that take the time, each beside a plain reference it is tested against.

Both work on weighted graphs: `Adjacency.multiplicity` says how many equal edges enter a node,
`node_weight` and `edge_weight` how many nodes and edges of the full graph each one stands for.
They keep as little as possible for the backward pass: of tensors with a row per bond pair, the
largest by far, only the gate's argument.
"""

from typing import Any, NamedTuple, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from crystal_transfer.graphs.batches import Adjacency

EPSILON = 1e-6  # alignn.models.alignn.EdgeGatedGraphConv


class Convolution(Protocol):
    """The layers of an edge-gated convolution, named as in alignn's `EdgeGatedGraphConv`."""

    src_gate: nn.Linear
    dst_gate: nn.Linear
    edge_gate: nn.Linear
    bn_edges: nn.BatchNorm1d
    src_update: nn.Linear
    dst_update: nn.Linear
    bn_nodes: nn.BatchNorm1d


class Running(NamedTuple):
    """The running statistics of a norm, and the share of the new in their next value."""

    mean: Tensor
    variance: Tensor
    batches: Tensor
    momentum: float


def running(norm: nn.BatchNorm1d) -> Running:
    """Return the running statistics of a norm, which must have them."""
    mean, variance, batches = norm.running_mean, norm.running_var, norm.num_batches_tracked
    assert mean is not None and variance is not None and batches is not None
    assert norm.momentum is not None
    return Running(mean, variance, batches, norm.momentum)


# --- gated sum over neighbours ---------------------------------------------------------------


def gated_sum(graph: Adjacency, gate: Tensor, update: Tensor) -> Tensor:
    """Average the neighbours' messages, weighted by sigmoid gates.

    h_i = sum_j->i sigmoid(g_ij) * u_j  /  (sum_j->i sigmoid(g_ij) + 1e-6),
    Eq. 3 of Choudhary & DeCost, npj Comput. Mater. 7, 185 (2021).

    Parameters
    ----------
    graph
        Edges j -> i.
    gate
        g, [n_edges, n_features].
    update
        u, [n_nodes, n_features].

    Returns
    -------
    h, [n_nodes, n_features]
    """
    return _GatedSum.apply(gate, update, graph)


def gated_sum_reference(graph: Adjacency, gate: Tensor, update: Tensor) -> Tensor:
    """Compute `gated_sum` with plain differentiable operations."""
    sigma = torch.sigmoid(gate)
    counted = sigma if graph.multiplicity is None else sigma * graph.multiplicity
    zeros = torch.zeros_like(update)
    total = zeros.index_add(0, graph.target, counted * update[graph.source])
    return total / (zeros.index_add(0, graph.target, counted) + EPSILON)


class _GatedSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, gate: Tensor, update: Tensor, graph: Adjacency) -> Tensor:
        sigma = torch.sigmoid(gate)
        total = torch.sparse.mm(graph.into, sigma * update.index_select(0, graph.source))
        weight = torch.sparse.mm(graph.into, sigma).add_(EPSILON)
        mean = total.div_(weight)
        ctx.graph = graph
        ctx.save_for_backward(gate, update, weight, mean)
        return mean

    @staticmethod
    def backward(ctx: Any, d_mean: Tensor) -> tuple[Tensor | None, ...]:
        gate, update, weight, mean = ctx.saved_tensors
        graph = ctx.graph
        # d h_i / d g_ij = sigma (1 - sigma) (u_j - h_i) / weight_i, per edge of the full graph
        share = d_mean / weight
        sigma = torch.sigmoid(gate)
        pulled = share.index_select(0, graph.target)
        if graph.multiplicity is not None:
            pulled.mul_(graph.multiplicity)
        d_gate = update.index_select(0, graph.source).sub_(mean.index_select(0, graph.target))
        d_gate.mul_(pulled)
        pulled.mul_(sigma)
        d_update = torch.sparse.mm(graph.out_of, pulled)
        d_gate.mul_(sigma.mul_(1 - sigma))
        return d_gate, d_update, None


# --- gather of node terms onto edges ---------------------------------------------------------


def edge_gate(graph: Adjacency, from_source: Tensor, from_target: Tensor, own: Tensor) -> Tensor:
    """Sum the terms of source, target and edge: s_j + t_i + e_ij, [n_edges, n_features].

    `own` is overwritten: it is the output of a linear layer that nothing else needs.
    """
    return _EdgeGate.apply(from_source, from_target, own, graph)


def edge_gate_reference(
    graph: Adjacency, from_source: Tensor, from_target: Tensor, own: Tensor
) -> Tensor:
    """Compute `edge_gate` with plain differentiable operations."""
    return from_source[graph.source] + from_target[graph.target] + own


class _EdgeGate(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, from_source: Tensor, from_target: Tensor, own: Tensor, graph: Adjacency
    ) -> Tensor:
        ctx.graph = graph
        ctx.mark_dirty(own)
        own.add_(from_source.index_select(0, graph.source))
        own.add_(from_target.index_select(0, graph.target))
        return own

    @staticmethod
    def backward(ctx: Any, d_gate: Tensor) -> tuple[Tensor | None, ...]:
        graph = ctx.graph
        d_gate = d_gate.contiguous()
        d_source = torch.sparse.mm(graph.out_of, d_gate)
        d_target = torch.sparse.mm(graph.into_once, d_gate)
        return d_source, d_target, d_gate, None


# --- normalisation, activation, residual -----------------------------------------------------


def weighted_moments(x: Tensor, weight: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Compute mean and (biased) variance over the rows, and the total weight.

    Parameters
    ----------
    x
        [n_rows, n_features]
    weight
        [n_rows, 1], or None where every row counts once.
    """
    if weight is None:
        mean = x.mean(dim=0)
        centred = x - mean
        return mean, centred.square_().mean(dim=0), x.new_full((), len(x))
    total = weight.sum()
    share = (weight / total).t()
    mean = (share @ x).squeeze(0)
    centred = x - mean
    return mean, (share @ centred.square_()).squeeze(0), total


def batch_norm_silu(
    norm: nn.BatchNorm1d, x: Tensor, weight: Tensor | None = None, residual: Tensor | None = None
) -> Tensor:
    """Normalise over the rows, apply SiLU and add the residual: r + silu(BN(x)).

    In training mode the statistics of the batch are used, each row as often as its weight
    says, and the running statistics move; in evaluation mode the running statistics are used.
    A batch of a single atom has no variance: it is normalised to the layer's bias, and the
    running statistics stay where they are.

    Parameters
    ----------
    norm
        The layer: its parameters, running statistics and mode.
    x
        [n_rows, n_features]
    weight
        [n_rows, 1], or None where every row counts once.
    residual
        [n_rows, n_features], or None.
    """
    if norm.training:
        with torch.no_grad():
            mean, variance, total = moments_and_update(norm, x, weight)
        scale = torch.rsqrt(variance + norm.eps)
        share = None if weight is None else weight / total
        return _NormSilu.apply(x, residual, norm.weight, norm.bias, mean, scale, share, True)
    moments = running(norm)
    scale = torch.rsqrt(moments.variance + norm.eps)
    return _NormSilu.apply(x, residual, norm.weight, norm.bias, moments.mean, scale, None, False)


def moments_and_update(
    norm: nn.BatchNorm1d, x: Tensor, weight: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Compute the moments of the batch, and update the running statistics of the layer."""
    mean, variance, total = weighted_moments(x, weight)
    averages = running(norm)
    # no `if`, for which the host would have to wait for the GPU
    momentum = torch.where(total > 1, averages.momentum, 0.0)
    averages.mean.lerp_(mean, momentum)
    averages.variance.lerp_(variance * (total / (total - 1).clamp(min=1)), momentum)
    averages.batches.add_(total > 1)
    return mean, variance, total


def weighted_batch_norm(norm: nn.BatchNorm1d, x: Tensor, weight: Tensor | None) -> Tensor:
    """Normalise over the rows, each counted as often as its weight says; see `batch_norm_silu`."""
    if not norm.training:
        mean, variance, _, _ = running(norm)
    else:
        mean, variance, _ = weighted_moments_reference(x, weight)
        with torch.no_grad():
            moments_and_update(norm, x, weight)
    return (x - mean) * torch.rsqrt(variance + norm.eps) * norm.weight + norm.bias


def batch_norm_silu_reference(
    norm: nn.BatchNorm1d, x: Tensor, weight: Tensor | None = None, residual: Tensor | None = None
) -> Tensor:
    """Compute `batch_norm_silu` with plain differentiable operations."""
    if norm.training:
        mean, variance, total = weighted_moments_reference(x, weight)
        with torch.no_grad():
            averages = running(norm)
            averages.mean.lerp_(mean, averages.momentum)
            averages.variance.lerp_(variance * (total / (total - 1)), averages.momentum)
            averages.batches.add_(1)
    else:
        mean, variance, _, _ = running(norm)
    y = F.silu((x - mean) / torch.sqrt(variance + norm.eps) * norm.weight + norm.bias)
    return y if residual is None else residual + y


def weighted_moments_reference(
    x: Tensor, weight: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Compute `weighted_moments` with plain differentiable operations."""
    weight = torch.ones_like(x[:, :1]) if weight is None else weight
    total = weight.sum()
    mean = (x * weight).sum(0) / total
    return mean, ((x - mean) ** 2 * weight).sum(0) / total, total


class _NormSilu(torch.autograd.Function):
    """`share` is each row's weight divided by the total; None where all rows count alike."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        residual: Tensor | None,
        gamma: Tensor,
        beta: Tensor,
        mean: Tensor,
        scale: Tensor,
        share: Tensor | None,
        batch_statistics: bool,
    ) -> Tensor:
        ctx.save_for_backward(x, gamma, beta, mean, scale, share)
        ctx.batch_statistics = batch_statistics
        ctx.has_residual = residual is not None
        slope = gamma * scale
        y = F.silu(torch.addcmul(beta - mean * slope, x, slope), inplace=True)
        return y if residual is None else y.add_(residual)

    @staticmethod
    def backward(ctx: Any, d_y: Tensor) -> tuple[Tensor | None, ...]:
        x, gamma, beta, mean, scale, share = ctx.saved_tensors
        slope = gamma * scale
        q = torch.addcmul(beta - mean * slope, x, slope)
        sigma = torch.sigmoid(q)
        # d silu(q) / dq = sigma (1 + q (1 - sigma))
        d_q = q.mul_(1 - sigma).add_(1).mul_(sigma).mul_(d_y)
        normalised = (x - mean).mul_(scale)
        d_beta = d_q.sum(0)
        d_gamma = (d_q * normalised).sum(0)
        if ctx.batch_statistics:
            # the batch's mean and variance depend on x as well
            correction = normalised.mul_(d_gamma).add_(d_beta)
            d_x = d_q.sub_(correction.mul_(1 / len(x) if share is None else share)).mul_(slope)
        else:
            d_x = d_q.mul_(slope)
        return d_x, d_y if ctx.has_residual else None, d_gamma, d_beta, *[None] * 4


# --- the whole convolution -------------------------------------------------------------------


def edge_gated_convolution(
    layer: Convolution,
    graph: Adjacency,
    x: Tensor,
    y: Tensor,
    place: Tensor | None = None,
    update_edges: bool = True,
) -> tuple[Tensor, Tensor | None]:
    """Compute an `alignn.EdgeGatedGraphConv` step by step; its parameters as there."""
    from_edge = layer.edge_gate(y)
    if place is not None:
        y, from_edge = y.index_select(0, place), from_edge.index_select(0, place)
    gate = edge_gate(graph, layer.src_gate(x), layer.dst_gate(x), from_edge)
    mean = gated_sum(graph, gate, layer.dst_update(x))
    nodes = layer.src_update(x) + mean
    x = batch_norm_silu(layer.bn_nodes, nodes, graph.node_weight, x)
    if update_edges:
        return x, batch_norm_silu(layer.bn_edges, gate, graph.edge_weight, y)
    if layer.bn_edges.training:
        with torch.no_grad():
            moments_and_update(layer.bn_edges, gate, graph.edge_weight)
    return x, None

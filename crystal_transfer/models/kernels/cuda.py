"""Fused operations for GPUs: the loops of `kernels.cuda_loops` as differentiable functions.

They compute what `kernels.plain` does, in fewer passes over memory, and never wait for the GPU:
a whole step can be captured as a CUDA graph.
"""

import torch
import triton
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from crystal_transfer.graphs.batches import Adjacency
from crystal_transfer.models.kernels import cuda_loops as loops
from crystal_transfer.models.kernels.convolutions import (
    gradients_of_linears,
    norms_of,
    parameters_of,
    sorted_out,
)
from crystal_transfer.models.kernels.plain import EPSILON

BLOCK = 128  # features of a program, at most
ROWS = 8  # rows or edges at once
PARTS = 256  # programs that a sum over all rows is divided among, at most
SUMMED_AT_ONCE = 32  # of their parts, in the second stage


def suits(x: Tensor, features: int) -> bool:
    """Say whether the fused operations can work on rows of `features` features, as x has them."""
    return x.device.type == "cuda" and x.dtype == torch.float32


def launch(kernel, grid: tuple[int, int], *arguments, **constants) -> None:
    """Launch a kernel."""
    kernel[grid](*arguments, **constants)


# --- normalisation and activation ------------------------------------------------------------


def batch_norm_silu(norm: nn.BatchNorm1d, x: Tensor, weight: Tensor | None = None) -> Tensor:
    """Compute `plain.batch_norm_silu` without a residual."""
    return _NormSilu.apply(x, norm.weight, norm.bias, norm, weight)


class _NormSilu(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, gamma, beta, norm, weight):
        x = x.contiguous()
        moments = _moments(norm, x, weight)
        ctx.save_for_backward(x, gamma, beta, weight, moments)
        ctx.batch_statistics = norm.training
        return _normalise(x, None, moments, gamma, beta)

    @staticmethod
    @once_differentiable
    def backward(ctx, d_out):
        x, gamma, beta, weight, moments = ctx.saved_tensors
        d_out = d_out.contiguous()
        sums = _sums(x, d_out, moments, gamma, beta)
        d_x = _norm_gradients(
            x, d_out, weight, moments, gamma, beta, sums, ctx.batch_statistics
        )  # fmt: skip
        return d_x, sums[1], sums[0], None, None


def _moments(norm: nn.BatchNorm1d, x: Tensor, weight: Tensor | None) -> Tensor:
    """Give what a norm uses: mean, 1 / standard deviation and (in training) weight, [3, features].

    In training mode the running statistics move.
    """
    features = x.shape[1]
    if not norm.training:
        scale = torch.rsqrt(norm.running_var + norm.eps)
        return torch.stack([norm.running_mean, scale, torch.ones_like(scale)])
    moments, (rows_each, n_parts) = x.new_empty(3, features), _shares(len(x))
    partial = x.new_empty(n_parts, 3, features)
    launch(
        loops.partial_moments, _grid(n_parts, features), x, weight, partial, len(x), rows_each,
        features=features, ROWS=ROWS, BLOCK=_block(features),
    )  # fmt: skip
    launch(
        loops.finish_moments, (1, triton.cdiv(features, SUMMED_AT_ONCE)), partial, n_parts,
        moments, norm.running_mean, norm.running_var, norm.num_batches_tracked, norm.momentum,
        norm.eps, features=features, PARTS=SUMMED_AT_ONCE, BLOCK=SUMMED_AT_ONCE,
    )  # fmt: skip
    return moments


def _normalise(x, residual, moments, gamma, beta) -> Tensor:
    n, features = x.shape
    out = torch.empty_like(x)
    launch(
        loops.normalise, _grid(triton.cdiv(n, ROWS), features), x, residual, moments, gamma,
        beta, out, n, features=features, ROWS=ROWS, BLOCK=_block(features),
    )  # fmt: skip
    return out


def _sums(x, d_out, moments, gamma, beta) -> Tensor:
    """Give the gradients of beta and gamma, [2, features]."""
    (n, features), (rows_each, n_parts) = x.shape, _shares(len(x))
    partial = x.new_empty(n_parts, 2, features)
    launch(
        loops.partial_norm_gradients, _grid(n_parts, features), x, d_out, moments, gamma, beta,
        partial, n, rows_each, features=features, ROWS=ROWS, BLOCK=_block(features),
    )  # fmt: skip
    return partial.sum(0)


def _norm_gradients(x, d_out, weight, moments, gamma, beta, sums, batch_statistics) -> Tensor:
    n, features = x.shape
    d_x = torch.empty_like(x)
    launch(
        loops.norm_gradients, _grid(triton.cdiv(n, ROWS), features), x, d_out, weight, moments,
        gamma, beta, sums, d_x, n, features=features, BATCH_STATISTICS=batch_statistics,
        ROWS=ROWS, BLOCK=_block(features),
    )  # fmt: skip
    return d_x


# --- edge-gated convolution ------------------------------------------------------------------


def edge_gated_convolution(
    layer: nn.Module,
    graph: Adjacency,
    x: Tensor,
    y: Tensor,
    place: Tensor | None = None,
    update_edges: bool = True,
) -> tuple[Tensor, Tensor | None]:
    """Compute a whole `alignn.EdgeGatedGraphConv`, as `fused.edge_gated_convolution` does."""
    y = y if place is None else y.index_select(0, place)
    norms = norms_of(layer)
    return _Convolution.apply(x, y, graph, norms, update_edges, *parameters_of(layer))


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, y, graph, norms, update_edges, *parameters):
        x, y = x.contiguous(), y.contiguous()
        weights, biases, (node_gamma, node_beta, edge_gamma, edge_beta) = sorted_out(parameters)
        from_source, from_target = x @ weights[0].t(), x @ weights[1].t()
        message = torch.addmm(biases[2], x, weights[2].t())
        nodes = torch.addmm(biases[3], x, weights[3].t())
        gate = y @ weights[4].t()
        mean, density = torch.empty_like(x), torch.empty_like(x)
        features = x.shape[1]
        launch(
            loops.gates_and_means, _grid(len(x), features), graph.first, graph.source,
            graph.multiplicity, from_source, from_target, message,
            biases[0] + biases[1] + biases[4], gate, mean, density, nodes, features=features,
            EPSILON=EPSILON, EDGES=ROWS, BLOCK=_block(features),
        )  # fmt: skip

        of_nodes = _moments(norms[0], nodes, graph.node_weight)
        x_out = _normalise(nodes, x, of_nodes, node_gamma, node_beta)
        of_edges = y_out = None
        if update_edges or norms[1].training:
            of_edges = _moments(norms[1], gate, graph.edge_weight)
        if update_edges:
            y_out = _normalise(gate, y, of_edges, edge_gamma, edge_beta)

        ctx.graph, ctx.batch_statistics = graph, [norm.training for norm in norms]
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(
            x, y, *parameters, message, mean, density, nodes, gate, of_nodes, of_edges
        )
        return x_out, y_out

    @staticmethod
    @once_differentiable
    def backward(ctx, d_x_out, d_y_out):
        x, y, *parameters = ctx.saved_tensors[:16]
        message, mean, density, nodes, gate, of_nodes, of_edges = ctx.saved_tensors[16:]
        weights, _, (node_gamma, node_beta, edge_gamma, edge_beta) = sorted_out(parameters)
        graph, features = ctx.graph, x.shape[1]
        d_x_out = torch.zeros_like(x) if d_x_out is None else d_x_out.contiguous()
        d_y_out = None if d_y_out is None else d_y_out.contiguous()
        node_sums = _sums(nodes, d_x_out, of_nodes, node_gamma, node_beta)
        d_nodes = _norm_gradients(
            nodes, d_x_out, graph.node_weight, of_nodes, node_gamma, node_beta, node_sums,
            ctx.batch_statistics[0],
        )  # fmt: skip
        edge_sums = None
        if d_y_out is not None:
            edge_sums = _sums(gate, d_y_out, of_edges, edge_gamma, edge_beta)

        d_gate, (d_target, d_source, d_message, pulled) = torch.empty_like(gate), (
            torch.empty_like(x) for _ in range(4)
        )  # fmt: skip
        constants = {"features": features, "EDGES": ROWS, "BLOCK": _block(features)}
        launch(
            loops.gradients_of_targets, _grid(len(x), features), graph.first, graph.source,
            graph.multiplicity, message, mean, density, gate, d_nodes, d_y_out,
            graph.edge_weight, of_edges, edge_gamma, edge_beta, edge_sums, d_gate, d_target,
            pulled, BATCH_STATISTICS=ctx.batch_statistics[1], **constants,
        )  # fmt: skip
        launch(
            loops.gradients_of_sources, _grid(len(x), features), graph.leaving, graph.by_source,
            graph.target, graph.multiplicity, gate, d_gate, pulled, d_source, d_message,
            **constants,
        )  # fmt: skip

        needs_x, needs_y, *_ = ctx.needs_input_grad
        d_x, d_y, *d_linears = gradients_of_linears(
            x, y, weights, (d_source, d_target, d_message, d_nodes, d_gate), (d_x_out, d_y_out),
            (needs_x, needs_y, *ctx.needs_input_grad[5:]),
        )  # fmt: skip
        d_edge_norm = [None, None] if edge_sums is None else [edge_sums[1], edge_sums[0]]
        return (
            d_x, d_y, *[None] * 3, *d_linears, node_sums[1], node_sums[0], *d_edge_norm
        )  # fmt: skip


# --- shapes of launches ----------------------------------------------------------------------


def _block(features: int) -> int:
    return min(triton.next_power_of_2(features), BLOCK)


def _grid(n: int, features: int) -> tuple[int, int]:
    return n, triton.cdiv(features, _block(features))


def _shares(n_rows: int) -> tuple[int, int]:
    """Divide rows among programs: how many rows each has, and how many programs there are."""
    rows_each = triton.cdiv(n_rows, PARTS * ROWS) * ROWS
    return rows_each, triton.cdiv(n_rows, rows_each)

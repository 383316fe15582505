"""Fused operations for GPUs: forward and backward as launches of the kernels in `gpu.loops`.

They compute what `kernels.plain` does, in fewer passes over memory, and never wait for the GPU:
a whole step can be captured as a CUDA graph.
"""

from typing import Any

import torch
import triton
from torch import Tensor, nn

from crystal_transfer.graphs.batches import Adjacency
from crystal_transfer.models.kernels.autograd import (
    Affine,
    ConvolutionGradients,
    Convolved,
    Norms,
)
from crystal_transfer.models.kernels.gpu import loops
from crystal_transfer.models.kernels.plain import EPSILON, running
from crystal_transfer.models.kernels.products import AllAtOnce, Terms, columns

BLOCK = 128  # features of a program, at most
ROWS = 8  # rows or edges at once
PARTS = 256  # programs that a sum over all rows is divided among, at most
SUMMED_AT_ONCE = 32  # of their parts, in the second stage


def launch(kernel: Any, grid: tuple[int, int], *arguments: Any, **constants: Any) -> None:
    """Launch a kernel."""
    kernel[grid](*arguments, **constants)


class Gpu:
    """A CUDA GPU as a `kernels.autograd.Device`."""

    products = AllAtOnce()
    gathers = False

    def suits(self, x: Tensor) -> bool:
        """Return whether the kernels can compute on tensors of the type and device of x."""
        return x.device.type == "cuda" and x.dtype == torch.float32 and len(x) > 0

    def norm_forward(
        self, norm: nn.BatchNorm1d, x: Tensor, weight: Tensor | None
    ) -> tuple[Tensor, tuple[Tensor | None, ...], Any]:
        """Return silu(BN(x)), and what the backward pass needs."""
        moments = _moments(norm, x, weight)
        out = _normalise(x, None, moments, norm.weight, norm.bias)
        return out, (weight, moments), norm.training

    def norm_backward(
        self, d_out: Tensor, x: Tensor, affine: Affine, kept: tuple[Any, ...], state: Any
    ) -> tuple[Tensor, Affine]:
        """Return the gradients of x and of the norm's parameters."""
        weight, moments = kept
        sums = _sums(x, d_out, moments, *affine)
        d_x = torch.empty_like(x)
        _norm_gradients(x, d_out, weight, moments, *affine, sums, state, d_x)
        return d_x, Affine(sums[1], sums[0])

    def convolution_forward(
        self, graph: Adjacency, place: Tensor | None, x: Tensor, y: Tensor, terms: Terms,
        from_edge: Tensor, affine: tuple[Affine, Affine], norms: Norms, update_edges: bool,
    ) -> Convolved:  # fmt: skip
        """Compute gates, averages of messages, norms and residuals; `from_edge` is changed."""
        gate, of_nodes, features = from_edge, terms.of_nodes, x.shape[1]
        mean, density, nodes = (torch.empty_like(x) for _ in range(3))
        launch(
            loops.gates_and_means, _grid(len(x), features), graph.first, graph.source,
            graph.multiplicity, *of_nodes, of_nodes.nodes.stride(0), terms.to_gate, gate, mean,
            density, nodes, features=features, EPSILON=EPSILON, EDGES=ROWS,
            BLOCK=_block(features),
        )  # fmt: skip
        node_moments = _moments(norms.nodes, nodes, graph.node_weight)
        x_out = _normalise(nodes, x, node_moments, *affine[0])
        edge_moments = y_out = None
        if update_edges or norms.edges.training:
            edge_moments = _moments(norms.edges, gate, graph.edge_weight)
        if update_edges:
            y_out = _normalise(gate, y, edge_moments, *affine[1])
        kept = (of_nodes.message, mean, density, nodes, gate, node_moments, edge_moments)
        return Convolved(x_out, y_out, kept, (norms.nodes.training, norms.edges.training))

    def convolution_backward(
        self, graph: Adjacency, place: Tensor | None, x: Tensor, y: Tensor,
        affine: tuple[Affine, Affine], kept: tuple[Any, ...], state: Any, d_x_out: Tensor,
        d_y_out: Tensor | None,
    ) -> ConvolutionGradients:  # fmt: skip
        """Return the gradients of all that the forward pass was given."""
        message, mean, density, nodes, gate, node_moments, edge_moments = kept
        (nodes_train, edges_train), features = state, x.shape[1]
        d_terms = columns(x.new_empty(len(x), 4 * features))
        node_sums = _sums(nodes, d_x_out, node_moments, *affine[0])
        _norm_gradients(
            nodes, d_x_out, graph.node_weight, node_moments, *affine[0], node_sums, nodes_train,
            d_terms.nodes,
        )  # fmt: skip
        edge_sums = None if d_y_out is None else _sums(gate, d_y_out, edge_moments, *affine[1])
        d_gate, pulled = torch.empty_like(gate), torch.empty_like(x)
        stride = d_terms.nodes.stride(0)
        constants = {"features": features, "EDGES": ROWS, "BLOCK": _block(features)}
        launch(
            loops.gradients_of_targets, _grid(len(x), features), graph.first, graph.source,
            graph.multiplicity, message, mean, density, gate, d_terms.nodes, d_y_out,
            graph.edge_weight, edge_moments, *affine[1], edge_sums, d_gate, d_terms.from_target,
            stride, pulled, BATCH_STATISTICS=edges_train, **constants,
        )  # fmt: skip
        launch(
            loops.gradients_of_sources, _grid(len(x), features), graph.leaving, graph.by_source,
            graph.target, graph.multiplicity, gate, d_gate, pulled, d_terms.from_source,
            d_terms.message, stride, **constants,
        )  # fmt: skip
        of_edges = None if edge_sums is None else Affine(edge_sums[1], edge_sums[0])
        return ConvolutionGradients(
            d_terms, d_gate, d_y_out, Affine(node_sums[1], node_sums[0]), of_edges
        )


DEVICE = Gpu()


# --- norm and activation -----------------------------------------------------------------------


def _moments(norm: nn.BatchNorm1d, x: Tensor, weight: Tensor | None) -> Tensor:
    """Compute what a norm uses: mean, 1 / standard deviation and total weight, [3, features].

    The weight is that of all rows; in training mode the running statistics are updated.
    """
    features, averages = x.shape[1], running(norm)
    if not norm.training:
        scale = torch.rsqrt(averages.variance + norm.eps)
        return torch.stack([averages.mean, scale, torch.ones_like(scale)])
    moments, (rows_each, n_parts) = x.new_empty(3, features), _shares(len(x))
    partial = x.new_empty(n_parts, 3, features)
    launch(
        loops.partial_moments, _grid(n_parts, features), x, weight, partial, len(x), rows_each,
        features=features, ROWS=ROWS, BLOCK=_block(features),
    )  # fmt: skip
    launch(
        loops.finish_moments, (1, triton.cdiv(features, SUMMED_AT_ONCE)), partial, n_parts,
        moments, *averages, norm.eps, features=features, PARTS=SUMMED_AT_ONCE, BLOCK=SUMMED_AT_ONCE,
    )  # fmt: skip
    return moments


def _normalise(
    x: Tensor, residual: Tensor | None, moments: Tensor | None, gamma: Tensor, beta: Tensor
) -> Tensor:
    n, features = x.shape
    out = torch.empty_like(x)
    launch(
        loops.normalise, _grid(triton.cdiv(n, ROWS), features), x, residual, moments, gamma,
        beta, out, n, features=features, ROWS=ROWS, BLOCK=_block(features),
    )  # fmt: skip
    return out


def _sums(x: Tensor, d_out: Tensor, moments: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    """Compute the gradients of beta and gamma, [2, features]."""
    (n, features), (rows_each, n_parts) = x.shape, _shares(len(x))
    partial = x.new_empty(n_parts, 2, features)
    launch(
        loops.partial_norm_gradients, _grid(n_parts, features), x, d_out, moments, gamma, beta,
        partial, n, rows_each, features=features, ROWS=ROWS, BLOCK=_block(features),
    )  # fmt: skip
    return partial.sum(0)


def _norm_gradients(
    x: Tensor,
    d_out: Tensor,
    weight: Tensor | None,
    moments: Tensor,
    gamma: Tensor,
    beta: Tensor,
    sums: Tensor,
    batch_statistics: bool,
    d_x: Tensor,
) -> None:
    """Write the gradients of rows x into d_x, which may be columns of a matrix."""
    n, features = x.shape
    launch(
        loops.norm_gradients, _grid(triton.cdiv(n, ROWS), features), x, d_out, weight, moments,
        gamma, beta, sums, d_x, d_x.stride(0), n, features=features,
        BATCH_STATISTICS=batch_statistics, ROWS=ROWS, BLOCK=_block(features),
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

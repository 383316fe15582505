"""Fused operations for the CPU: the loops of `kernels.loops` as differentiable functions.

They compute what `kernels.plain` does, in fewer passes over memory.
"""

import ctypes

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from crystal_transfer.graphs.batches import Adjacency
from crystal_transfer.models.kernels import loops
from crystal_transfer.models.kernels.convolutions import (
    gradients_of_linears,
    norms_of,
    parameters_of,
    sorted_out,
)


def suits(x: Tensor, features: int) -> bool:
    """Say whether the fused operations can work on rows of `features` features, as x has them."""
    return x.device.type == "cpu" and x.dtype == torch.float32 and features % loops.LANES == 0


# --- normalisation and activation ------------------------------------------------------------


def batch_norm_silu(norm: nn.BatchNorm1d, x: Tensor, weight: Tensor | None = None) -> Tensor:
    """Compute `plain.batch_norm_silu` without a residual."""
    return _NormSilu.apply(x, norm.weight, norm.bias, norm, weight)


class _NormSilu(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, gamma, beta, norm, weight):
        x = x.contiguous()
        out = torch.empty_like(x)
        total = len(x) if weight is None else float(weight.sum())
        record, scratch = _norm_record(norm, total)
        arguments = _record(
            loops.ROWS, n_rows=len(x), features=x.shape[1], x=x, weight=weight, out=out,
            norm=record,
        )  # fmt: skip
        _run(loops.rows_forward, arguments)
        ctx.save_for_backward(x, gamma, beta, weight, *scratch)
        ctx.arguments = arguments
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, d_out):
        x, gamma, *_ = ctx.saved_tensors
        d_out, d_x = d_out.contiguous(), torch.empty_like(x)
        d_gamma, d_beta = torch.empty_like(gamma), torch.empty_like(gamma)
        _set(ctx.arguments, d_out=d_out, d_x=d_x)
        _set(ctx.arguments["norm"], d_gamma=d_gamma, d_beta=d_beta)
        _run(loops.rows_backward, ctx.arguments)
        return d_x, d_gamma, d_beta, None, None


# --- edge-gated convolution ------------------------------------------------------------------


def edge_gated_convolution(
    layer: nn.Module,
    graph: Adjacency,
    x: Tensor,
    y: Tensor,
    place: Tensor | None = None,
    update_edges: bool = True,
) -> tuple[Tensor, Tensor | None]:
    """Compute a whole `alignn.EdgeGatedGraphConv`; its `update` is the plain version.

    Of tensors with a row per edge only the argument of the gate is kept for the backward pass,
    besides the edge features themselves.

    Parameters
    ----------
    layer
        The `EdgeGatedGraphConv`.
    graph, x, y, place, update_edges
        As there.
    """
    norms = norms_of(layer)
    return _Convolution.apply(x, y, graph, place, norms, update_edges, *parameters_of(layer))


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, y, graph, place, norms, update_edges, *parameters):
        x, y = x.contiguous(), y.contiguous()
        weights, biases, _ = sorted_out(parameters)
        from_source, from_target = x @ weights[0].t(), x @ weights[1].t()
        message = torch.addmm(biases[2], x, weights[2].t())
        before_norm = torch.addmm(biases[3], x, weights[3].t())
        own = y @ weights[4].t()
        bias = biases[0] + biases[1] + biases[4]

        gate = own if place is None else own.new_empty(len(graph.source), own.shape[1])
        mean, density, x_out = torch.empty_like(x), torch.empty_like(x), torch.empty_like(x)
        y_out = torch.empty_like(gate) if update_edges else None
        nodes, nodes_scratch = _norm_record(norms[0], graph.n_full_nodes)
        edges, edges_scratch = _norm_record(norms[1], graph.n_full_edges)
        arguments = _record(
            loops.CONVOLUTION, n_nodes=len(x), n_edges=len(gate), features=x.shape[1],
            first=graph.first, source=graph.source, target=graph.target, place=place,
            multiplicity=graph.multiplicity, node_weight=graph.node_weight,
            from_source=from_source, from_target=from_target, message=message, own=own,
            bias=bias, gate=gate, mean=mean, density=density, before_norm=before_norm,
            x=x, y=y, x_out=x_out, y_out=y_out, nodes=nodes, edges=edges,
        )  # fmt: skip
        _run(loops.convolution_forward, arguments)

        ctx.graph, ctx.place, ctx.arguments = graph, place, arguments
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(
            x, y, *parameters, message, mean, density, before_norm, gate,
            *nodes_scratch, *edges_scratch,
        )  # fmt: skip
        return x_out, y_out

    @staticmethod
    @once_differentiable
    def backward(ctx, d_x_out, d_y_out):
        x, y, *parameters = ctx.saved_tensors[:16]
        d_x_out = torch.zeros_like(x) if d_x_out is None else d_x_out.contiguous()
        d_y_out = None if d_y_out is None else d_y_out.contiguous()
        d_y, *d_terms = _room_for_gradients(x, y, d_y_out, ctx.place)
        d_norms = x.new_empty(4, x.shape[1])
        _set(ctx.arguments, d_x_out=d_x_out, d_y_out=d_y_out, d_y=d_y)
        _set(ctx.arguments, **dict(zip(loops.GRADIENTS, d_terms, strict=True)))
        _set(ctx.arguments["nodes"], d_gamma=d_norms[0], d_beta=d_norms[1])
        _set(ctx.arguments["edges"], d_gamma=d_norms[2], d_beta=d_norms[3])
        _run(loops.convolution_backward, ctx.arguments)

        needs_x, needs_y, *_ = ctx.needs_input_grad
        needed = needs_x, needs_y, *ctx.needs_input_grad[6:]
        weights, _, _ = sorted_out(parameters)
        d_x, d_y, *d_linears = gradients_of_linears(
            x, y, weights, d_terms, (d_x_out, d_y), needed
        )  # fmt: skip
        d_edge_norm = [None, None] if d_y_out is None else d_norms[2:]
        return d_x, d_y, *[None] * 4, *d_linears, *d_norms[:2], *d_edge_norm


def _room_for_gradients(x, y, d_y_out, place) -> tuple[Tensor | None, ...]:
    """Give tensors for the gradients of y through the residual and of the five linear layers.

    Those that the loops add to are zero.
    """
    terms = (
        torch.zeros_like(x), torch.empty_like(x), torch.zeros_like(x), torch.empty_like(x)
    )  # fmt: skip
    if place is None:
        return d_y_out, *terms, torch.empty_like(y)
    return None if d_y_out is None else torch.zeros_like(y), *terms, torch.zeros_like(y)


# --- calls of the loops ----------------------------------------------------------------------


def _address(value: Tensor | int | None) -> int:
    if isinstance(value, Tensor):
        return value.data_ptr()
    return value or 0


def _record(kind: np.dtype, **values) -> np.ndarray:
    """Put arguments into a record; tensors as addresses, 0 for all that is not given."""
    content = (
        value if isinstance(value, tuple) else _address(value)
        for value in map(values.get, kind.names)
    )
    return np.array([tuple(content)], dtype=kind)


def _set(record: np.ndarray, **values: Tensor | None) -> None:
    for name, value in values.items():
        record[name] = _address(value)


def _norm_record(norm: nn.BatchNorm1d, total: float) -> tuple[tuple, tuple[Tensor, ...]]:
    """Describe a batch norm to the loops, and give the tensors in which they leave moments.

    Parameters
    ----------
    norm
        Its counter moves here, where its running statistics will move.
    total
        Sum of the weights of all rows.
    """
    features = norm.num_features
    moments = norm.weight.new_empty(3, features)  # mean, scale and shift
    sums = norm.weight.new_empty(2, features, dtype=torch.float64)
    if norm.training and total > 1:
        norm.num_batches_tracked += 1
    addresses = [
        tensor.data_ptr()
        for tensor in (norm.weight, norm.bias, *moments, norm.running_mean, norm.running_var, sums)
    ]
    record = (int(norm.training), *addresses, 0, 0, total, norm.momentum, norm.eps)
    return record, (moments, sums)


def _run(loop: loops.Loop, arguments: np.ndarray) -> None:
    """Run a loop over all features, in the threads that PyTorch itself uses.

    A second pool would compete with them: OpenMP's threads wait for work by spinning.
    """
    features, threads = int(arguments["features"][0]), torch.get_num_threads()
    share = -(-features // (threads * loops.LANES)) * loops.LANES
    arguments["block"], arguments["next_block"] = min(share, loops.FEATURES_AT_ONCE), 0
    if threads == 1 or _RUN_IN_THREADS is None:
        loop.function(arguments.ctypes.data)
    else:
        _RUN_IN_THREADS(loop.address, arguments.ctypes.data, threads, 0)


def _find_openmp():
    """Find the function of PyTorch's OpenMP that calls another in all threads, if it has one."""
    try:
        function = ctypes.CDLL(torch._C.__file__).GOMP_parallel
    except (OSError, AttributeError):
        return None
    function.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint]
    function.restype = None
    return function


_RUN_IN_THREADS = _find_openmp()

"""Fused operations for the CPU: forward and backward as calls of the loops in `cpu.loops`.

They compute what `kernels.plain` does, in fewer passes over memory.
"""

import ctypes
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from crystal_transfer.graphs.batches import Adjacency
from crystal_transfer.models.kernels.autograd import (
    Affine,
    ConvolutionGradients,
    Convolved,
    Norms,
)
from crystal_transfer.models.kernels.cpu import loops
from crystal_transfer.models.kernels.cpu.simd import LANES
from crystal_transfer.models.kernels.plain import running
from crystal_transfer.models.kernels.products import OfNodes, OneEach, Terms


class Cpu:
    """The CPU as a `kernels.autograd.Device`."""

    products = OneEach()
    gathers = True

    def suits(self, x: Tensor) -> bool:
        """Return whether the loops can compute on tensors of the type, device and width of x."""
        whole = x.shape[1] % LANES == 0
        return x.device.type == "cpu" and x.dtype == torch.float32 and whole and len(x) > 0

    def norm_forward(
        self, norm: nn.BatchNorm1d, x: Tensor, weight: Tensor | None
    ) -> tuple[Tensor, tuple[Tensor | None, ...], Any]:
        """Return silu(BN(x)), and the tensors and the record that the backward pass needs."""
        out = torch.empty_like(x)
        total = len(x) if weight is None else float(weight.sum())
        record, scratch = _norm_record(norm, total)
        arguments = _record(
            loops.ROWS, n_rows=len(x), features=x.shape[1], x=x, weight=weight, out=out,
            norm=record,
        )  # fmt: skip
        _run(loops.rows_forward, arguments)
        return out, (weight, *scratch), arguments

    def norm_backward(
        self, d_out: Tensor, x: Tensor, affine: Affine, kept: tuple[Any, ...], state: Any
    ) -> tuple[Tensor, Affine]:
        """Return the gradients of x and of the norm's parameters."""
        d_x = torch.empty_like(x)
        d_affine = Affine(torch.empty_like(affine.gamma), torch.empty_like(affine.beta))
        _set(state, d_out=d_out, d_x=d_x)
        _set(state["norm"], d_gamma=d_affine.gamma, d_beta=d_affine.beta)
        _run(loops.rows_backward, state)
        return d_x, d_affine

    def convolution_forward(
        self, graph: Adjacency, place: Tensor | None, x: Tensor, y: Tensor, terms: Terms,
        from_edge: Tensor, affine: tuple[Affine, Affine], norms: Norms, update_edges: bool,
    ) -> Convolved:  # fmt: skip
        """Compute gates, averages of messages, norms and residuals; the term `nodes` is changed."""
        of_nodes, gate = terms.of_nodes, from_edge
        if place is not None:
            gate = from_edge.new_empty(len(graph.source), from_edge.shape[1])
        mean, density, x_out = torch.empty_like(x), torch.empty_like(x), torch.empty_like(x)
        y_out = torch.empty_like(gate) if update_edges else None
        node_norm, node_scratch = _norm_record(norms.nodes, graph.n_full_nodes)
        edge_norm, edge_scratch = _norm_record(norms.edges, graph.n_full_edges)
        arguments = _record(
            loops.CONVOLUTION, n_nodes=len(x), n_edges=len(gate), features=x.shape[1],
            first=graph.first, source=graph.source, target=graph.target, place=place,
            multiplicity=graph.multiplicity, node_weight=graph.node_weight,
            **of_nodes._asdict(), from_edge=from_edge, bias=terms.to_gate, gate=gate,
            mean=mean, density=density, x=x, y=y, x_out=x_out, y_out=y_out, node_norm=node_norm,
            edge_norm=edge_norm,
        )  # fmt: skip
        _run(loops.convolution_forward[y.dtype], arguments)
        kept = (
            of_nodes.message, mean, density, of_nodes.nodes, gate, *node_scratch, *edge_scratch
        )  # fmt: skip
        return Convolved(x_out, y_out, kept, arguments)

    def convolution_backward(
        self, graph: Adjacency, place: Tensor | None, x: Tensor, y: Tensor,
        affine: tuple[Affine, Affine], kept: tuple[Any, ...], state: Any, d_x_out: Tensor,
        d_y_out: Tensor | None,
    ) -> ConvolutionGradients:  # fmt: skip
        """Return the gradients of all that the forward pass was given."""
        d_terms = OfNodes(  # the loops add to those that are zeros
            from_source=torch.zeros_like(x),
            from_target=torch.empty_like(x),
            message=torch.zeros_like(x),
            nodes=torch.empty_like(x),
        )
        d_gate, d_y = _edge_buffers(y, d_y_out, place)
        d_node_norm, d_edge_norm = (
            Affine(*x.new_empty(2, x.shape[1])) for _ in range(2)
        )  # fmt: skip
        _set(state, d_x_out=d_x_out, d_y_out=d_y_out, d_y=d_y)
        _set(state, d_from_edge=d_gate, **{f"d_{name}": d for name, d in d_terms._asdict().items()})
        _set(state["node_norm"], d_gamma=d_node_norm.gamma, d_beta=d_node_norm.beta)
        _set(state["edge_norm"], d_gamma=d_edge_norm.gamma, d_beta=d_edge_norm.beta)
        _run(loops.convolution_backward[y.dtype], state)
        of_edges = None if d_y_out is None else d_edge_norm
        return ConvolutionGradients(d_terms, d_gate, d_y, d_node_norm, of_edges)


DEVICE = Cpu()


def _edge_buffers(
    y: Tensor, d_y_out: Tensor | None, place: Tensor | None
) -> tuple[Tensor, Tensor | None]:
    """Return tensors for the gradients of the gates, and of y through the residual connection.

    Those that the loops add to are filled with zeros, and are floats whatever y is.
    """
    if place is None:
        return torch.empty_like(y), d_y_out
    return torch.zeros(y.shape), None if d_y_out is None else torch.zeros(y.shape)


# --- calls of the loops ----------------------------------------------------------------------


def _address(value: Tensor | int | None) -> int:
    if isinstance(value, Tensor):
        return value.data_ptr()
    return value or 0


def _record(kind: np.dtype, **values: Any) -> np.ndarray:
    """Put arguments into a record; tensors as addresses, 0 for all that is not given."""
    content = (
        value if isinstance(value, tuple) else _address(value)
        for value in map(values.get, kind.names or ())
    )
    return np.array([tuple(content)], dtype=kind)


def _set(record: np.ndarray, **values: Tensor | None) -> None:
    for name, value in values.items():
        record[name] = _address(value)


def _norm_record(norm: nn.BatchNorm1d, total: float) -> tuple[tuple[Any, ...], tuple[Tensor, ...]]:
    """Describe a batch norm to the loops, and return the tensors in which they leave moments.

    Parameters
    ----------
    norm
        Its counter moves here, where its running statistics will move.
    total
        Sum of the weights of all rows.
    """
    features, averages = norm.num_features, running(norm)
    moments = norm.weight.new_empty(3, features)  # mean, scale and shift
    sums = norm.weight.new_empty(2, features, dtype=torch.float64)
    if norm.training and total > 1:
        averages.batches.add_(1)
    addresses = [
        tensor.data_ptr()
        for tensor in (norm.weight, norm.bias, *moments, averages.mean, averages.variance, sums)
    ]
    record = (int(norm.training), *addresses, 0, 0, total, averages.momentum, norm.eps)
    return record, (moments, sums)


def _run(loop: loops.Loop, arguments: np.ndarray) -> None:
    """Run a loop over all features, in the threads that PyTorch itself uses.

    A second pool would compete with them: OpenMP's threads wait for work by spinning.
    """
    features, threads = int(arguments["features"][0]), torch.get_num_threads()
    share = -(-features // (threads * LANES)) * LANES
    arguments["block"], arguments["next_block"] = min(share, loops.FEATURES_AT_ONCE), 0
    if threads == 1 or _RUN_IN_THREADS is None:
        loop.function(arguments.ctypes.data)
    else:
        _RUN_IN_THREADS(loop.address, arguments.ctypes.data, threads, 0)


def _find_openmp() -> Any:
    """Find the function of PyTorch's OpenMP that calls another in all threads, if it has one."""
    try:
        function = ctypes.CDLL(torch._C.__file__).GOMP_parallel
    except (OSError, AttributeError):
        return None
    function.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint]
    function.restype = None
    return function


_RUN_IN_THREADS = _find_openmp()

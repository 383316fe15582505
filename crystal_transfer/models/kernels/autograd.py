"""The fused operations as differentiable functions; a device computes forward and backward.

The linear layers, what is kept for the backward pass and where gradients go stand here once.
"""

from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from crystal_transfer.graphs.batches import Adjacency
from crystal_transfer.models.kernels.plain import Convolution


class Linears(NamedTuple):
    """One tensor for each linear layer of a convolution: a weight, a bias, an output, a gradient.

    All but the last are layers of the node features, the last one of the edge features.
    """

    from_source: Tensor
    from_target: Tensor
    message: Tensor
    nodes: Tensor
    from_edge: Tensor


class Affine(NamedTuple):
    """Scale and shift of a norm, or their gradients."""

    gamma: Tensor
    beta: Tensor


class Parameters(NamedTuple):
    """The parameters of an `EdgeGatedGraphConv`, or their gradients."""

    weights: Linears
    biases: Linears
    node_norm: Affine
    edge_norm: Affine

    @classmethod
    def of(cls, layer: Convolution) -> "Parameters":
        """Collect the parameters of a layer."""
        linears = (
            layer.src_gate, layer.dst_gate, layer.dst_update, layer.src_update, layer.edge_gate
        )  # fmt: skip
        return cls(
            Linears(*(linear.weight for linear in linears)),
            Linears(*(linear.bias for linear in linears)),
            Affine(layer.bn_nodes.weight, layer.bn_nodes.bias),
            Affine(layer.bn_edges.weight, layer.bn_edges.bias),
        )

    @classmethod
    def from_flat(cls, tensors: tuple[Any, ...]) -> "Parameters":
        """Undo `flat`."""
        return cls(
            Linears(*tensors[:5]), Linears(*tensors[5:10]), Affine(*tensors[10:12]),
            Affine(*tensors[12:]),
        )  # fmt: skip

    def flat(self) -> tuple[Tensor, ...]:
        """List all tensors, as autograd wants them."""
        return (*self.weights, *self.biases, *self.node_norm, *self.edge_norm)


class Norms(NamedTuple):
    """The norms of a convolution: of its nodes and of its edges."""

    nodes: nn.BatchNorm1d
    edges: nn.BatchNorm1d


class Convolved(NamedTuple):
    """What the forward pass of a convolution returns.

    Attributes
    ----------
    x_out, y_out
        New node and edge features; y_out is None where they are not updated.
    kept
        Tensors that the backward pass needs.
    state
        What else it needs.
    """

    x_out: Tensor
    y_out: Tensor | None
    kept: tuple[Tensor | None, ...]
    state: Any


class Device(Protocol):
    """What a device supplies: forward and backward on buffers.

    Attributes
    ----------
    gathers
        Whether its convolution takes y with one row per distinct edge, and `place`, which row each
        edge has; if not, it gets a row per edge.
    """

    gathers: bool

    def suits(self, x: Tensor) -> bool:
        """Return whether it can compute on tensors of the type, device and width of x."""

    def norm_forward(
        self, norm: nn.BatchNorm1d, x: Tensor, weight: Tensor | None
    ) -> tuple[Tensor, tuple[Tensor | None, ...], Any]:
        """Return silu(BN(x)), and the tensors and the state that the backward pass needs."""

    def norm_backward(
        self, d_out: Tensor, x: Tensor, affine: Affine, kept: tuple[Any, ...], state: Any
    ) -> tuple[Tensor, Affine]:
        """Return the gradients of x and of the norm's parameters."""

    def convolution_forward(
        self, graph: Adjacency, place: Tensor | None, x: Tensor, y: Tensor, terms: Linears,
        bias: Tensor, affine: tuple[Affine, Affine], norms: Norms, update_edges: bool,
    ) -> Convolved:  # fmt: skip
        """Compute gates, averages of messages, norms and residuals.

        Parameters
        ----------
        terms
            Outputs of the linear layers: without a bias those that are added up to the gate.
        bias
            Of the gate.
        """

    def convolution_backward(
        self, graph: Adjacency, place: Tensor | None, x: Tensor, y: Tensor,
        affine: tuple[Affine, Affine], kept: tuple[Any, ...], state: Any, d_x_out: Tensor,
        d_y_out: Tensor | None,
    ) -> tuple[Linears, Tensor | None, Affine, Affine | None]:  # fmt: skip
        """Return gradients of the terms, of y past the linear layers, and of the norms."""


# --- norm and activation -----------------------------------------------------------------------


def batch_norm_silu(
    device: Device, norm: nn.BatchNorm1d, x: Tensor, weight: Tensor | None = None
) -> Tensor:
    """Compute `plain.batch_norm_silu` without a residual."""
    result: Tensor = _NormSilu.apply(x, norm.weight, norm.bias, norm, weight, device)
    return result


class _NormSilu(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        gamma: Tensor,
        beta: Tensor,
        norm: nn.BatchNorm1d,
        weight: Tensor | None,
        device: Device,
    ) -> Tensor:
        x = x.contiguous()
        out, kept, ctx.state = device.norm_forward(norm, x, weight)
        ctx.device = device
        ctx.save_for_backward(x, gamma, beta, *kept)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_out: Tensor) -> tuple[Tensor | None, ...]:
        x, gamma, beta, *kept = ctx.saved_tensors
        d_x, d_affine = ctx.device.norm_backward(
            d_out.contiguous(), x, Affine(gamma, beta), tuple(kept), ctx.state
        )
        return d_x, *d_affine, None, None, None


# --- edge-gated convolution ---------------------------------------------------------------------


def edge_gated_convolution(
    device: Device,
    layer: Convolution,
    graph: Adjacency,
    x: Tensor,
    y: Tensor,
    place: Tensor | None = None,
    update_edges: bool = True,
) -> tuple[Tensor, Tensor | None]:
    """Compute `plain.edge_gated_convolution`.

    Of tensors with a row per edge only the gate is kept for the backward pass, besides the edge
    features themselves.
    """
    if place is not None and not device.gathers:
        y, place = y.index_select(0, place), None
    norms = Norms(layer.bn_nodes, layer.bn_edges)
    parameters = Parameters.of(layer).flat()
    result: tuple[Tensor, Tensor | None] = _Convolution.apply(
        x, y, graph, place, norms, update_edges, device, *parameters
    )
    return result


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        y: Tensor,
        graph: Adjacency,
        place: Tensor | None,
        norms: Norms,
        update_edges: bool,
        device: Device,
        *flat: Tensor,
    ) -> tuple[Tensor, Tensor | None]:
        x, y, p = x.contiguous(), y.contiguous(), Parameters.from_flat(flat)
        terms = Linears(
            from_source=x @ p.weights.from_source.t(),
            from_target=x @ p.weights.from_target.t(),
            message=torch.addmm(p.biases.message, x, p.weights.message.t()),
            nodes=torch.addmm(p.biases.nodes, x, p.weights.nodes.t()),
            from_edge=y @ p.weights.from_edge.t(),
        )
        bias = p.biases.from_source + p.biases.from_target + p.biases.from_edge
        result = device.convolution_forward(
            graph, place, x, y, terms, bias, (p.node_norm, p.edge_norm), norms, update_edges
        )
        ctx.graph, ctx.place, ctx.state, ctx.device = graph, place, result.state, device
        ctx.n_parameters = len(flat)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(x, y, *flat, *result.kept)
        return result.x_out, result.y_out

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, d_x_out: Tensor | None, d_y_out: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        x, y, *saved = ctx.saved_tensors
        p = Parameters.from_flat(tuple(saved[: ctx.n_parameters]))
        d_x_out = torch.zeros_like(x) if d_x_out is None else d_x_out.contiguous()
        d_y_out = None if d_y_out is None else d_y_out.contiguous()
        d_terms, d_y, d_node_norm, d_edge_norm = ctx.device.convolution_backward(
            ctx.graph, ctx.place, x, y, (p.node_norm, p.edge_norm),
            tuple(saved[ctx.n_parameters :]), ctx.state, d_x_out, d_y_out,
        )  # fmt: skip
        needs_x, needs_y, _, _, _, _, _, *needed = ctx.needs_input_grad
        wanted = Parameters.from_flat(tuple(needed))
        return (
            _sum_of_products(d_x_out, d_terms[:4], p.weights[:4]) if needs_x else None,
            _sum_of_products(d_y, d_terms[4:], p.weights[4:]) if needs_y else None,
            *[None] * 5,
            *_of_weights(x, y, d_terms, wanted.weights),
            *_of_biases(d_terms, wanted.biases),
            *d_node_norm,
            *(d_edge_norm or (None, None)),
        )


def _of_weights(x: Tensor, y: Tensor, d_terms: Linears, wanted: Linears) -> list[Tensor | None]:
    """Return the gradients of the weights of the linear layers; None where none is asked for."""
    inputs = Linears(x, x, x, x, y)
    return [
        d.t() @ rows if asked else None
        for d, rows, asked in zip(d_terms, inputs, wanted, strict=True)
    ]


def _of_biases(d_terms: Linears, wanted: Linears) -> list[Tensor | None]:
    """Sum the gradients of the linear layers over the rows.

    Three of the layers add up to the gate: the gradients of their biases are equal, and those of
    the target, which has the fewest rows, are summed once.
    """
    of_gate = d_terms.from_target.sum(0) if _any_of_gate(wanted) else None
    return [
        of_gate if wanted.from_source else None,
        of_gate if wanted.from_target else None,
        d_terms.message.sum(0) if wanted.message else None,
        d_terms.nodes.sum(0) if wanted.nodes else None,
        of_gate if wanted.from_edge else None,
    ]


def _any_of_gate(wanted: Linears) -> bool:
    return bool(wanted.from_source or wanted.from_target or wanted.from_edge)


def _sum_of_products(
    start: Tensor | None, rows: tuple[Tensor, ...], weights: tuple[Tensor, ...]
) -> Tensor:
    """Return start + sum_i rows_i @ weights_i."""
    first, *others = zip(rows, weights, strict=True)
    total = first[0].mm(first[1]) if start is None else start.addmm(*first)
    for other in others:
        total.addmm_(*other)
    return total

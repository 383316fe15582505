"""The fused operations as differentiable functions; a device computes forward and backward.

The linear layers, what is kept for the backward pass and where gradients go stand here once.
"""

from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from crystal_transfer.graphs.batches import Adjacency
from crystal_transfer.models.kernels.plain import Convolution
from crystal_transfer.models.kernels.products import OfNodes, Products, Terms


class Affine(NamedTuple):
    """Scale and shift of a norm, or their gradients."""

    gamma: Tensor
    beta: Tensor


class Parameters(NamedTuple):
    """The parameters of an `EdgeGatedGraphConv`, or their gradients."""

    node_weights: OfNodes
    node_biases: OfNodes
    edge_weight: Tensor
    edge_bias: Tensor
    node_norm: Affine
    edge_norm: Affine

    @classmethod
    def of(cls, layer: Convolution) -> "Parameters":
        """Collect the parameters of a layer."""
        of_nodes = layer.src_gate, layer.dst_gate, layer.dst_update, layer.src_update
        return cls(
            OfNodes(*(linear.weight for linear in of_nodes)),
            OfNodes(*(linear.bias for linear in of_nodes)),
            layer.edge_gate.weight,
            layer.edge_gate.bias,
            Affine(layer.bn_nodes.weight, layer.bn_nodes.bias),
            Affine(layer.bn_edges.weight, layer.bn_edges.bias),
        )

    @classmethod
    def from_flat(cls, tensors: tuple[Any, ...]) -> "Parameters":
        """Undo `flat`."""
        return cls(
            OfNodes(*tensors[:4]), OfNodes(*tensors[4:8]), tensors[8], tensors[9],
            Affine(*tensors[10:12]), Affine(*tensors[12:]),
        )  # fmt: skip

    def flat(self) -> tuple[Tensor, ...]:
        """List all tensors, as autograd wants them."""
        return (
            *self.node_weights, *self.node_biases, self.edge_weight, self.edge_bias,
            *self.node_norm, *self.edge_norm,
        )  # fmt: skip


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


class ConvolutionGradients(NamedTuple):
    """What the backward pass of a convolution returns, the products left to do.

    Attributes
    ----------
    terms
        Of the outputs of the nodes' linear layers.
    gate
        Of the output of the edges' linear layer.
    y
        Of the edge features, past that layer; None where nothing comes that way.
    node_norm, edge_norm
        Of the parameters of the norms; None where the edges are not updated.
    """

    terms: OfNodes
    gate: Tensor
    y: Tensor | None
    node_norm: Affine
    edge_norm: Affine | None


class Device(Protocol):
    """What a device supplies: forward and backward on buffers.

    Attributes
    ----------
    products
        How it multiplies node features by the weights of their linear layers.
    gathers
        Whether its convolution takes y with one row per distinct edge, and `place`, which row each
        edge has; if not, it gets a row per edge.
    """

    products: Products
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
        self, graph: Adjacency, place: Tensor | None, x: Tensor, y: Tensor, terms: Terms,
        from_edge: Tensor, affine: tuple[Affine, Affine], norms: Norms, update_edges: bool,
    ) -> Convolved:  # fmt: skip
        """Compute gates, averages of messages, norms and residuals.

        Parameters
        ----------
        terms, from_edge
            Outputs of the linear layers of nodes and of edges. They may be changed.
        """

    def convolution_backward(
        self, graph: Adjacency, place: Tensor | None, x: Tensor, y: Tensor,
        affine: tuple[Affine, Affine], kept: tuple[Any, ...], state: Any, d_x_out: Tensor,
        d_y_out: Tensor | None,
    ) -> ConvolutionGradients:  # fmt: skip
        """Return the gradients of all that the forward pass was given."""


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
    features themselves. Edge features may be bf16: what has a row per edge is then, too.

    Each of the two results may be used by one operation only: the gradient that arrives at it is
    overwritten, since a copy of a row per edge costs more than what is added to it.
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
        terms = device.products.terms(x, p.node_weights, p.node_biases, p.edge_bias)
        from_edge = y @ p.edge_weight.to(y.dtype).t()
        result = device.convolution_forward(
            graph, place, x, y, terms, from_edge, (p.node_norm, p.edge_norm), norms, update_edges
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
        products: Products = ctx.device.products
        d: ConvolutionGradients = ctx.device.convolution_backward(
            ctx.graph, ctx.place, x, y, (p.node_norm, p.edge_norm),
            tuple(saved[ctx.n_parameters :]), ctx.state, d_x_out, d_y_out,
        )  # fmt: skip
        needs_x, needs_y, _, _, _, _, _, *flags = ctx.needs_input_grad
        wanted = Parameters.from_flat(tuple(flags))
        d_weights = d_biases = None
        if any(wanted.node_weights):
            d_weights = products.gradients_of_weights(x, d.terms)
        if any(wanted.node_biases) or wanted.edge_bias:
            d_biases = products.gradients_of_biases(d.terms)
        return (
            products.add_gradient_of_x(d_x_out, d.terms, p.node_weights) if needs_x else None,
            _gradient_of_y(d, p.edge_weight).to(y.dtype) if needs_y else None,
            *[None] * 5,
            *_asked_for(d_weights, wanted.node_weights),
            *_asked_for(d_biases, wanted.node_biases),
            (d.gate.t() @ y.to(d.gate.dtype)).float() if wanted.edge_weight else None,
            d_biases.from_source if d_biases and wanted.edge_bias else None,
            *d.node_norm,
            *(d.edge_norm or (None, None)),
        )


def _asked_for(gradients: OfNodes | None, wanted: OfNodes) -> list[Tensor | None]:
    """Return the gradients that autograd asks for, None in the place of others."""
    return [d if asked else None for d, asked in zip(gradients or wanted, wanted, strict=True)]


def _gradient_of_y(d: ConvolutionGradients, weight: Tensor) -> Tensor:
    """Return what the gates say of the edge features, and what came past the linear layer."""
    weight = weight.to(d.gate.dtype)
    return d.gate.mm(weight) if d.y is None else d.y.addmm_(d.gate, weight)

"""The matrix products of the linear layers of a convolution's nodes: one each, or one for all four.

Which of them a device takes is a matter of speed: on a GPU one large product costs less than four,
and is one launch; on a CPU both take the same time, and four tensors can be freed one by one.
"""

from typing import NamedTuple, Protocol

import torch
from torch import Tensor


class OfNodes(NamedTuple):
    """One tensor for each linear layer of the nodes: a weight, a bias, an output, a gradient."""

    from_source: Tensor
    from_target: Tensor
    message: Tensor
    nodes: Tensor


class Terms(NamedTuple):
    """Outputs of the layers, [n_nodes, features] each, and which biases the gate still lacks.

    Attributes
    ----------
    of_nodes
        Those of message and nodes have their bias.
    to_gate
        What is to be added to every gate, [features].
    """

    of_nodes: OfNodes
    to_gate: Tensor


class Products(Protocol):
    """The products of a step, for node features x, [n_nodes, features]."""

    def terms(self, x: Tensor, weights: OfNodes, biases: OfNodes, of_edge: Tensor) -> Terms:
        """Apply the layers; `of_edge` is the bias of the edges' term of the gate."""

    def add_gradient_of_x(self, start: Tensor, d_terms: OfNodes, weights: OfNodes) -> Tensor:
        """Add to start, in place, what the gradients of the layers' outputs say of x."""

    def gradients_of_weights(self, x: Tensor, d_terms: OfNodes) -> OfNodes:
        """Return the gradients of the weights, [features, features] each."""

    def gradients_of_biases(self, d_terms: OfNodes) -> OfNodes:
        """Return the gradients of the biases, [features] each.

        Source, target and edge add up to the gate: the gradients of their biases are equal.
        """


class OneEach:
    """A product for each layer; `d_terms` may lie anywhere."""

    def terms(self, x: Tensor, weights: OfNodes, biases: OfNodes, of_edge: Tensor) -> Terms:
        """Apply the layers."""
        of_nodes = OfNodes(
            from_source=x @ weights.from_source.t(),
            from_target=x @ weights.from_target.t(),
            message=torch.addmm(biases.message, x, weights.message.t()),
            nodes=torch.addmm(biases.nodes, x, weights.nodes.t()),
        )
        return Terms(of_nodes, biases.from_source + biases.from_target + of_edge)

    def add_gradient_of_x(self, start: Tensor, d_terms: OfNodes, weights: OfNodes) -> Tensor:
        """Add to start, in place, what the gradients of the layers' outputs say of x."""
        for d_term, weight in zip(d_terms, weights, strict=True):
            start.addmm_(d_term, weight)
        return start

    def gradients_of_weights(self, x: Tensor, d_terms: OfNodes) -> OfNodes:
        """Return the gradients of the weights."""
        return OfNodes(*(d_term.t() @ x for d_term in d_terms))

    def gradients_of_biases(self, d_terms: OfNodes) -> OfNodes:
        """Return the gradients of the biases; that of the gate is summed over the targets."""
        of_gate = d_terms.from_target.sum(0)
        return OfNodes(of_gate, of_gate, d_terms.message.sum(0), d_terms.nodes.sum(0))


class AllAtOnce:
    """One product for all layers, whose outputs and gradients are columns of one matrix."""

    def terms(self, x: Tensor, weights: OfNodes, biases: OfNodes, of_edge: Tensor) -> Terms:
        """Apply the layers."""
        whole = torch.addmm(torch.cat(biases), x, torch.cat(weights).t())
        return Terms(columns(whole), of_edge)

    def add_gradient_of_x(self, start: Tensor, d_terms: OfNodes, weights: OfNodes) -> Tensor:
        """Add to start, in place, what the gradients of the layers' outputs say of x."""
        return start.addmm_(_whole(d_terms), torch.cat(weights))

    def gradients_of_weights(self, x: Tensor, d_terms: OfNodes) -> OfNodes:
        """Return the gradients of the weights."""
        return OfNodes(*(_whole(d_terms).t() @ x).chunk(len(d_terms)))

    def gradients_of_biases(self, d_terms: OfNodes) -> OfNodes:
        """Return the gradients of the biases."""
        _, of_gate, message, nodes = _whole(d_terms).sum(0).chunk(len(d_terms))
        return OfNodes(of_gate, of_gate, message, nodes)


def columns(whole: Tensor) -> OfNodes:
    """Divide a matrix, [n_nodes, 4 features], among the layers."""
    return OfNodes(*whole.chunk(len(OfNodes._fields), dim=1))


def _whole(parts: OfNodes) -> Tensor:
    """Undo `columns`."""
    width = parts[0].stride(0)
    return parts[0].as_strided((len(parts[0]), width), (width, 1))

"""What the fused convolutions share: their parameters, and the gradients of the linear layers."""

from typing import NamedTuple

from torch import Tensor, nn


class Parameters(NamedTuple):
    """Parameters of an `EdgeGatedGraphConv`: of five linear layers, then of two norms.

    The linear layers are, in this order: what the source says to the gate, what the target says,
    the message of the source, what the node keeps of itself (all four of the node features),
    and what the edge says to the gate (of the edge features).
    """

    weights: tuple[Tensor, ...]
    biases: tuple[Tensor, ...]
    norms: tuple[Tensor, ...]


def parameters_of(layer: nn.Module) -> tuple[Tensor, ...]:
    """List the parameters of an `EdgeGatedGraphConv` as `sorted_out` takes them apart."""
    linears = layer.src_gate, layer.dst_gate, layer.dst_update, layer.src_update, layer.edge_gate
    return (
        *(linear.weight for linear in linears),
        *(linear.bias for linear in linears),
        *(parameter for norm in norms_of(layer) for parameter in (norm.weight, norm.bias)),
    )


def norms_of(layer: nn.Module) -> tuple[nn.BatchNorm1d, nn.BatchNorm1d]:
    """Give the norms of the nodes and of the edges."""
    return layer.bn_nodes, layer.bn_edges


def sorted_out(parameters: tuple[Tensor, ...]) -> Parameters:
    """Take the parameters, or what there is for each of them, apart."""
    return Parameters(parameters[:5], parameters[5:10], parameters[10:])


def gradients_of_linears(
    x: Tensor,
    y: Tensor,
    weights: tuple[Tensor, ...],
    terms: tuple[Tensor, ...],
    through: tuple[Tensor | None, Tensor | None],
    needed: tuple[bool, ...],
) -> list[Tensor | None]:
    """Carry gradients from the outputs of the five linear layers back to all that is before them.

    Parameters
    ----------
    x, y
        Node and edge features.
    weights
        Of the linear layers.
    terms
        Gradients of their outputs.
    through
        Gradients that reach x and y past the linear layers; None for none. Not overwritten.
    needed
        Which gradients are asked for: of x, y, the five weights, the five biases.

    Returns
    -------
    Gradients in the order of `needed`; None where none is asked for.
    """
    d_x = _sum_of_products(through[0], terms[:4], weights[:4]) if needed[0] else None
    d_y = _sum_of_products(through[1], terms[4:], weights[4:]) if needed[1] else None
    d_weights = [
        term.t() @ rows if wanted else None
        for term, rows, wanted in zip(terms, [x, x, x, x, y], needed[2:7], strict=True)
    ]
    return [d_x, d_y, *d_weights, *_of_biases(terms, needed[7:12])]


def _sum_of_products(start: Tensor | None, rows, weights) -> Tensor:
    """Give start + sum_i rows_i @ weights_i."""
    first, *others = zip(rows, weights, strict=True)
    total = first[0].mm(first[1]) if start is None else start.addmm(*first)
    for other in others:
        total.addmm_(*other)
    return total


def _of_biases(terms, needed) -> list[Tensor | None]:
    """Sum the gradients of the five linear layers over the rows.

    Three of them add up to the gate, so that their sums are equal.
    """
    _, of_target, of_message, of_self, _ = terms
    rows = of_target, of_target, of_message, of_self, of_target
    return [d.sum(0) if wanted else None for d, wanted in zip(rows, needed, strict=True)]

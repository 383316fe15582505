"""The operations that take the time: a convolution, a norm with SiLU, how bond pairs are kept.

plain
    PyTorch operations, on any device, each beside a reference it is tested against.
autograd
    the same operations as differentiable functions whose forward and backward a device computes
    in few passes over memory.
products
    how these multiply node features by the weights of their four linear layers.
cpu, gpu
    what a device supplies: forward and backward on buffers, tested against `plain`.

Where a device has none, or they cannot be used here, `plain` serves.

Symbols
-------
Those of Eqs. 1 to 3 of Choudhary & DeCost, npj Comput. Mater. 7, 185 (2021), and what they are
called in all of these modules, for an edge j -> i:

==================  ===========  =================================================================
paper               name         meaning
==================  ===========  =================================================================
h_i                 x            node features
e_ij                y            edge features
A h_j, B h_i, C e   from_source  what the source, the target and the edge itself say to the gate
                    from_target
                    from_edge
^e_ij               gate         their sum; sigma(gate) weighs the message
W_dst h_j           message      what the source sends
sum sigma + eps     density      what the weighted messages of a node are divided by
sum sigma W h       mean         the average of the messages that enter a node (after the division)
 / (sum sigma+eps)
W_src h_i + mean    nodes        what is normalised to the new node features
==================  ===========  =================================================================

A `d_` in front of a name is the gradient of the loss with respect to it.
"""

import warnings
from functools import cache
from importlib import import_module

import torch
from torch import Tensor, nn

from crystal_transfer.graphs.batches import Adjacency
from crystal_transfer.models.kernels import autograd, plain
from crystal_transfer.models.kernels.autograd import Device
from crystal_transfer.models.kernels.plain import Convolution

MODULES = {"cpu": "cpu.calls", "cuda": "gpu.calls"}
OPTIONAL = ("numba", "llvmlite", "triton")  # not requirements of training


def device_for(x: Tensor) -> Device | None:
    """Return the fused operations for rows like those of x where x is, if there are any."""
    kind = x.device.type
    device = _device(kind) if kind in MODULES else None
    return device if device is not None and device.suits(x) else None


@cache
def _device(kind: str) -> Device | None:
    """Import the fused operations of a device; None, said once, where they cannot be used."""
    try:
        found: Device = import_module(f"{__name__}.{MODULES[kind]}").DEVICE
        if kind == "cuda":
            _try_out(found, kind)
    except Exception as error:  # a compiler or its cache may fail in any way
        if isinstance(error, ModuleNotFoundError) and error.name in OPTIONAL:
            return None
        warnings.warn(
            f"fused operations for {kind} cannot be used, training will be slower: {error}",
            stacklevel=2,
        )
        return None
    return found


def _try_out(device: Device, kind: str) -> None:
    """Compile and launch kernels: Triton needs a C compiler and a folder that it can write to."""
    norm = nn.BatchNorm1d(8, device=kind)
    x = torch.zeros(2, 8, device=kind, requires_grad=True)
    autograd.batch_norm_silu(device, norm, x).sum().backward()


def as_kept(features: Tensor) -> Tensor:
    """Return features of bond pairs in the type that they are kept in between layers.

    Bond pairs are by far the most numerous: where products are computed in bf16, so are they kept.
    Sums and all other arithmetic stay in fp32.
    """
    bf16_products = torch.get_float32_matmul_precision() == "medium"
    if bf16_products and features.device.type == "cpu" and device_for(features):
        return features.bfloat16()
    return features


def batch_norm_silu(norm: nn.BatchNorm1d, x: Tensor, weight: Tensor | None = None) -> Tensor:
    """Normalise over the rows and apply SiLU, see `plain.batch_norm_silu`."""
    if device := device_for(x):
        return autograd.batch_norm_silu(device, norm, x, weight)
    return plain.batch_norm_silu(norm, x, weight)


def edge_gated_convolution(
    layer: Convolution,
    graph: Adjacency,
    x: Tensor,
    y: Tensor,
    place: Tensor | None = None,
    update_edges: bool = True,
) -> tuple[Tensor, Tensor | None]:
    """Compute a whole `alignn.EdgeGatedGraphConv`; its parameters as there."""
    if device := device_for(x):
        return autograd.edge_gated_convolution(device, layer, graph, x, y, place, update_edges)
    return plain.edge_gated_convolution(layer, graph, x, y, place, update_edges)

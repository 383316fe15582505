"""The fused loops for CPUs, compiled by Numba; `cpu.calls` runs them.

Every loop works on some of the features, for all rows. No feature depends on another, so each
thread computes some of them: no races, no sums across threads, and the same bits for any number of
threads.

The arguments `k` come as a record, `ROWS` or `CONVOLUTION`; its arrays are addresses (see
`kernels.cpu.simd`), 0 where there is none, with indices in int32 and `features` numbers per row.
Those are floats; of a convolution, what has a row per edge may be halves: its `kind` is then HALF,
and all arithmetic is that of floats.
"""

import ctypes
import hashlib
from functools import cached_property
from pathlib import Path

import numba
import numpy as np
import torch
from numba import carray, cfunc, njit, types

from crystal_transfer.models.kernels.cpu import simd
from crystal_transfer.models.kernels.cpu.simd import (
    HALF,
    LANES,
    SINGLE,
    add_doubles,
    address_of,
    clear_doubles,
    doubles,
    integers,
    load,
    load_as,
    number,
    prefetch_as,
    sigmoid,
    singles,
    store,
    store_as,
    take_doubles,
    take_number,
)
from crystal_transfer.models.kernels.plain import EPSILON

# Numba caches what is compiled by this file's date and the types of the arguments: this, in their
# name, makes it compile again after a change of the vectors alone
VECTORS = hashlib.sha256(Path(simd.__file__).read_bytes()).hexdigest()[:16]
FEATURES_AT_ONCE = 128  # at most, so that the rows in use stay in the core's cache
ROWS_AHEAD = 4  # fetched before they are normalised; chosen by timing, changes no number
ROWS_AT_ONCE = 16  # summed in single precision before double; how far ahead rows are fetched


def _record(integers: str, floats: str = "", **records: np.dtype) -> np.dtype:
    fields = [(name, "i8") for name in integers.split()]
    fields += [(name, "f8") for name in floats.split()]
    return np.dtype(fields + list(records.items()))


NORM = _record(
    "training gamma beta mean scale shift running_mean running_var sums d_gamma d_beta",
    "total momentum eps",
)
ROWS = _record("next_block block n_rows features x weight out d_out d_x", norm=NORM)
CONVOLUTION = _record(
    "next_block block n_nodes n_edges features first source target place multiplicity "
    "node_weight from_source from_target message from_edge bias gate mean density nodes "
    "x y x_out y_out d_x_out d_y_out d_y d_from_source d_from_target d_message d_nodes "
    "d_from_edge",
    node_norm=NORM,
    edge_norm=NORM,
)


# --- pieces ----------------------------------------------------------------------------------


@njit
def _f(value):
    return number(types.float32(value))


@njit
def _weight(weights, row):
    """Return the weight of a row; 1 without weights."""
    if weights == 0:
        return _f(1.0)
    return number(singles(weights)[row])


@njit
def _place(places, row):
    """Return the row of y that an edge reads: `places[row]`, or `row` if each edge has its own."""
    if places == 0:
        return row
    return types.int64(integers(places)[row])


@njit
def _silu_slope(q, upstream):
    """Compute d silu(q) / dq = s (1 + q (1 - s)), times the upstream gradient."""
    s = sigmoid(q)
    return upstream * s * (_f(1.0) + q * (_f(1.0) - s))


@njit
def _clear_sums(norm, features, first, last):
    for f in range(first, last, LANES):
        clear_doubles(norm.sums, f)
        clear_doubles(norm.sums, features + f)


@njit
def _finish_moments(norm, features, first, last):
    """Turn the sums of x - shift and its square into mean and scale; move the running ones."""
    sums, shift = doubles(norm.sums), singles(norm.shift)
    running_mean, running_var = singles(norm.running_mean), singles(norm.running_var)
    for f in range(first, last):
        mean, variance = types.float64(running_mean[f]), types.float64(running_var[f])
        if norm.training:
            offset = sums[f] / norm.total
            mean = shift[f] + offset
            variance = max(sums[features + f] / norm.total - offset * offset, 0.0)
            if norm.total > 1:
                unbiased = variance * norm.total / (norm.total - 1)
                running_mean[f] += norm.momentum * (mean - running_mean[f])
                running_var[f] += norm.momentum * (unbiased - running_var[f])
        singles(norm.mean)[f] = mean
        singles(norm.scale)[f] = 1 / np.sqrt(variance + norm.eps)


@njit
def _apply_norm(norm, n_rows, features, kind, x, residual, place, out, first, last):
    """Compute out = residual[place] + silu(gamma (x - mean) scale + beta), all of a kind."""
    for row in range(n_rows):
        for f in range(first, last, LANES):
            prefetch_as(kind, x, (row + ROWS_AHEAD) * features + f)
            prefetch_as(kind, out, (row + ROWS_AHEAD) * features + f)
            slope = load(norm.gamma, f) * load(norm.scale, f)
            value = load_as(kind, x, row * features + f)
            q = (value - load(norm.mean, f)) * slope + load(norm.beta, f)
            y = q * sigmoid(q)
            if residual != 0:
                prefetch_as(kind, residual, (row + ROWS_AHEAD) * features + f)
                y = y + load_as(kind, residual, _place(place, row) * features + f)
            store_as(kind, out, row * features + f, y)


@njit
def _norm_sums(norm, n_rows, features, kind, x, d_y, first, last):
    """Sum the gradients of the norm's bias and weight over the rows."""
    _clear_sums(norm, features, first, last)
    for start in range(0, n_rows, ROWS_AT_ONCE):
        end = min(start + ROWS_AT_ONCE, n_rows)
        for f in range(first, last, LANES):
            gamma, beta = load(norm.gamma, f), load(norm.beta, f)
            mean, scale = load(norm.mean, f), load(norm.scale, f)
            d_beta, d_gamma = _f(0.0), _f(0.0)
            for row in range(start, end):
                prefetch_as(kind, x, (row + ROWS_AT_ONCE) * features + f)
                prefetch_as(kind, d_y, (row + ROWS_AT_ONCE) * features + f)
                normal = (load_as(kind, x, row * features + f) - mean) * scale
                upstream = load_as(kind, d_y, row * features + f)
                d_q = _silu_slope(normal * gamma + beta, upstream)
                d_beta = d_beta + d_q
                d_gamma = d_gamma + d_q * normal
            add_doubles(norm.sums, f, d_beta)
            add_doubles(norm.sums, features + f, d_gamma)
    for f in range(first, last, LANES):
        store(norm.d_beta, f, take_doubles(norm.sums, f))
        store(norm.d_gamma, f, take_doubles(norm.sums, features + f))


@njit
def _norm_gradient(norm, f, x, d_y, weight):
    """Gradient of a normalised and activated vector with respect to the input x."""
    gamma, scale = load(norm.gamma, f), load(norm.scale, f)
    normal = (x - load(norm.mean, f)) * scale
    d_q = _silu_slope(normal * gamma + load(norm.beta, f), d_y)
    if norm.training:  # mean and variance depend on x as well
        share = weight * _f(1.0 / norm.total)
        d_q = d_q - share * (load(norm.d_beta, f) + normal * load(norm.d_gamma, f))
    return d_q * gamma * scale


# --- normalisation of rows -------------------------------------------------------------------


@njit
def _moments(k, first, last):
    norm = k.norm
    _clear_sums(norm, k.features, first, last)
    for f in range(first, last, LANES):
        store(norm.shift, f, load(k.x, f))
    for start in range(0, k.n_rows, ROWS_AT_ONCE):
        end = min(start + ROWS_AT_ONCE, k.n_rows)
        for f in range(first, last, LANES):
            shift = load(norm.shift, f)
            total, square = _f(0.0), _f(0.0)
            for row in range(start, end):
                offset = load(k.x, row * k.features + f) - shift
                weighted = offset * _weight(k.weight, row)
                total = total + weighted
                square = square + weighted * offset
            add_doubles(norm.sums, f, total)
            add_doubles(norm.sums, k.features + f, square)


@njit
def _rows_forward(k, first, last):
    if k.norm.training:
        _moments(k, first, last)
    _finish_moments(k.norm, k.features, first, last)
    _apply_norm(k.norm, k.n_rows, k.features, SINGLE, k.x, 0, 0, k.out, first, last)


@njit
def _rows_backward(k, first, last):
    _norm_sums(k.norm, k.n_rows, k.features, SINGLE, k.x, k.d_out, first, last)
    for row in range(k.n_rows):
        weight = _weight(k.weight, row)
        for f in range(first, last, LANES):
            at = row * k.features + f
            store(k.d_x, at, _norm_gradient(k.norm, f, load(k.x, at), load(k.d_out, at), weight))


# --- edge-gated convolution ------------------------------------------------------------------


@njit
def _gate_of_edge(k, kind, edge, f, from_target):
    """Sum the terms of source, target and edge: the gate before the sigmoid."""
    from_edge = load_as(kind, k.from_edge, _place(k.place, edge) * k.features + f)
    source = types.int64(integers(k.source)[edge])
    return from_edge + load(k.from_source, source * k.features + f) + from_target


@njit
def _gather_messages(k, kind, first, last):
    """Compute all gates and averages of messages, and sum up the moments of both norms.

    An edge's weight is its multiplicity times the weight of its target.
    """
    n = k.features
    _clear_sums(k.node_norm, n, first, last)
    _clear_sums(k.edge_norm, n, first, last)
    if k.n_edges:
        target = types.int64(integers(k.target)[0])
        for f in range(first, last, LANES):
            shift = load(k.from_target, target * n + f) + load(k.bias, f)
            store(k.edge_norm.shift, f, _gate_of_edge(k, kind, 0, f, shift))
    starts, sources = integers(k.first), integers(k.source)
    for node in range(k.n_nodes):
        weight = _weight(k.node_weight, node)
        for f in range(first, last, LANES):
            from_target = load(k.from_target, node * n + f) + load(k.bias, f)
            shift = load(k.edge_norm.shift, f)
            messages, density = _f(0.0), _f(0.0)
            total, square = _f(0.0), _f(0.0)
            for edge in range(starts[node], starts[node + 1]):
                source = types.int64(sources[edge])
                prefetch_as(kind, k.from_edge, (edge + ROWS_AT_ONCE) * n + f)
                multiplicity = _weight(k.multiplicity, edge)
                gate = _gate_of_edge(k, kind, edge, f, from_target)
                store_as(kind, k.gate, edge * n + f, gate)
                sigma = sigmoid(gate) * multiplicity
                density = density + sigma
                messages = messages + sigma * load(k.message, source * n + f)
                offset = gate - shift
                total = total + offset * multiplicity
                square = square + offset * offset * multiplicity
            add_doubles(k.edge_norm.sums, f, total * weight)
            add_doubles(k.edge_norm.sums, n + f, square * weight)

            density = density + _f(EPSILON)
            mean = messages / density
            kept = load(k.nodes, node * n + f) + mean
            store(k.mean, node * n + f, mean)
            store(k.density, node * n + f, density)
            store(k.nodes, node * n + f, kept)
            if node == 0:
                store(k.node_norm.shift, f, kept)
            offset = kept - load(k.node_norm.shift, f)
            add_doubles(k.node_norm.sums, f, offset * weight)
            add_doubles(k.node_norm.sums, n + f, offset * offset * weight)


@njit
def _convolution_forward(k, kind, first, last):
    n, nodes, edges = k.features, k.n_nodes, k.n_edges
    _gather_messages(k, kind, first, last)
    _finish_moments(k.node_norm, n, first, last)
    _finish_moments(k.edge_norm, n, first, last)
    _apply_norm(k.node_norm, nodes, n, SINGLE, k.nodes, k.x, 0, k.x_out, first, last)
    if k.y_out:
        _apply_norm(k.edge_norm, edges, n, kind, k.gate, k.y, k.place, k.y_out, first, last)


@njit
def _add_to(array, at, value):
    store(array, at, load(array, at) + value)


@njit
def _convolution_backward(k, kind, first, last):
    n = k.features
    _norm_sums(k.node_norm, k.n_nodes, n, SINGLE, k.nodes, k.d_x_out, first, last)
    if k.d_y_out:
        _norm_sums(k.edge_norm, k.n_edges, n, kind, k.gate, k.d_y_out, first, last)
    starts, sources = integers(k.first), integers(k.source)
    for node in range(k.n_nodes):
        weight = _weight(k.node_weight, node)
        for f in range(first, last, LANES):
            at = node * n + f
            d_node = _norm_gradient(k.node_norm, f, load(k.nodes, at), load(k.d_x_out, at), weight)
            store(k.d_nodes, at, d_node)
            share, mean = d_node / load(k.density, at), load(k.mean, at)
            d_target = _f(0.0)
            for edge in range(starts[node], starts[node + 1]):
                source = types.int64(sources[edge]) * n + f
                multiplicity = _weight(k.multiplicity, edge)
                prefetch_as(kind, k.gate, (edge + ROWS_AT_ONCE) * n + f)
                prefetch_as(kind, k.d_from_edge, (edge + ROWS_AT_ONCE) * n + f)
                gate = load_as(kind, k.gate, edge * n + f)
                sigma = sigmoid(gate)
                pulled = share * multiplicity * sigma
                _add_to(k.d_message, source, pulled)
                d_gate = pulled * (_f(1.0) - sigma) * (load(k.message, source) - mean)
                if k.d_y_out:
                    prefetch_as(kind, k.d_y_out, (edge + ROWS_AT_ONCE) * n + f)
                    d_edge = load_as(kind, k.d_y_out, edge * n + f)
                    edge_weight = weight * multiplicity
                    d_gate = d_gate + _norm_gradient(k.edge_norm, f, gate, d_edge, edge_weight)
                d_target = d_target + d_gate
                _add_to(k.d_from_source, source, d_gate)
                if k.place:  # sums over edges are floats
                    gathered = types.int64(integers(k.place)[edge]) * n + f
                    _add_to(k.d_from_edge, gathered, d_gate)
                    if k.d_y_out:
                        _add_to(k.d_y, gathered, load_as(kind, k.d_y_out, edge * n + f))
                else:
                    store_as(kind, k.d_from_edge, edge * n + f, d_gate)
            store(k.d_from_target, at, d_target)


@njit
def _forward_of_singles(k, first, last):
    _convolution_forward(k, SINGLE, first, last)


@njit
def _forward_of_halves(k, first, last):
    _convolution_forward(k, HALF, first, last)


@njit
def _backward_of_singles(k, first, last):
    _convolution_backward(k, SINGLE, first, last)


@njit
def _backward_of_halves(k, first, last):
    _convolution_backward(k, HALF, first, last)


# --- for threads -----------------------------------------------------------------------------


@njit
def _take_blocks(body, pointer):
    """Compute one block of features after another, until other threads have taken the rest."""
    k = carray(pointer, 1)[0]
    first = take_number(address_of(pointer)) * k.block
    while first < k.features:
        body(k, first, min(first + k.block, k.features))
        first = take_number(address_of(pointer)) * k.block


class Loop:
    """A loop as a C function of the address of its arguments, compiled when it is first needed.

    All threads call it at once.
    """

    def __init__(self, function, arguments: np.dtype):
        self._function, self._arguments = function, arguments

    @cached_property
    def _compiled(self):
        # a field behind all others, which no loop reads
        arguments = np.dtype([*self._arguments.descr, (f"vectors_{VECTORS}", "u1")])
        signature = types.void(types.CPointer(numba.from_dtype(arguments)))
        try:
            return cfunc(signature, cache=True)(self._function)
        except RuntimeError:  # no folder to cache in
            return cfunc(signature)(self._function)

    @cached_property
    def address(self) -> int:
        """Address of the function."""
        return self._compiled.address

    @cached_property
    def function(self):
        """Python function that calls it in this thread."""
        return ctypes.CFUNCTYPE(None, ctypes.c_void_p)(self.address)


# not written in a loop, nor as closures: Numba could not cache them


def _all_rows_forward(pointer):
    _take_blocks(_rows_forward, pointer)


def _all_rows_backward(pointer):
    _take_blocks(_rows_backward, pointer)


def _all_forward_of_singles(pointer):
    _take_blocks(_forward_of_singles, pointer)


def _all_forward_of_halves(pointer):
    _take_blocks(_forward_of_halves, pointer)


def _all_backward_of_singles(pointer):
    _take_blocks(_backward_of_singles, pointer)


def _all_backward_of_halves(pointer):
    _take_blocks(_backward_of_halves, pointer)


rows_forward = Loop(_all_rows_forward, ROWS)
rows_backward = Loop(_all_rows_backward, ROWS)
# by the type of what has a row per edge
convolution_forward = {
    torch.float32: Loop(_all_forward_of_singles, CONVOLUTION),
    torch.bfloat16: Loop(_all_forward_of_halves, CONVOLUTION),
}
convolution_backward = {
    torch.float32: Loop(_all_backward_of_singles, CONVOLUTION),
    torch.bfloat16: Loop(_all_backward_of_halves, CONVOLUTION),
}

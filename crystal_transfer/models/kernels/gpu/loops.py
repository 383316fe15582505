"""The fused loops for GPUs, in Triton; `gpu.calls` launches them.

A program has some features, `BLOCK` at once, and either one node with the edges that enter or
leave it, or some rows of a matrix. Sums are taken in a fixed order, without atomic operations,
so that results do not differ from run to run. Matrices are contiguous, [n_rows, features], but for
the terms of nodes and their gradients, which are columns of one matrix: their rows are `stride`
numbers apart. Optional arguments are None.
"""

import triton
import triton.language as tl

# Numbers of rows differ from batch to batch: without `do_not_specialize` each kernel is compiled
# anew for 1, for multiples of 16 and for others.


@triton.jit
def _columns(features: tl.constexpr, BLOCK: tl.constexpr):
    column = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    return column, column < features


@triton.jit
def _places(row, column, stride):
    return row.to(tl.int64)[:, None] * stride + column[None, :]


@triton.jit
def _rows(start, end, column, inside, features: tl.constexpr, ROWS: tl.constexpr):
    """Return row indices from start on, which are below end, and offsets and mask of a block."""
    row = start + tl.arange(0, ROWS)
    there = row < end
    return row, there, there[:, None] & inside[None, :], _places(row, column, features)


@triton.jit
def _before_silu(normalised, gamma, beta, column, inside):
    scale = tl.load(gamma + column, mask=inside, other=0.0)
    shift = tl.load(beta + column, mask=inside, other=0.0)
    return normalised * scale[None, :] + shift[None, :]


@triton.jit
def _normalised(value, moments, column, inside, features: tl.constexpr):
    mean = tl.load(moments + column, mask=inside, other=0.0)
    scale = tl.load(moments + features + column, mask=inside, other=0.0)
    return (value - mean[None, :]) * scale[None, :]


@triton.jit
def _slope_of_silu(q):
    sigma = tl.sigmoid(q)
    return sigma * (1 + q * (1 - sigma))


# --- over the edges of a node ----------------------------------------------------------------


@triton.jit
def gates_and_means(
    first, source, multiplicity, from_source, from_target, message, from_node, stride, bias, gate,
    mean, density, nodes, features: tl.constexpr, EPSILON: tl.constexpr, EDGES: tl.constexpr,
    BLOCK: tl.constexpr,
):  # fmt: skip
    """Add to the gates what the nodes say, average the messages, add them to the nodes' term."""
    node = tl.program_id(0)
    column, inside = _columns(features, BLOCK)
    here = node.to(tl.int64) * features + column
    own = node.to(tl.int64) * stride + column
    constant = tl.load(from_target + own, mask=inside, other=0.0)
    constant += tl.load(bias + column, mask=inside, other=0.0)
    total = tl.zeros([BLOCK], tl.float32)
    weight = tl.zeros([BLOCK], tl.float32)
    end = tl.load(first + node + 1)
    for start in range(tl.load(first + node), end, EDGES):
        edge, there, known, at_edge = _rows(start, end, column, inside, features, EDGES)
        at_source = _places(tl.load(source + edge, mask=there, other=0), column, stride)
        value = tl.load(gate + at_edge, mask=known, other=0.0) + constant[None, :]
        value += tl.load(from_source + at_source, mask=known, other=0.0)
        tl.store(gate + at_edge, value, mask=known)
        sigma = tl.where(known, tl.sigmoid(value), 0.0)
        if multiplicity is not None:
            sigma *= tl.load(multiplicity + edge, mask=there, other=0.0)[:, None]
        total += tl.sum(sigma * tl.load(message + at_source, mask=known, other=0.0), axis=0)
        weight += tl.sum(sigma, axis=0)
    weight += EPSILON
    average = total / weight
    tl.store(mean + here, average, mask=inside)
    tl.store(density + here, weight, mask=inside)
    tl.store(nodes + here, tl.load(from_node + own, mask=inside) + average, mask=inside)


@triton.jit
def gradients_of_targets(
    first, source, multiplicity, message, mean, density, gate, d_nodes, d_y_out, edge_weight,
    moments, gamma, beta, sums, d_gate, d_from_target, stride, pulled, features: tl.constexpr,
    BATCH_STATISTICS: tl.constexpr, EDGES: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Compute the gradients of the gates, their sums over each target, and d_nodes / density."""
    node = tl.program_id(0)
    column, inside = _columns(features, BLOCK)
    here = node.to(tl.int64) * features + column
    own = node.to(tl.int64) * stride + column
    share = tl.load(d_nodes + own, mask=inside, other=0.0)
    share = share / tl.load(density + here, mask=inside, other=1.0)
    tl.store(pulled + here, share, mask=inside)
    average = tl.load(mean + here, mask=inside, other=0.0)
    total = tl.zeros([BLOCK], tl.float32)
    end = tl.load(first + node + 1)
    for start in range(tl.load(first + node), end, EDGES):
        edge, there, known, at_edge = _rows(start, end, column, inside, features, EDGES)
        at_source = _places(tl.load(source + edge, mask=there, other=0), column, stride)
        value = tl.load(gate + at_edge, mask=known, other=0.0)
        sigma = tl.sigmoid(value)
        d_value = tl.load(message + at_source, mask=known, other=0.0) - average[None, :]
        d_value *= share[None, :] * sigma * (1 - sigma)
        if multiplicity is not None:
            d_value *= tl.load(multiplicity + edge, mask=there, other=0.0)[:, None]
        if d_y_out is not None:
            d_out = tl.load(d_y_out + at_edge, mask=known, other=0.0)
            d_value += _through_norm(
                value, d_out, edge, there, edge_weight, moments, gamma, beta, sums, column,
                inside, features, BATCH_STATISTICS,
            )  # fmt: skip
        d_value = tl.where(known, d_value, 0.0)
        tl.store(d_gate + at_edge, d_value, mask=known)
        total += tl.sum(d_value, axis=0)
    tl.store(d_from_target + own, total, mask=inside)


@triton.jit
def gradients_of_sources(
    leaving, by_source, target, multiplicity, gate, d_gate, pulled, d_from_source, d_message,
    stride, features: tl.constexpr, EDGES: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Sum over the edges that leave a node what they say of its gate term and its message."""
    node = tl.program_id(0)
    column, inside = _columns(features, BLOCK)
    own = node.to(tl.int64) * stride + column
    of_gate = tl.zeros([BLOCK], tl.float32)
    of_message = tl.zeros([BLOCK], tl.float32)
    end = tl.load(leaving + node + 1)
    for start in range(tl.load(leaving + node), end, EDGES):
        place, there, known, _ = _rows(start, end, column, inside, features, EDGES)
        edge = tl.load(by_source + place, mask=there, other=0)
        at_edge = _places(edge, column, features)
        at_target = _places(tl.load(target + edge, mask=there, other=0), column, features)
        sigma = tl.sigmoid(tl.load(gate + at_edge, mask=known, other=0.0))
        if multiplicity is not None:
            sigma *= tl.load(multiplicity + edge, mask=there, other=0.0)[:, None]
        of_gate += tl.sum(tl.load(d_gate + at_edge, mask=known, other=0.0), axis=0)
        of_message += tl.sum(sigma * tl.load(pulled + at_target, mask=known, other=0.0), axis=0)
    tl.store(d_from_source + own, of_gate, mask=inside)
    tl.store(d_message + own, of_message, mask=inside)


# --- over rows: norm and SiLU ----------------------------------------------------------------


@triton.jit
def _joined(total, mean, squares, more, local, more_squares):
    """Join weight, mean and sum of squared deviations of two parts.

    Chan, Golub & LeVeque, Am. Stat. 37, 242 (1983), Eq. 2.1.
    """
    share = more / tl.where(total + more > 0, total + more, 1.0)
    difference = local - mean
    squares += more_squares + difference * difference * total * share
    return total + more, mean + difference * share, squares


@triton.jit(do_not_specialize=["n_rows", "rows_each"])
def partial_moments(
    x, weight, partial, n_rows, rows_each, features: tl.constexpr, ROWS: tl.constexpr,
    BLOCK: tl.constexpr,
):  # fmt: skip
    """Compute weight, mean and sum of squared deviations of each program's rows.

    The result is [n_programs, 3, features].
    """
    program = tl.program_id(0)
    column, inside = _columns(features, BLOCK)
    total = tl.zeros([BLOCK], tl.float32)
    mean = tl.zeros([BLOCK], tl.float32)
    squares = tl.zeros([BLOCK], tl.float32)
    begin = program * rows_each
    end = tl.minimum(begin + rows_each, n_rows)
    for start in range(begin, end, ROWS):
        row, there, known, here = _rows(start, end, column, inside, features, ROWS)
        value = tl.load(x + here, mask=known, other=0.0)
        if weight is not None:
            counted = tl.load(weight + row, mask=there, other=0.0)
        else:
            counted = tl.where(there, 1.0, 0.0)
        more = tl.sum(counted, axis=0) + tl.zeros([BLOCK], tl.float32)
        local = tl.sum(value * counted[:, None], axis=0) / tl.where(more > 0, more, 1.0)
        deviation = value - local[None, :]
        more_squares = tl.sum(deviation * deviation * counted[:, None], axis=0)
        total, mean, squares = _joined(total, mean, squares, more, local, more_squares)
    part = partial + program * 3 * features + column
    tl.store(part, total, mask=inside)
    tl.store(part + features, mean, mask=inside)
    tl.store(part + 2 * features, squares, mask=inside)


@triton.jit(do_not_specialize=["n_parts"])
def finish_moments(
    partial, n_parts, moments, running_mean, running_var, tracked, momentum, eps,
    features: tl.constexpr, PARTS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Join parts to mean, 1 / standard deviation and weight; let the running statistics follow.

    A single row has no variance: then the running statistics stay where they are.
    """
    column, inside = _columns(features, BLOCK)
    total = tl.zeros([BLOCK], tl.float32)
    mean = tl.zeros([BLOCK], tl.float32)
    squares = tl.zeros([BLOCK], tl.float32)
    for start in range(0, n_parts, PARTS):
        part = start + tl.arange(0, PARTS)
        known = (part < n_parts)[:, None] & inside[None, :]
        here = partial + _places(3 * part, column, features)
        counted = tl.load(here, mask=known, other=0.0)
        means = tl.load(here + features, mask=known, other=0.0)
        more = tl.sum(counted, axis=0)
        local = tl.sum(means * counted, axis=0) / tl.where(more > 0, more, 1.0)
        deviation = means - local[None, :]
        more_squares = tl.sum(tl.load(here + 2 * features, mask=known, other=0.0), axis=0)
        more_squares += tl.sum(deviation * deviation * counted, axis=0)
        total, mean, squares = _joined(total, mean, squares, more, local, more_squares)
    variance = squares / tl.where(total > 0, total, 1.0)
    tl.store(moments + column, mean, mask=inside)
    tl.store(moments + features + column, 1 / tl.sqrt(variance + eps), mask=inside)
    tl.store(moments + 2 * features + column, total, mask=inside)

    moves = inside & (total > 1)
    of_mean = tl.load(running_mean + column, mask=inside, other=0.0)
    tl.store(running_mean + column, of_mean + momentum * (mean - of_mean), mask=moves)
    of_var = tl.load(running_var + column, mask=inside, other=0.0)
    unbiased = variance * (total / tl.maximum(total - 1, 1.0))
    tl.store(running_var + column, of_var + momentum * (unbiased - of_var), mask=moves)
    once = (tl.program_id(1) == 0) & (tl.max(total, axis=0) > 1)
    tl.store(tracked, tl.load(tracked) + 1, mask=once)


@triton.jit(do_not_specialize=["n_rows"])
def normalise(
    x, residual, moments, gamma, beta, out, n_rows, features: tl.constexpr, ROWS: tl.constexpr,
    BLOCK: tl.constexpr,
):  # fmt: skip
    """Normalise, apply SiLU and add the residual."""
    column, inside = _columns(features, BLOCK)
    start = tl.program_id(0) * ROWS
    _, _, known, here = _rows(start, n_rows, column, inside, features, ROWS)
    value = tl.load(x + here, mask=known, other=0.0)
    normalised = _normalised(value, moments, column, inside, features)
    q = _before_silu(normalised, gamma, beta, column, inside)
    result = q * tl.sigmoid(q)
    if residual is not None:
        result += tl.load(residual + here, mask=known, other=0.0)
    tl.store(out + here, result, mask=known)


@triton.jit(do_not_specialize=["n_rows", "rows_each"])
def partial_norm_gradients(
    x, d_out, moments, gamma, beta, partial, n_rows, rows_each, features: tl.constexpr,
    ROWS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Sum the gradients of beta and gamma over some rows, [n_programs, 2, features]."""
    program = tl.program_id(0)
    column, inside = _columns(features, BLOCK)
    of_beta = tl.zeros([BLOCK], tl.float32)
    of_gamma = tl.zeros([BLOCK], tl.float32)
    begin = program * rows_each
    end = tl.minimum(begin + rows_each, n_rows)
    for start in range(begin, end, ROWS):
        _, _, known, here = _rows(start, end, column, inside, features, ROWS)
        value = tl.load(x + here, mask=known, other=0.0)
        normalised = _normalised(value, moments, column, inside, features)
        d_q = _slope_of_silu(_before_silu(normalised, gamma, beta, column, inside))
        d_q *= tl.load(d_out + here, mask=known, other=0.0)
        of_beta += tl.sum(d_q, axis=0)
        of_gamma += tl.sum(d_q * normalised, axis=0)
    part = partial + program * 2 * features + column
    tl.store(part, of_beta, mask=inside)
    tl.store(part + features, of_gamma, mask=inside)


@triton.jit
def _through_norm(
    value, d_out, row, there, weight, moments, gamma, beta, sums, column, inside,
    features: tl.constexpr, BATCH_STATISTICS: tl.constexpr,
):  # fmt: skip
    normalised = _normalised(value, moments, column, inside, features)
    d_q = d_out * _slope_of_silu(_before_silu(normalised, gamma, beta, column, inside))
    slope = tl.load(gamma + column, mask=inside, other=0.0)
    slope *= tl.load(moments + features + column, mask=inside, other=0.0)
    if BATCH_STATISTICS:
        # the batch's mean and variance depend on the row as well
        total = tl.load(moments + 2 * features + column, mask=inside, other=1.0)
        of_beta = tl.load(sums + column, mask=inside, other=0.0) / total
        of_gamma = tl.load(sums + features + column, mask=inside, other=0.0) / total
        correction = of_beta[None, :] + normalised * of_gamma[None, :]
        if weight is not None:
            correction *= tl.load(weight + row, mask=there, other=0.0)[:, None]
        d_q -= correction
    return d_q * slope[None, :]


@triton.jit(do_not_specialize=["n_rows"])
def norm_gradients(
    x, d_out, weight, moments, gamma, beta, sums, d_x, stride, n_rows,
    features: tl.constexpr, BATCH_STATISTICS: tl.constexpr, ROWS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Compute the gradient of the rows, from those of beta and gamma in `sums`, [2, features]."""
    column, inside = _columns(features, BLOCK)
    start = tl.program_id(0) * ROWS
    row, there, known, here = _rows(start, n_rows, column, inside, features, ROWS)
    value = tl.load(x + here, mask=known, other=0.0)
    d_value = _through_norm(
        value, tl.load(d_out + here, mask=known, other=0.0), row, there, weight, moments, gamma,
        beta, sums, column, inside, features, BATCH_STATISTICS,
    )  # fmt: skip
    tl.store(d_x + _places(row, column, stride), d_value, mask=known)

"""Vectors of floats for Numba: explicit SIMD, which LLVM maps to whatever the CPU has.

LLVM vectorises loops only where it can prove that arrays do not overlap, and no exponential.
Kernels written with these vectors keep their sums in registers. Arrays are raw addresses with
element offsets: nothing is checked.
"""

import operator

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic, models, overload, register_model

LANES = 16

_VECTOR = ir.VectorType(ir.FloatType(), LANES)
_DOUBLES = ir.VectorType(ir.DoubleType(), LANES)
_INTEGERS = ir.VectorType(ir.IntType(32), LANES)
_HALVES = ir.VectorType(ir.IntType(16), LANES)


class _Vector(types.Type):
    """`LANES` single-precision numbers."""

    def __init__(self):
        super().__init__(name=f"float32x{LANES}")


vector = _Vector()


@register_model(_Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager, kind):
        super().__init__(manager, kind, _VECTOR)


def _pointer(builder, address, offset, element, whole):
    start = builder.inttoptr(address, ir.PointerType(element))
    return builder.bitcast(builder.gep(start, [offset]), ir.PointerType(whole))


def _all_equal(number):
    return ir.Constant(_INTEGERS, [number] * LANES)


def _spread(builder, scalar):
    one = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), scalar, cgutils.int32_t(0))
    places = _all_equal(0)
    return builder.shuffle_vector(one, ir.Constant(_VECTOR, ir.Undefined), places)


# --- memory ----------------------------------------------------------------------------------


@intrinsic
def load(typingctx, address, offset):
    """Load floats offset, offset + 1, ... of an array."""

    def build(context, builder, signature, args):
        pointer = _pointer(builder, *args, ir.FloatType(), _VECTOR)
        return builder.load(pointer, align=4)

    return vector(types.int64, types.int64), build


@intrinsic
def store(typingctx, address, offset, value):
    """Store floats offset, offset + 1, ... of an array."""

    def build(context, builder, signature, args):
        pointer = _pointer(builder, args[0], args[1], ir.FloatType(), _VECTOR)
        builder.store(args[2], pointer, align=4)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, vector), build


@intrinsic
def prefetch(typingctx, address, offset):
    """Ask for the cache line of a float that will be needed soon."""

    def build(context, builder, signature, args):
        start = builder.inttoptr(args[0], ir.PointerType(ir.FloatType()))
        pointer = builder.bitcast(builder.gep(start, [args[1]]), ir.PointerType(ir.IntType(8)))
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [pointer.type, number, number, number])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(function, [pointer, number(0), number(3), number(1)])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), build


@intrinsic
def _load_half(typingctx, address, offset):
    def build(context, builder, signature, args):
        halves = builder.load(_pointer(builder, *args, ir.IntType(16), _HALVES), align=2)
        bits = builder.shl(builder.zext(halves, _INTEGERS), _all_equal(16))
        return builder.bitcast(bits, _VECTOR)

    return vector(types.int64, types.int64), build


@intrinsic
def _store_half(typingctx, address, offset, value):
    def build(context, builder, signature, args):
        pointer = _pointer(builder, args[0], args[1], ir.IntType(16), _HALVES)
        bits = builder.bitcast(args[2], _INTEGERS)
        odd = builder.and_(builder.lshr(bits, _all_equal(16)), _all_equal(1))
        rounded = builder.add(bits, builder.add(odd, _all_equal(0x7FFF)))
        # what is not a number would become one
        known = builder.fcmp_ordered("ord", args[2], args[2])
        kept = builder.select(known, rounded, _all_equal(0x7FC00000))
        builder.store(builder.trunc(builder.lshr(kept, _all_equal(16)), _HALVES), pointer, align=2)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, vector), build


# How the numbers of an array lie in memory: whole, or the upper two bytes of the four (bf16). What
# the functions of a `kind` do follows from its type, when they are compiled.
SINGLE, HALF = np.float32(0), np.int16(0)


def load_as(kind, address, offset):
    """Load numbers offset, offset + 1, ... of an array of a kind."""


def store_as(kind, address, offset, value):
    """Store numbers offset, offset + 1, ... of an array of a kind; halves to nearest, ties to even.

    As in PyTorch, numbers beyond the largest become infinite.
    """


def prefetch_as(kind, address, offset):
    """Ask for the cache line of a number that will be needed soon, of an array of a kind."""


@overload(load_as, inline="always")
def _load_as(kind, address, offset):
    if kind == types.float32:
        return lambda kind, address, offset: load(address, offset)
    return lambda kind, address, offset: _load_half(address, offset)


@overload(store_as, inline="always")
def _store_as(kind, address, offset, value):
    if kind == types.float32:
        return lambda kind, address, offset, value: store(address, offset, value)
    return lambda kind, address, offset, value: _store_half(address, offset, value)


@overload(prefetch_as, inline="always")
def _prefetch_as(kind, address, offset):
    if kind == types.float32:
        return lambda kind, address, offset: prefetch(address, offset)
    return lambda kind, address, offset: prefetch(address, offset // 2)


@intrinsic
def add_doubles(typingctx, address, offset, value):
    """Add to doubles offset, offset + 1, ... of an array."""

    def build(context, builder, signature, args):
        pointer = _pointer(builder, args[0], args[1], ir.DoubleType(), _DOUBLES)
        total = builder.fadd(builder.load(pointer, align=8), builder.fpext(args[2], _DOUBLES))
        builder.store(total, pointer, align=8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, vector), build


@intrinsic
def take_doubles(typingctx, address, offset):
    """Load doubles offset, offset + 1, ... of an array, rounded to single precision."""

    def build(context, builder, signature, args):
        pointer = _pointer(builder, *args, ir.DoubleType(), _DOUBLES)
        return builder.fptrunc(builder.load(pointer, align=8), _VECTOR)

    return vector(types.int64, types.int64), build


@intrinsic
def clear_doubles(typingctx, address, offset):
    """Set doubles offset, offset + 1, ... of an array to zero."""

    def build(context, builder, signature, args):
        pointer = _pointer(builder, *args, ir.DoubleType(), _DOUBLES)
        builder.store(ir.Constant(_DOUBLES, [0.0] * LANES), pointer, align=8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), build


def _scalars(kind, description):
    @intrinsic
    def point(typingctx, address):
        def build(context, builder, signature, args):
            return builder.inttoptr(args[0], context.get_value_type(types.CPointer(kind)))

        return types.CPointer(kind)(types.int64), build

    point.__doc__ = description
    return point


integers = _scalars(types.int32, "Array of 32-bit integers at an address.")
singles = _scalars(types.float32, "Array of single-precision numbers at an address.")
doubles = _scalars(types.float64, "Array of double-precision numbers at an address.")


@intrinsic
def take_number(typingctx, address):
    """Return an integer in memory and add one to it, in one step for all threads."""

    def build(context, builder, signature, args):
        pointer = builder.inttoptr(args[0], ir.PointerType(ir.IntType(64)))
        return builder.atomic_rmw("add", pointer, ir.Constant(ir.IntType(64), 1), "monotonic")

    return types.int64(types.int64), build


@intrinsic
def address_of(typingctx, pointer):
    """Return the address that a pointer holds."""

    def build(context, builder, signature, args):
        return builder.ptrtoint(args[0], ir.IntType(64))

    return types.int64(pointer), build


# --- arithmetic ------------------------------------------------------------------------------


@intrinsic
def number(typingctx, value):
    """Put a number into all lanes."""

    def build(context, builder, signature, args):
        return _spread(builder, args[0])

    return vector(types.float32), build


def _operator(function, instruction):
    @intrinsic
    def compute(typingctx, left, right):
        def build(context, builder, signature, args):
            return getattr(builder, instruction)(*args, flags=("contract", "nsz", "arcp"))

        return vector(vector, vector), build

    @overload(function)
    def choose(left, right):
        if isinstance(left, _Vector) and isinstance(right, _Vector):
            return lambda left, right: compute(left, right)


for _function, _instruction in [
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
]:
    _operator(_function, _instruction)


def _function(name, description):
    @intrinsic
    def compute(typingctx, value):
        def build(context, builder, signature, args):
            kind = ir.FunctionType(_VECTOR, [_VECTOR])
            function = cgutils.get_or_insert_function(builder.module, kind, f"{name}.v{LANES}f32")
            return builder.call(function, args)

        return vector(vector), build

    compute.__doc__ = description
    return compute


nearest = _function("llvm.roundeven", "Nearest integer, as a float.")


@intrinsic
def clamp(typingctx, value, lowest, highest):
    """Bring values between two others."""

    def build(context, builder, signature, args):
        value, lowest, highest = args
        value = builder.select(builder.fcmp_ordered("<", value, lowest), lowest, value)
        return builder.select(builder.fcmp_ordered(">", value, highest), highest, value)

    return vector(vector, vector, vector), build


@intrinsic
def _power_of_two(typingctx, exponent):
    """Compute 2^n of integers n in floats, by writing the exponent's bits."""

    def build(context, builder, signature, args):
        whole = builder.fptosi(args[0], _INTEGERS)
        biased = builder.add(whole, _all_equal(127))
        bits = builder.shl(biased, _all_equal(23))
        return builder.bitcast(bits, _VECTOR)

    return vector(vector), build


@njit(inline="always")
def _f(value):
    return number(types.float32(value))


@njit
def exponential(x):
    """e^x to 2 ulp for |x| < 87 (Cephes' expf); held at the ends outside."""
    x = clamp(x, _f(-87.0), _f(87.0))
    n = nearest(x * _f(1.44269504))
    r = x - n * _f(0.693359375) - n * _f(-2.12194440e-4)
    p = _f(1.9875691500e-4) * r + _f(1.3981999507e-3)
    p = p * r + _f(8.3334519073e-3)
    p = p * r + _f(4.1665795894e-2)
    p = p * r + _f(1.6666665459e-1)
    p = p * r + _f(5.0000001201e-1)
    return (p * r * r + r + _f(1.0)) * _power_of_two(n)


@njit
def sigmoid(x):
    """1 / (1 + e^-x)."""
    return _f(1.0) / (_f(1.0) + exponential(_f(0.0) - x))

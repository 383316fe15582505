"""Fused operations for the CPU.

calls
    forward and backward of the operations, as calls of the loops.
loops
    the loops, compiled by Numba, written with
simd
    vectors of floats for Numba.
"""

"""Fused operations for CUDA GPUs.

calls
    forward and backward of the operations, as launches of the kernels.
loops
    the kernels, compiled by Triton.
"""

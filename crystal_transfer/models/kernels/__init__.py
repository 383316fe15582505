"""The operations that take the time, behind two functions: a convolution, and a norm with SiLU.

- `plain`: PyTorch operations, on any device, each beside a reference it is tested against.
- `fused`: the same on the CPU in few passes over memory, tested against `plain`; it calls
- `loops`: the fused loops, compiled by Numba, written with
- `simd`: vectors of floats for Numba.

Without Numba, and on other devices, `plain` is used.
"""

from torch import Tensor, nn

from crystal_transfer.models.kernels import plain

try:
    from crystal_transfer.models.kernels import fused
except ImportError:  # Numba is no requirement of training
    fused = None


def can_fuse(x: Tensor, features: int) -> bool:
    """Say whether `fused` can work on rows of `features` features where x is, in its precision."""
    return fused is not None and fused.suits(x, features)


def batch_norm_silu(norm: nn.BatchNorm1d, x: Tensor, weight: Tensor | None = None) -> Tensor:
    """Normalise over the rows and apply SiLU, see `plain.batch_norm_silu`."""
    if can_fuse(x, x.shape[1]):
        return fused.batch_norm_silu(norm, x, weight)
    return plain.batch_norm_silu(norm, x, weight)

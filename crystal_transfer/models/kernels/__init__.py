"""The operations that take the time, behind two functions: a convolution, and a norm with SiLU.

- `plain`: PyTorch operations, on any device, each beside a reference it is tested against.
- `fused`: the same on the CPU in few passes over memory, tested against `plain`; it calls
- `loops`: the fused loops, compiled by Numba, written with
- `simd`: vectors of floats for Numba.
- `cuda`: the same on a GPU, tested against `plain`; it calls
- `cuda_loops`: the fused loops, compiled by Triton.
- `convolutions`: what both fused convolutions share.

Without Numba, without Triton, and on other devices, `plain` is used.
"""

from functools import cache
from importlib import import_module
from types import ModuleType

from torch import Tensor, nn

from crystal_transfer.models.kernels import plain

FUSED = {"cpu": "fused", "cuda": "cuda"}


def fused_for(x: Tensor, features: int) -> ModuleType | None:
    """Give the module of fused operations for rows of `features` features where x is, if any."""
    module = _module(FUSED[x.device.type]) if x.device.type in FUSED else None
    return module if module and module.suits(x, features) else None


@cache
def _module(name: str) -> ModuleType | None:
    """Import a module; None where the compiler it needs is not installed."""
    try:
        return import_module(f"{__name__}.{name}")
    except ImportError:  # neither Numba nor Triton is a requirement of training
        return None


def batch_norm_silu(norm: nn.BatchNorm1d, x: Tensor, weight: Tensor | None = None) -> Tensor:
    """Normalise over the rows and apply SiLU, see `plain.batch_norm_silu`."""
    return (fused_for(x, x.shape[1]) or plain).batch_norm_silu(norm, x, weight)

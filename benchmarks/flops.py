"""Floating-point operations of the matrix products in a step, those in place included."""

from collections.abc import Sequence
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode


def counted() -> FlopCounterMode:
    """Return a counter to be used in `with`; PyTorch's own passes over `addmm_`."""
    return FlopCounterMode(
        display=False, custom_mapping={torch.ops.aten.addmm_: _flops_of_addmm_in_place}
    )


def _flops_of_addmm_in_place(
    start: Sequence[int], rows: Sequence[int], columns: Sequence[int], **_: Any
) -> int:
    return 2 * rows[0] * rows[1] * columns[1]

"""What a training runs on: device, precision and threads, refused where they cannot be had."""

import torch

from crystal_transfer.errors import InputError
from crystal_transfer.training.settings import Device, Precision, Settings

# what torch.set_float32_matmul_precision calls them; tf32 is fp32 on a CPU
PRECISIONS = {Precision.FP32: "highest", Precision.TF32: "high", Precision.BF16: "medium"}


def require_threads(settings: Settings, given: int) -> None:
    """Check that a training gets its number of threads, since sums depend on it in the last bits.

    Raises
    ------
    InputError
        If Snakemake has given it fewer.
    """
    if given < settings.threads:
        raise InputError(
            f"config key training.threads: {settings.threads} threads were asked for, but "
            f"Snakemake has only {given} cores for this job; run it with --cores "
            f"{settings.threads} or more, or ask for fewer threads."
        )


def choose_device(name: Device) -> torch.device:
    """Return the device that a word stands for.

    Raises
    ------
    InputError
        If ``cuda`` is asked for and there is none.
    """
    if name is Device.CUDA and not torch.cuda.is_available():
        raise InputError(
            "config key training.device: 'cuda' was asked for, but PyTorch sees no GPU; "
            "use 'auto' or 'cpu', or check the driver and the job's GPU request."
        )
    found = name is not Device.CPU and torch.cuda.is_available()
    return torch.device("cuda" if found else "cpu")


def require_precision(precision: Precision, device: torch.device) -> None:
    """Refuse what a device would silently compute in another precision.

    Raises
    ------
    InputError
        For bf16 on a GPU, where PyTorch's word for it means tf32.
    """
    if precision is Precision.BF16 and device.type == "cuda":
        raise InputError(
            "config key training.precision: bf16 is for CPUs; take tf32 or fp32 on a GPU."
        )

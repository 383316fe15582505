"""glibc's malloc as it comes, and keeping all freed memory, so that programs are compared fairly.

What a step frees and asks for again costs time: the system clears pages that were given back.
"""

import ctypes
from collections.abc import Callable

# malloc.h of glibc
TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD, MMAP_MAX = -1, -2, -3, -4
MB = 2**20

# malloc raises its thresholds to these by itself when blocks of this size are freed
AS_IT_COMES = {
    MMAP_THRESHOLD: 32 * MB, TRIM_THRESHOLD: 64 * MB, TOP_PAD: 128 * 1024, MMAP_MAX: 65536,
}  # fmt: skip
AS_IN_TRAININGS = AS_IT_COMES | {TRIM_THRESHOLD: 2**31 - 1, TOP_PAD: 64 * MB}  # training/memory.py
KEEPING_ALL = {MMAP_MAX: 0, TRIM_THRESHOLD: 2**31 - 1, TOP_PAD: 64 * MB}


def with_malloc(settings: dict[int, int], function: Callable[[], object]) -> Callable[[], None]:
    """Return a function that does the same with malloc set up like this."""
    library = ctypes.CDLL("libc.so.6")

    def run() -> None:
        for option, value in settings.items():
            if library.mallopt(option, value) != 1:
                raise OSError(f"glibc refuses {value} for option {option} of mallopt.")
        function()

    return run

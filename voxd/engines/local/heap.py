"""Large blocks of memory that a worker frees go back to the system. Used by `piper_worker`.

glibc takes large blocks from the system, each by itself, and gives them back; but once it has seen
one freed, it takes blocks of that size from its heap, where what lies behind them holds them.
Then what onnxruntime's arena gives back stays with the process.
"""

import ctypes

LARGE_BYTES = 4 << 20
"""From this size on a block is taken from the system and given back, whatever was freed before."""

_MMAP_THRESHOLD = -3
"""`malloc.h` of glibc."""


def give_back_large_blocks() -> bool:
    """Have this process take blocks of `LARGE_BYTES` and more from the system.

    Returns:
        Whether the C library can be told so (glibc); others go on as they do.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and mallopt(_MMAP_THRESHOLD, LARGE_BYTES) == 1

"""How the C library of a worker keeps memory that was freed. Used by `piper_worker`.

A sentence takes hundreds of MiB for a moment, in blocks of all sizes. Given back to the system
they are paged in again for the next sentence, which costs a tenth to a quarter of its time;
onnxruntime's own arena keeps them, but grows in steps of up to 100 MiB while lengths vary. The C
library's heap keeps what the longest sentence took, and after each all of it is free again.
"""

import ctypes

KEPT_BYTES = 256 << 20
"""Freed memory at the heap's end that is kept."""
MAPPED_BYTES = 32 << 20
"""Blocks from this size are taken from the system and given back, each by itself."""

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
"""`malloc.h` of glibc."""


def keep_freed_memory() -> bool:
    """Have this process keep most of what it frees, in one heap for all its threads.

    Returns:
        Whether the C library can (glibc); others go on as they do.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    wanted = ((_TRIM_THRESHOLD, KEPT_BYTES), (_MMAP_THRESHOLD, MAPPED_BYTES), (_ARENA_MAX, 1))
    return all(mallopt(option, value) == 1 for option, value in wanted)

"""Devices: memory that is kept, precision."""

from __future__ import annotations

import ctypes
import sys
from functools import cache

import torch


def precision(name: str) -> str:
    """Lightning's name of a precision; of ``"auto"`` what it means on this machine."""
    if name != "auto":
        return name
    return "bf16-mixed" if torch.cuda.is_available() else "32-true"


@cache
def keep_freed_memory() -> None:
    """Let this process keep what it frees, for the next step, which wants as much.

    By default glibc gives large blocks back to the system and fetches them anew, page
    by page: a quarter of the time of a step on a CPU. Kept, they lie less closely: the
    peak can be a third higher. Without glibc this does nothing.

    Source:
        The manual page mallopt(3).
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
        if mallopt:
            no_mapped_blocks, trim_threshold = -4, -1
            mallopt(no_mapped_blocks, 0)
            mallopt(trim_threshold, 2**31 - 1)

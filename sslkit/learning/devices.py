"""Devices: which one and how many, precision, memory that is kept."""

from __future__ import annotations

import ctypes
import logging
import os
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

import torch

from sslkit.learning.choices import check_choice

if TYPE_CHECKING:
    from lightning.fabric import Fabric  # a second; imported when it is used


PRECISIONS = """
    32-true 64-true 16-true 16-mixed bf16-true bf16-mixed transformer-engine
""".split()
"""Lightning's names."""


def precision(name: str) -> str:
    """Lightning's name of a precision; of ``"auto"`` what it means on this machine.

    That is bf16 on CUDA and on CPUs that compute in it, which emulate nothing; else 32
    bits.

    Raises:
        ValueError: If there is no such precision; names the nearest.
    """
    check_choice("precision", name, ("auto", *PRECISIONS))
    if name != "auto":
        return name
    if torch.cuda.is_available():
        return "bf16-mixed"
    can: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()  # not in 2.11
    fast = can.get("avx512_bf16") or can.get("amx_bf16")
    return "bf16-mixed" if fast else "32-true"


def launch(numbers: str = "auto") -> Fabric:
    """One device; or this process's among those that torchrun has started.

    Args:
        numbers: Lightning's name of a precision, or ``"auto"``.
    """
    from lightning.fabric import Fabric

    cuda = torch.cuda.is_available()
    known: Any = precision(numbers)
    together = torch.distributed.is_torchelastic_launched()
    # Which precision it took is in the record; a line each time is in the way. Fabric's
    # words go through either, as whether all of Lightning was imported decides.
    for part in ("fabric", "pytorch"):
        logging.getLogger(f"lightning.{part}").setLevel(logging.WARNING)
    here = int(os.environ["LOCAL_WORLD_SIZE"]) if together else 1
    world = int(os.environ["WORLD_SIZE"]) if together else 1
    fabric = Fabric(
        accelerator="cuda" if cuda else "cpu",
        devices=here,
        num_nodes=world // here,
        strategy="ddp" if world > 1 else "auto",
        precision=known,
    )
    fabric.launch()
    return fabric


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

"""Copies to a device that nobody waits for."""

from __future__ import annotations

import torch
from torch import Tensor


def to_device(values: Tensor, device: torch.device) -> Tensor:
    """Copy a tensor to a device, in the order of its work; the host goes on at once.

    A copy from pageable memory would make the host wait for all that a GPU has to do.
    """
    if values.device == device:
        return values
    if device.type == "cuda" and values.is_cpu:
        return values.pin_memory().to(device, non_blocking=True)
    return values.to(device)

"""Embeddings to try losses on, and batches of them by hypothesis."""

from __future__ import annotations

from collections.abc import Callable

import torch
from hypothesis import strategies as st
from torch import Tensor

Loss = Callable[[Tensor, Tensor], Tensor]


def pair(count: int, dim: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Two batches ``(count, dim)`` in float64 that resemble each other a little."""
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(3, count, dim, generator=generator, dtype=torch.float64)
    return 0.5 * z[0] + z[1], 0.5 * z[0] + z[2]


pairs = st.builds(pair, st.integers(2, 9), st.integers(1, 7), st.integers(0, 2**31))


def value_and_gradients(loss: Loss, one: Tensor, other: Tensor) -> list[Tensor]:
    """A loss and its gradient in each of its two arguments."""
    given = [z.detach().clone().requires_grad_() for z in (one, other)]
    value = loss(*given)
    return [value.detach(), *torch.autograd.grad(value, given)]

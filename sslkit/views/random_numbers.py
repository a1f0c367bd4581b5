"""The random numbers of a batch: the same on any device, in any number of processes."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from sslkit.images.devices import to_device


class RandomNumbers:
    """The random numbers of one batch; successive calls give independent ones.

    They follow from seed, step and a row's position in the global batch alone: the same
    after resuming, on another device, and in N processes that share a batch.

    Args:
        seed, step: Of the run.
        size, start, total: Rows this process holds, the position of the first, and the
            rows of the global batch (``size`` if not given).
        device: Where the numbers are wanted.

    Raises:
        ValueError: If a number is negative, or the rows leave the global batch.
    """

    def __init__(
        self,
        seed: int,
        step: int,
        *,
        size: int,
        start: int = 0,
        total: int | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        total = size if total is None else total
        if min(seed, step, size, start) < 0 or start + size > total:
            raise ValueError(f"out of range: {(seed, step, size, start, total)=}")
        self.size, self._start, self._total = size, start, total
        self._device = torch.device(device)
        # Hashed: seed 0, step 1 shares nothing with seed 1, step 0.
        state = np.random.SeedSequence((seed, step)).generate_state(1)
        self._generator = torch.Generator().manual_seed(int(state[0]))

    def uniform(
        self, low: float = 0.0, high: float = 1.0, *, times: int | None = None
    ) -> Tensor:
        """Uniform float32 numbers from ``low`` to ``high``.

        They are ``(size,)``, or ``(times, size)`` for as many a row.
        """
        shape = (self._total,) if times is None else (times, self._total)
        numbers = torch.rand(shape, generator=self._generator)
        return self._own(numbers * (high - low) + low)

    def chance(self, p: float) -> Tensor:
        """Booleans ``(size,)``, each True with probability ``p``."""
        return self.uniform() < p

    def integers(self, high: int) -> Tensor:
        """Uniform int64 numbers ``(size,)`` from 0 to ``high - 1``."""
        return self._own(torch.randint(high, (self._total,), generator=self._generator))

    def order(self, n: int) -> list[int]:
        """A random order of ``range(n)``, one for the whole global batch."""
        return torch.randperm(n, generator=self._generator).tolist()

    def _own(self, numbers: Tensor) -> Tensor:
        return to_device(numbers.narrow(-1, self._start, self.size), self._device)

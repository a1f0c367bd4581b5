"""One batch in several processes: gathers and batch-norm with gradients.

Every process holds some rows of the global batch. What a loss compares or averages over
the batch is gathered first, so that every process has the loss of the whole batch, and
the mean of their gradients, which DDP takes, is the gradient of one process that holds
all rows. In one process everything here gives back what it was given.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


@dataclass(frozen=True)
class Share:
    """The rows of a global batch that one process holds.

    Attributes:
        start: Position of the first.
        size: How many they are.
        total: Rows of the global batch.
    """

    start: int
    size: int
    total: int


def share(total: int, rank: int, world: int) -> Share:
    """Divide a batch of ``total`` rows among ``world`` processes, as evenly as it goes.

    Raises:
        ValueError: If there are fewer rows than processes.
    """
    if total < world:
        raise ValueError(
            f"a batch of {total} images cannot be shared by {world} processes; take "
            "fewer processes, or a larger batch_size"
        )
    size, more = divmod(total, world)
    return Share(rank * size + min(rank, more), size + (rank < more), total)


# What this process holds of the batch in work. An objective's forward() has no room for
# it, and no need to know of it.
_held: Share | None = None


@contextmanager
def sharing(held: Share) -> Iterator[None]:
    """Within it the batch in work is shared; outside, every process has all rows."""
    global _held
    _held = held if held.size < held.total else None
    try:
        yield
    finally:
        _held = None


def gather(rows: Tensor, dim: int = 0) -> Tensor:
    """The rows of all processes in the order of the global batch, with gradients.

    Args:
        rows: Those of this process, along ``dim``.
        dim: The batch dimension.

    Returns:
        A tensor as long as the global batch along ``dim``, the same in every process.
    """
    if _held is None:
        return rows
    before, after = list(rows.shape), list(rows.shape)
    before[dim], after[dim] = _held.start, _held.total - _held.start - _held.size
    padded = torch.cat([rows.new_zeros(before), rows, rows.new_zeros(after)], dim)
    return total(padded)


def total(values: Tensor) -> Tensor:
    """The sum of a tensor over the processes, with gradients."""
    return cast(Tensor, _Total.apply(values))


class _Total(torch.autograd.Function):
    """A sum over processes; what each of them makes of it flows back to all."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        values = values.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(values)
        return values

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        gradient = gradient.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(gradient)
        return gradient


def synchronise(module: nn.Module) -> nn.Module:
    """Let the batch-norms of a module take their statistics over all processes.

    The weights, their names and their values stay. On CUDA this is torch's own
    ``SyncBatchNorm``; torch has none for a CPU, where it is ours.
    """
    if not (dist.is_initialized() and dist.get_world_size() > 1):
        return module
    if next(module.parameters()).is_cuda:
        return nn.SyncBatchNorm.convert_sync_batchnorm(module)
    for part in module.modules():
        if isinstance(part, _BatchNorm):
            part.__class__ = _SyncBatchNorm
    return module


class _SyncBatchNorm(_BatchNorm):
    """Batch-norm over the rows of all processes, on any device.

    Source:
        Ioffe and Szegedy, Batch Normalization (arXiv:1502.03167), algorithm 1.
    """

    def _check_input_dim(self, input: Tensor) -> None:
        """Every shape ``(B, C, ...)`` will do."""

    def forward(self, input: Tensor) -> Tensor:
        if not self.training or _held is None:
            return super().forward(input)
        dims = [0, *range(2, input.ndim)]
        shape = [1, -1] + [1] * (input.ndim - 2)
        count = input.numel() // input.shape[1] // _held.size * _held.total
        # Statistics of 16-bit numbers are taken in 32, as torch's own are.
        wide = input.to(torch.promote_types(input.dtype, torch.float32))
        mean = total(wide.sum(dims)) / count
        centred = wide - mean.view(shape)
        variance = total(centred.square().sum(dims)) / count
        if self.track_running_stats:
            self._track(mean, variance * (count / (count - 1)))
        scale = (variance + self.eps).rsqrt()
        if not self.affine:
            return (centred * scale.view(shape)).to(input.dtype)
        scale = scale * self.weight
        return (centred * scale.view(shape) + self.bias.view(shape)).to(input.dtype)

    @torch.no_grad()
    def _track(self, mean: Tensor, variance: Tensor) -> None:
        batches = cast(Tensor, self.num_batches_tracked).add_(1)
        # Without a momentum they are the mean over all batches.
        share = 1 / float(batches) if self.momentum is None else self.momentum
        cast(Tensor, self.running_mean).lerp_(mean, share)
        cast(Tensor, self.running_var).lerp_(variance, share)

"""Batches: which images a step learns from, and their views, made before it needs them.

On a CPU both share the cores, so views are made when their turn comes. On a GPU the
host would fall behind: a thread makes the views of the next step while this one's is
computed, in a stream of work of their own.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from torch import Tensor

from sslkit.learning.distributed import Share, share
from sslkit.views import pieces
from sslkit.views.random_numbers import RandomNumbers

if TYPE_CHECKING:
    from lightning.fabric import Fabric  # a second; imported when it is used


class TakesRows(Protocol):
    """Images (or features) by row."""

    def take(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """The rows and their labels, on the training device."""


@dataclass(frozen=True)
class Batch:
    """What a step learns from.

    Attributes:
        views: Of this process's share of the batch, on its device.
        labels: ``(B,)`` of the same images.
        held: Which rows of the global batch they are.
    """

    views: list[Tensor]
    labels: Tensor
    held: Share


class Batches:
    """The batches of a training by step: the same for the same seed, in any process.

    The images of a pass are dealt, in a new order every time, into batches of nearly
    equal size, none larger than ``batch_size``, none left over.

    Args:
        source: Where the images come from.
        views: Makes the views of some images from the random numbers of their batch.
        rows: ``(N,)`` int64, the rows to learn from.
        batch_size: Images a batch over all processes.
        seed: Decides the order of the images and every view.
        fabric: Device and processes.
        size: Gives the side of the views at a step; ``None``: as they come.
    """

    def __init__(
        self,
        source: TakesRows,
        views: Callable[[Tensor, RandomNumbers], list[Tensor]],
        rows: Tensor,
        *,
        batch_size: int,
        seed: int,
        fabric: Fabric,
        size: Callable[[int], int | None] = lambda step: None,
    ) -> None:
        self.in_a_pass = math.ceil(len(rows) / batch_size)
        self._source, self._views, self._rows = source, views, rows
        self._seed, self._fabric, self._size = seed, fabric, size
        self._dealt: tuple[int, list[np.ndarray]] = (-1, [])

    def of(self, steps: Iterable[int]) -> Iterator[Batch]:
        """The batches of some steps, each made ahead of its turn on a GPU."""
        if self._fabric.device.type == "cuda":
            return ahead(self.make, steps, torch.cuda.Stream(self._fabric.device))
        return map(self.make, steps)

    @torch.no_grad()
    def make(self, step: int) -> Batch:
        """The batch of a step, counted from 0."""
        turn, index = divmod(step, self.in_a_pass)
        if turn != self._dealt[0]:
            order = np.random.default_rng([self._seed, turn]).permutation(
                len(self._rows)
            )
            self._dealt = turn, np.array_split(order, self.in_a_pass)
        dealt = self._dealt[1][index]
        held = share(len(dealt), self._fabric.global_rank, self._fabric.world_size)
        own = torch.from_numpy(dealt[held.start : held.start + held.size])
        images, labels = self._source.take(self._rows[own])
        random = RandomNumbers(
            self._seed,
            step,
            size=held.size,
            start=held.start,
            total=held.total,
            device=images.device,
        )
        side = self._size(step)
        views = [pieces.resize(view, side) for view in self._views(images, random)]
        return Batch(views, labels, held)


def ahead(
    make: Callable[[int], Batch], steps: Iterable[int], stream: torch.cuda.Stream | None
) -> Iterator[Batch]:
    """The batches of ``make`` in the order of ``steps``; a thread makes the next one.

    Args:
        make: Makes the batch of a step.
        steps: Its arguments.
        stream: Of the GPU's work on views, beside the stream of the steps; ``None``
            without a GPU.

    Raises:
        Exception: What ``make`` raises, when the batch's turn comes.
    """

    def made(step: int) -> tuple[Batch, torch.cuda.Event | None]:
        with torch.cuda.stream(stream):
            batch = make(step)
            return batch, stream.record_event() if stream else None

    if stream:  # the images may still be on their way
        stream.wait_stream(torch.cuda.current_stream(stream.device))
    waiting: deque[Future[tuple[Batch, torch.cuda.Event | None]]] = deque()
    with ThreadPoolExecutor(1, thread_name_prefix="views") as thread:
        for step in steps:
            waiting.append(thread.submit(made, step))
            if len(waiting) > 1:
                yield _received(*waiting.popleft().result())
        for last in waiting:
            yield _received(*last.result())


def _received(batch: Batch, ready: torch.cuda.Event | None) -> Batch:
    """The batch, for the stream of the steps, which waits for it; the host does not."""
    if ready is not None:
        steps = torch.cuda.current_stream(batch.labels.device)
        steps.wait_event(ready)
        for values in (*batch.views, batch.labels):
            values.record_stream(steps)  # or its memory could be taken for a next view
    return batch

"""What the loop is tried on: a table of numbers, a softmax regression."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from lightning.fabric import Fabric
from torch import Tensor, nn
from torch.nn import functional as F

from sslkit.images.imageset import ImageSet
from sslkit.learning.checkpoints import Select
from sslkit.learning.encoders import Encoder, EncoderSettings
from sslkit.learning.loop import Fitted, Progress, fit
from sslkit.learning.training import Training
from sslkit.views.random_numbers import RandomNumbers


class Table:
    """Numbers and labels by row; remembers which rows were asked for, and when."""

    def __init__(self, count: int = 40, dim: int = 5, seed: int = 0) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.values = torch.randn(count, dim, generator=generator)
        self.labels = torch.randint(3, (count,), generator=generator)
        self.asked: list[tuple[str, list[int]]] = []
        self.phase: Callable[[], bool] = lambda: True

    def take(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        self.asked.append(("train" if self.phase() else "val", rows.tolist()))
        return self.values[rows], self.labels[rows]

    def batches(self, phase: str = "train") -> list[list[int]]:
        return [rows for asked, rows in self.asked if asked == phase]


class Probe(nn.Module):
    """Softmax regression that remembers the progress it was told."""

    def __init__(self, dim: int = 5, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.encoder = nn.Identity()
        self.head = nn.Linear(dim, 3)
        self.progress: list[float] = []

    def views(self, images: Tensor, draw: RandomNumbers) -> list[Tensor]:
        return [images]

    def forward(
        self, views: list[Tensor], labels: Tensor | None = None
    ) -> dict[str, Tensor]:
        logits = self.head(self.encoder(views[0]))
        loss = F.cross_entropy(logits, labels)
        return {"loss": loss, "accuracy": (logits.argmax(1) == labels).float().mean()}

    def after_step(self, progress: float) -> None:
        self.progress.append(progress)


def run(
    objective: nn.Module,
    source: Table | ImageSet,
    rows: Tensor,
    training: Training,
    *,
    validation: Tensor | None = None,
    seed: int = 0,
    checkpoint: Path | None = None,
    select: Select = "validation",
    watch: Callable[[Progress], None] | None = None,
) -> Fitted:
    if isinstance(source, Table):
        source.phase = lambda: objective.training
    return fit(
        objective,
        source,
        rows,
        validation=validation,
        training=training,
        seed=seed,
        fabric=Fabric(accelerator="cpu", devices=1),
        checkpoint=checkpoint,
        title="a trial",
        select=select,
        watch=watch,
    )


def values(history: pd.DataFrame, metric: str) -> list[float]:
    return history.value[history.metric == metric].tolist()


def weights(module: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def same_tensors(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(
        torch.equal(one[k], other[k]) for k in one
    )


def encoder() -> Encoder:
    torch.manual_seed(0)
    return Encoder(EncoderSettings())


def some_images(count: int = 30, size: int = 16) -> ImageSet:
    generator = torch.Generator().manual_seed(1)
    shape = (count, 3, size, size)
    pixels = torch.randint(256, shape, dtype=torch.uint8, generator=generator)
    labels = torch.arange(count) % 3
    return ImageSet("made", pixels, labels, np.repeat("train", count), ("a", "b", "c"))


class Stop(Exception):
    """Something that ends a process, from outside."""


def counting(objective: nn.Module, seen: list[float]) -> nn.Module:
    """The objective, which notes the progress that it is told."""
    move = objective.after_step

    def after_step(progress: float) -> None:
        move(progress)
        seen.append(progress)

    objective.after_step = after_step
    return objective


def stopped_at(objective: nn.Module, step: int) -> nn.Module:
    seen: list[float] = []
    move = counting(objective, seen).after_step

    def after_step(progress: float) -> None:
        move(progress)
        if len(seen) == step:
            raise Stop

    objective.after_step = after_step
    return objective

"""Training: how long and how fast, with which optimiser."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from sslkit.learning.choices import check_choices


@dataclass(frozen=True, kw_only=True)
class Training:
    """How long and how fast to learn.

    Attributes:
        optimiser: ``"adam"``, ``"adamw"`` or ``"sgd"`` (momentum 0.9, Nesterov).
        lr: Highest learning rate.
        schedule: ``"cosine"`` falls to 0 at the last step, ``"constant"`` stays.
        warmup: Share of all steps over which the rate first rises linearly, in [0, 1).
        epochs: Passes over the images; after each, validation is measured.
        steps: Optimiser steps in all, where runs on different numbers of images are to
            be compared; an epoch is then ``steps / epochs`` steps, rounded up.
        batch_size: Images a step, before turns and views, over all processes. The
            images of a pass are dealt into batches of nearly equal size, none larger,
            none left over.
        weight_decay: On weights alone, not on biases or batch-norm.
        sizes: Sides of the views in pixels, one after the other, each for as many
            steps: small views first make early steps cheap. Without them views are as
            large as the images.

    Raises:
        ValueError: If a value is out of range.
    """

    optimiser: Literal["adam", "adamw", "sgd"] = "adam"
    lr: float = 3e-4
    schedule: Literal["cosine", "constant"] = "cosine"
    warmup: float = 0.0
    epochs: int = 100
    steps: int | None = None
    batch_size: int = 64
    weight_decay: float = 0.0
    sizes: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        check_choices(self)
        if not 0 < self.lr < math.inf or not 0 <= self.warmup < 1:
            raise ValueError(f"lr {self.lr} or warmup {self.warmup} is out of range")
        steps = 1 if self.steps is None else self.steps
        if min(self.epochs, self.batch_size, steps) < 1:
            raise ValueError("epochs, steps and batch_size must be at least 1")
        if self.sizes and min(self.sizes) < 1:
            raise ValueError(f"sizes is {self.sizes}; each must be at least 1")

    def size(self, step: int, total: int) -> int | None:
        """Side of the views at one of ``total`` steps (from 0); ``None``: their own."""
        return self.sizes[step * len(self.sizes) // total] if self.sizes else None

    def epoch_steps(self, images: int) -> int:
        """Optimiser steps of an epoch, on so many images."""
        if self.steps:
            return math.ceil(self.steps / self.epochs)
        return math.ceil(images / self.batch_size)


def learning_rate(step: int, total: int, training: Training) -> float:
    """The rate at one of ``total`` steps (counted from 0).

    Cosine: ``lr * (1 + cos(pi * t)) / 2``, where ``t`` is the share done of the steps
    after warm-up.

    Source:
        Loshchilov and Hutter, SGDR (arXiv:1608.03983), equation 5, without restarts.
    """
    rising = round(training.warmup * total)
    if step < rising:
        return training.lr * (step + 1) / rising
    if training.schedule == "constant":
        return training.lr
    done = (step - rising) / max(1, total - 1 - rising)
    return training.lr * (1 + math.cos(math.pi * done)) / 2


def new_optimiser(module: nn.Module, training: Training) -> torch.optim.Optimizer:
    """The optimiser of all that can learn in a module; weights alone decay.

    Raises:
        ValueError: If nothing can learn.
    """
    learning = [p for p in module.parameters() if p.requires_grad]
    if not learning:
        raise ValueError("nothing to train: every parameter is frozen")
    groups = [
        {
            "params": [p for p in learning if p.ndim > 1],
            "weight_decay": training.weight_decay,
        },
        {"params": [p for p in learning if p.ndim <= 1], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    fused = learning[0].is_cuda or None  # one kernel for all weights
    if training.optimiser == "sgd":
        return torch.optim.SGD(
            groups, lr=training.lr, momentum=0.9, nesterov=True, fused=fused
        )
    kind = torch.optim.AdamW if training.optimiser == "adamw" else torch.optim.Adam
    return kind(groups, lr=training.lr, fused=fused)

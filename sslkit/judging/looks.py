"""Looks: what can be measured of an encoder while it learns, in a moment.

What is trained is looked at in a copy, with random numbers of its own, so that nothing
here can change a training.
"""

from __future__ import annotations

import copy
import math
import warnings
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from sslkit.images.imageset import ImageSet
from sslkit.judging.features import BATCH
from sslkit.judging.readout import effective_rank
from sslkit.learning.objective import Objective
from sslkit.methods.byol import deviation
from sslkit.views import pieces
from sslkit.views.random_numbers import RandomNumbers

SAMPLE = 256  # images whose features are read, and as many labelled ones
STRENGTH = 0.5  # of what differs between images, in noise: what they share stands out
SEED = 2**31 - 2  # of samples, noise and views: the same at every look


def look(
    objective: Objective, sample: Tensor, batch: Tensor, noise: Tensor
) -> dict[str, float]:
    """Look at an objective in the middle of its training.

    Args:
        objective: What is being trained; left as it is, to the last bit.
        sample: ``(N, 3, S, S)`` uint8, images whose features are read.
        batch: ``(B, 3, S, S)`` uint8, images whose views it learns from.
        noise: ``(B, 3, S, S)`` uint8, the same where there is nothing to see.

    Returns:
        ``deviation``, how far the directions of features spread, and ``rank``, how many
        they use; ``gradient``, the norm of the gradient of the batch; and, if the
        objective tells an accuracy, ``noise_accuracy``, that on the noise. Features
        that are not finite have no deviation and no rank. Nothing at all, and a
        warning, if the objective cannot be copied.
    """
    try:
        module = cast(nn.Module, copy.deepcopy(objective)).float()
    except (RuntimeError, TypeError) as error:  # of what cannot be copied in it
        kind = type(objective).__name__
        warnings.warn(f"no looks at a {kind}, only losses: {error}", stacklevel=2)
        return {}
    twin = cast(Objective, module)
    device = next(module.parameters()).device
    found: dict[str, float] = {}
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        features = read(twin.encoder, sample)
        if features.isfinite().all():
            found["deviation"] = float(deviation(features))
            found["rank"] = effective_rank(features)
        found["gradient"] = _gradient(twin, _told(twin, batch.to(device))["loss"])
        with torch.no_grad():
            told = _told(twin, noise.to(device))
        if "accuracy" in told:
            found["noise_accuracy"] = float(told["accuracy"])
    return found


@torch.no_grad()
def read(encoder: nn.Module, images: Tensor) -> Tensor:
    """Features ``(N, D)`` of images ``(N, 3, S, S)`` uint8, on the encoder's device."""
    weight = next(encoder.parameters())
    views = (pieces.to_float(some.to(weight.device)) for some in images.split(BATCH))
    return torch.cat([encoder(view.to(weight.dtype)) for view in views])


def noise_like(images: Tensor, count: int) -> Tensor:
    """Noise that shares with images what these share with each other.

    Every one is the mean of the images and a random mixture of what each differs from
    it by, turned and shifted at random and half as strong. So a light from above, a
    border or a mark that all images have is in it, and no object is, nor its place, nor
    its up. Plain noise would lack what gives the answer away, and would find nothing.

    Args:
        images: ``(N, 3, S, S)`` uint8.
        count: How many to make.

    Returns:
        ``(count, 3, S, S)`` uint8, cut at 0 and 255.
    """
    random = torch.Generator().manual_seed(SEED)
    number, _, side, _ = images.shape
    pixels = images.float()
    mean = pixels.mean(0)
    turns = torch.randint(4, (number,), generator=random)
    shifts = torch.randint(side, (2, number, 1), generator=random)
    weights = torch.randn(count, number, generator=random)
    turned = pieces.quarter_turn(pixels - mean, turns.to(images.device))
    y, x = (torch.arange(side) + shifts) % side
    moved = turned[torch.arange(number)[:, None, None], :, y[:, :, None], x[:, None]]
    mixed = torch.tensordot(weights.to(images.device), moved, dims=1)
    noise = STRENGTH / math.sqrt(number) * mixed.permute(0, 3, 1, 2)
    return (mean + noise).round_().clamp_(0, 255).byte()


@dataclass(frozen=True)
class Labelled:
    """Some labelled images, of whose features the nearest neighbours are looked at.

    Attributes:
        rows: ``(N,)`` int64, rows of a set.
        labels: ``(N,)`` int64.
        groups: ``(N,)`` int64, what each belongs to: no image is compared with one of
            its own group. Without groups each is its own.
    """

    rows: Tensor
    labels: Tensor
    groups: Tensor

    @classmethod
    def of(cls, images: ImageSet, rows: Tensor) -> Labelled:
        """At most ``SAMPLE`` of some rows; none if they are all of one group.

        Raises:
            ValueError: If one of them has no label.
        """
        rows = some(rows)
        labels = images.labels.cpu()[rows]
        if (labels < 0).any():
            row = int(rows[labels < 0][0])
            raise ValueError(f"row {row} of '{images.name}' has no label to look at")
        groups = rows
        if images.groups is not None:
            numbers = np.unique(images.groups[rows.numpy()], return_inverse=True)[1]
            groups = torch.from_numpy(numbers)
        if len(groups.unique()) < 2:
            rows, labels, groups = rows[:0], labels[:0], groups[:0]
        return cls(rows, labels, groups)

    def __len__(self) -> int:
        return len(self.rows)

    def agreeing(self, features: Tensor) -> float:
        """How often the nearest image, by cosine, is of the same class.

        Args:
            features: ``(N, D)``, in the order of the rows.
        """
        unit = F.normalize(features.float().cpu())
        own = self.groups[:, None] == self.groups
        nearest = (unit @ unit.T).masked_fill(own, -math.inf).argmax(1)
        return float((self.labels[nearest] == self.labels).float().mean())

    @property
    def by_chance(self) -> float:
        """How often two images of different groups are of one class; NaN of none."""
        apart = self.groups[:, None] != self.groups
        same = self.labels[:, None] == self.labels
        return float((same & apart).sum() / apart.sum())


def some(rows: Tensor) -> Tensor:
    """At most ``SAMPLE`` of some rows, always the same ones."""
    random = torch.Generator().manual_seed(SEED)
    return rows[torch.randperm(len(rows), generator=random)[:SAMPLE]]


def _told(objective: Objective, images: Tensor) -> dict[str, Tensor]:
    """What an objective, a copy, says of images in the views that it learns from.

    It is in eval mode, so that nothing waits for other processes, and yet its
    batch-norm goes by the batch, as in training: what it has of earlier batches is
    far off while weights move fast.
    """
    module = cast(nn.Module, objective)
    for part in module.modules():
        if isinstance(part, _BatchNorm):
            part.running_mean = part.running_var = None
    random = RandomNumbers(SEED, 0, size=len(images), device=images.device)
    module.train()
    views = objective.views(images, random)
    module.eval()
    told: dict[str, Tensor] = objective(views)  # type: ignore[operator]
    return told


def _gradient(objective: Objective, loss: Tensor) -> float:
    """The norm of the gradient of a loss with respect to all that learns."""
    learning = [p for p in cast(nn.Module, objective).parameters() if p.requires_grad]
    parts = torch.autograd.grad(loss, learning, allow_unused=True)
    norm = torch.stack([part.norm() for part in parts if part is not None]).norm()
    return float(norm.nan_to_num(math.inf))

"""BYOL: predict what a slower copy of oneself makes of another view. No negatives.

Source: Grill and others, *Bootstrap Your Own Latent: A New Approach to Self-Supervised
Learning*, NeurIPS 2020 (arXiv:2006.07733), section 3.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sslkit.learning.distributed import gather
from sslkit.learning.encoders import Encoder
from sslkit.views import augment
from sslkit.views.augment import Augmentation
from sslkit.views.random_numbers import RandomNumbers


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What decides a BYOL.

    Attributes:
        augmentation: What the two views of an image may differ in.
        second: The same of the second view alone; ``None``: as the first.
        momentum: How much of itself the slow copy keeps at a step, at the start and at
            the end, each in [0, 1]; it rises by half a cosine. 0 copies at every step,
            1 never.
        predictor: Whether the learning side must predict; without it, it must agree.
        stop_gradient: Whether the other side is a slow copy that no gradient reaches;
            without it, it is the learning network itself, and learns from both sides.
        hidden: Width of the hidden layers; ``None`` is twice the encoder's.
        embedding: Length of an embedding.

    Raises:
        ValueError: If a momentum is outside [0, 1].
    """

    tag: ClassVar[str] = "byol"

    augmentation: Augmentation = Augmentation()  # frozen
    second: Augmentation | None = None
    momentum: tuple[float, float] = (0.99, 1.0)
    predictor: bool = True
    stop_gradient: bool = True
    hidden: int | None = None
    embedding: int = 128

    def __post_init__(self) -> None:
        if not all(0 <= momentum <= 1 for momentum in self.momentum):
            raise ValueError(f"momentum is {self.momentum}; each must be in [0, 1]")

    @property
    def name(self) -> str:
        """What tables call it."""
        return "byol"

    def with_views(
        self, first: Augmentation, second: Augmentation | None = None
    ) -> Settings:
        """The same with ``first`` as its two views, or with ``second`` as the other."""
        return replace(self, augmentation=first, second=second)

    def chance(self, batch: int) -> float:
        """The loss where predictions and targets know nothing of each other: 4."""
        return 4.0

    def objective(self, encoder: Encoder) -> BYOL:
        """The objective that trains ``encoder`` with these settings."""
        return BYOL(encoder, self)


class BYOL(nn.Module):
    """A learning network, a predictor, and a slow copy of the network to predict.

    Judged and saved is the slow copy (``encoder``), unless there is none.
    """

    def __init__(self, encoder: Encoder, settings: Settings) -> None:
        super().__init__()
        self.settings = settings
        hidden = settings.hidden or 2 * encoder.dim
        self.online = nn.Sequential(
            encoder, _mlp(encoder.dim, hidden, settings.embedding)
        )
        self.predictor = (
            _mlp(settings.embedding, hidden, settings.embedding)
            if settings.predictor
            else nn.Identity()
        )
        self.target = self.online
        if settings.stop_gradient:
            self.target = copy.deepcopy(self.online).requires_grad_(False)

    @property
    def encoder(self) -> nn.Module:
        """What is judged: the slow copy's encoder."""
        return self.target[0]

    def views(self, images: Tensor, random: RandomNumbers) -> list[Tensor]:
        """Two views ``(B, 3, H, W)`` in [0, 1], each with its own random parameters."""
        settings = self.settings
        return augment.pair(images, settings.augmentation, settings.second, random)

    def forward(
        self, views: list[Tensor], labels: Tensor | None = None
    ) -> dict[str, Tensor]:
        """The loss of both directions, and how far the targets spread in direction."""
        both = torch.cat(views)
        projected = targets = self.online(both)
        if self.settings.stop_gradient:
            with torch.no_grad():
                targets = self.target(both)
        p1, p2 = map(gather, self.predictor(projected).chunk(2))
        t1, t2 = map(gather, targets.chunk(2))
        loss = regression_loss(p1, t2) + regression_loss(p2, t1)
        return {"loss": loss, "deviation": deviation(t1.detach())}

    @torch.no_grad()
    def after_step(self, progress: float) -> None:
        """The slow copy moves a little towards the network.

        Source:
            BYOL, equation 1 and section 3.3 for how the momentum rises.
        """
        if not self.settings.stop_gradient:
            return
        start, end = self.settings.momentum
        momentum = end - (end - start) * (math.cos(math.pi * progress) + 1) / 2
        slow: list[Tensor] = list(self.target.parameters())
        fast: list[Tensor] = list(self.online.parameters())
        torch._foreach_lerp_(slow, fast, 1 - momentum)  # one call for all weights


def regression_loss(prediction: Tensor, target: Tensor) -> Tensor:
    """Squared distance between normalised vectors: ``2 - 2 cos``, a mean over images.

    Args:
        prediction: ``(B, D)``.
        target: ``(B, D)``, in the same order.

    Returns:
        A scalar: 0 where directions agree, 2 where they are orthogonal, 4 at most.

    Raises:
        ValueError: If the shapes differ.

    Source:
        BYOL, equation 2.
    """
    if prediction.shape != target.shape or prediction.ndim != 2:
        raise ValueError(
            f"predictions and targets must be two (B, D) tensors of one shape, not "
            f"{tuple(prediction.shape)} and {tuple(target.shape)}"
        )
    wide = torch.promote_types(prediction.dtype, torch.float32)
    cosine = F.cosine_similarity(prediction.to(wide), target.to(wide), dim=1)
    return (2 - 2 * cosine).mean()


def deviation(embeddings: Tensor) -> Tensor:
    """How far embeddings ``(B, D)`` spread in direction.

    The root of the summed variances of unit vectors: 0 where all point one way, as
    after a collapse, 1 where they point every way.
    """
    unit = F.normalize(embeddings.float(), dim=1)
    return unit.std(0, correction=0).square().sum().sqrt()


def _mlp(dim: int, hidden: int, out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(dim, hidden, bias=False),
        nn.BatchNorm1d(hidden),
        nn.ReLU(),
        nn.Linear(hidden, out),
    )

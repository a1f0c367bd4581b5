"""SimCLR: two views of one image agree, views of different images do not.

Source: Chen, Kornblith, Norouzi and Hinton, *A Simple Framework for Contrastive
Learning of Visual Representations*, ICML 2020 (arXiv:2002.05709), section 2.
"""

from __future__ import annotations

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
    """What decides a SimCLR.

    Attributes:
        augmentation: What the two views of an image may differ in, and so what the
            features are asked to ignore.
        second: The same of the second view alone; ``None``: as the first.
        temperature: Divides the cosine similarities; above 0.
        hidden: Width of the projector's hidden layer; ``None`` is the encoder's.
        embedding: Length of an embedding, the projector's output.

    Raises:
        ValueError: If the temperature is not above 0.
    """

    tag: ClassVar[str] = "simclr"

    augmentation: Augmentation = Augmentation()  # frozen
    second: Augmentation | None = None
    temperature: float = 0.5
    hidden: int | None = None
    embedding: int = 128

    def __post_init__(self) -> None:
        if self.temperature <= 0:
            raise ValueError(f"temperature is {self.temperature}; it must be above 0")

    @property
    def name(self) -> str:
        """What tables call it."""
        return "simclr"

    def with_views(
        self, first: Augmentation, second: Augmentation | None = None
    ) -> Settings:
        """The same with ``first`` as its two views, or with ``second`` as the other."""
        return replace(self, augmentation=first, second=second)

    def chance(self, batch: int) -> float:
        """The loss where all embeddings are the same: ``ln(2 batch - 1)``."""
        return math.log(2 * batch - 1)

    def objective(self, encoder: Encoder) -> SimCLR:
        """The objective that trains ``encoder`` with these settings."""
        return SimCLR(encoder, self)


class SimCLR(nn.Module):
    """Two random views an image, a projector, and NT-Xent between the embeddings."""

    def __init__(self, encoder: Encoder, settings: Settings) -> None:
        super().__init__()
        self.encoder = encoder
        self.settings = settings
        hidden = settings.hidden or encoder.dim
        self.projector = nn.Sequential(
            nn.Linear(encoder.dim, hidden, bias=False),
            nn.BatchNorm1d(hidden),
            nn.ReLU(),
            nn.Linear(hidden, settings.embedding),
        )

    def views(self, images: Tensor, random: RandomNumbers) -> list[Tensor]:
        """Two views ``(B, 3, H, W)`` in [0, 1], each with its own random parameters."""
        settings = self.settings
        return augment.pair(images, settings.augmentation, settings.second, random)

    def forward(
        self, views: list[Tensor], labels: Tensor | None = None
    ) -> dict[str, Tensor]:
        """NT-Xent of two views encoded in one pass; how often they find each other."""
        z1, z2 = self.projector(self.encoder(torch.cat(views))).chunk(2)
        z1, z2 = gather(z1), gather(z2)  # the negatives are in all processes
        loss = nt_xent(z1, z2, self.settings.temperature)
        with torch.no_grad():
            nearest = (F.normalize(z1) @ F.normalize(z2).T).argmax(1)
            own = torch.arange(len(z1), device=z1.device)
            accuracy = (nearest == own).float().mean()
        return {"loss": loss, "accuracy": accuracy}

    def after_step(self, progress: float) -> None:
        """Nothing moves but what the optimiser moves."""


def nt_xent(z1: Tensor, z2: Tensor, temperature: float) -> Tensor:
    """Normalised temperature-scaled cross-entropy between two views of ``B`` images.

    Each of the ``2B`` embeddings must pick the other view of its image among the
    ``2B - 1`` others, by cosine similarity.

    Args:
        z1: ``(B, D)`` embeddings of the first views.
        z2: ``(B, D)`` embeddings of the second views, in the same order.
        temperature: Divides the similarities; above 0.

    Returns:
        The mean over all ``2B`` embeddings, a scalar; ``ln(2B - 1)`` when every
        embedding is the same (a collapse).

    Raises:
        ValueError: If the shapes differ or there is only one image.

    Source:
        SimCLR, equation 1 and algorithm 1.
    """
    if z1.shape != z2.shape or z1.ndim != 2:
        raise ValueError(
            f"embeddings must be two (B, D) tensors of one shape, not "
            f"{tuple(z1.shape)} and {tuple(z2.shape)}"
        )
    count = len(z1)
    if count < 2:
        raise ValueError(
            "NT-Xent compares images with each other; one image is not enough"
        )
    z = torch.cat([z1, z2])
    z = F.normalize(z.to(torch.promote_types(z.dtype, torch.float32)))
    with torch.autocast(z.device.type, enabled=False):  # or the product is in 16 bits
        similarity = z @ z.T / temperature
    similarity.fill_diagonal_(float("-inf"))  # an embedding is not its own neighbour
    other_view = torch.arange(2 * count, device=z.device).roll(count)
    return F.cross_entropy(similarity, other_view)

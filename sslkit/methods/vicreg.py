"""VICReg: views agree, and every dimension varies and tells something of its own.

Source: Bardes, Ponce and LeCun, *VICReg: Variance-Invariance-Covariance Regularization
for Self-Supervised Learning*, ICLR 2022 (arXiv:2105.04906), section 4.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sslkit.learning.distributed import gather
from sslkit.learning.encoders import Encoder
from sslkit.methods.byol import deviation
from sslkit.views import augment
from sslkit.views.augment import Augmentation
from sslkit.views.random_numbers import RandomNumbers

EPSILON = 1e-4  # under the root of a variance


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What decides a VICReg.

    Attributes:
        augmentation: What the two views of an image may differ in.
        second: The same of the second view alone; ``None``: as the first.
        invariance: Weight of the distance between the two views of an image.
        variance: Weight of the term that keeps every dimension from shrinking.
        covariance: Weight of the term that keeps dimensions from repeating each other.
        hidden: Width of the projector's hidden layers; ``None`` is twice the encoder's.
        embedding: Length of an embedding; ``None`` is twice the encoder's.

    Raises:
        ValueError: If a weight is negative, or all are 0.
    """

    tag: ClassVar[str] = "vicreg"

    augmentation: Augmentation = Augmentation()  # frozen
    second: Augmentation | None = None
    invariance: float = 25.0
    variance: float = 25.0
    covariance: float = 1.0
    hidden: int | None = None
    embedding: int | None = None

    def __post_init__(self) -> None:
        weights = self.invariance, self.variance, self.covariance
        if not all(weight >= 0 for weight in weights) or not any(weights):
            raise ValueError(f"weights {weights}: none below 0, and one above")

    @property
    def name(self) -> str:
        """What tables call it."""
        return "vicreg"

    def with_views(
        self, first: Augmentation, second: Augmentation | None = None
    ) -> Settings:
        """The same with ``first`` as its two views, or with ``second`` as the other."""
        return replace(self, augmentation=first, second=second)

    def chance(self, batch: int) -> float:
        """The loss of a collapse: the variance of every dimension is missing."""
        return self.variance * (1 - EPSILON**0.5)

    def objective(self, encoder: Encoder) -> VICReg:
        """The objective that trains ``encoder`` with these settings."""
        return VICReg(encoder, self)


class VICReg(nn.Module):
    """Two random views an image, a projector, and three terms on the embeddings."""

    def __init__(self, encoder: Encoder, settings: Settings) -> None:
        super().__init__()
        self.encoder = encoder
        self.settings = settings
        hidden = settings.hidden or 2 * encoder.dim
        self.projector = nn.Sequential(
            nn.Linear(encoder.dim, hidden, bias=False),
            nn.BatchNorm1d(hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden, bias=False),
            nn.BatchNorm1d(hidden),
            nn.ReLU(),
            nn.Linear(hidden, settings.embedding or 2 * encoder.dim, bias=False),
        )

    def views(self, images: Tensor, random: RandomNumbers) -> list[Tensor]:
        """Two views ``(B, 3, H, W)`` in [0, 1], each with its own random parameters."""
        settings = self.settings
        return augment.pair(images, settings.augmentation, settings.second, random)

    def forward(
        self, views: list[Tensor], labels: Tensor | None = None
    ) -> dict[str, Tensor]:
        """The loss, its three terms, and how far the embeddings spread in direction."""
        z1, z2 = map(gather, self.projector(self.encoder(torch.cat(views))).chunk(2))
        weights = self.settings
        parts = terms(z1, z2)
        loss = _weighted(
            parts, weights.invariance, weights.variance, weights.covariance
        )
        told = {name: value.detach() for name, value in parts.items()}
        return {"loss": loss, **told, "deviation": deviation(z1.detach())}

    def after_step(self, progress: float) -> None:
        """Nothing moves but what the optimiser moves."""


def vicreg(
    z1: Tensor,
    z2: Tensor,
    *,
    invariance: float = 25.0,
    variance: float = 25.0,
    covariance: float = 1.0,
) -> Tensor:
    """Invariance, variance and covariance of two views, weighted and added.

    Args:
        z1: ``(B, D)`` embeddings of the first views.
        z2: ``(B, D)`` embeddings of the second views, in the same order.
        invariance: Weight of the mean squared distance.
        variance: Weight of what dimensions lack to a standard deviation of 1.
        covariance: Weight of the squared covariances between dimensions.

    Returns:
        A scalar, at least 0.

    Raises:
        ValueError: If the shapes differ or there is only one image.

    Source:
        VICReg, equation 6, in the normalisation of ``terms``.
    """
    return _weighted(terms(z1, z2), invariance, variance, covariance)


def _weighted(
    parts: dict[str, Tensor], invariance: float, variance: float, covariance: float
) -> Tensor:
    return (
        invariance * parts["invariance"]
        + variance * parts["variance"]
        + covariance * parts["covariance"]
    )


def terms(z1: Tensor, z2: Tensor) -> dict[str, Tensor]:
    """The three terms by name, each a scalar, at least 0.

    As in the authors' published code, for which the weights 25, 25 and 1 were found:
    the distance is a mean over dimensions, where equation 5 has their sum, and the
    variances of the two views are averaged, where equation 6 adds them.

    Args:
        z1: ``(B, D)`` embeddings of the first views.
        z2: ``(B, D)`` embeddings of the second views, in the same order.

    Raises:
        ValueError: If the shapes differ or there is only one image.

    Source:
        VICReg, equations 1 to 5; github.com/facebookresearch/vicreg.
    """
    if z1.shape != z2.shape or z1.ndim != 2:
        raise ValueError(
            f"embeddings must be two (B, D) tensors of one shape, not "
            f"{tuple(z1.shape)} and {tuple(z2.shape)}"
        )
    count, dim = z1.shape
    if count < 2:
        raise ValueError("a variance is of several images; one is not enough")
    wide = torch.promote_types(z1.dtype, torch.float32)
    sides = torch.stack([z1, z2]).to(wide)
    apart = F.mse_loss(sides[0], sides[1])
    with torch.autocast(
        z1.device.type, enabled=False
    ):  # or the products are in 16 bits
        centred = sides - sides.mean(1, keepdim=True)
        squares = centred.square().sum(1) / (count - 1)
        lacking = F.relu(1 - (squares + EPSILON).sqrt())
        shared = centred.mT @ centred / (count - 1)
        between = shared - torch.diag_embed(shared.diagonal(dim1=1, dim2=2))
    return {
        "invariance": apart,
        "variance": lacking.mean(),
        "covariance": between.square().sum() / dim,
    }

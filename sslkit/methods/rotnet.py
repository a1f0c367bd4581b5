"""RotNet: learn which way up an image is.

Source: Gidaris, Singh and Komodakis, *Unsupervised Representation Learning by
Predicting Image Rotations*, ICLR 2018 (arXiv:1803.07728), section 2.
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
from sslkit.views import augment, pieces
from sslkit.views.augment import Augmentation
from sslkit.views.random_numbers import RandomNumbers

TURNS = 4  # 0, 90, 180 and 270 degrees
STILL = Augmentation(crop=None, flip=0.0, jitter=0.0, greyscale=0.0)
GEOMETRY = Augmentation(crop=(0.5, 1.0), flip=0.5, jitter=0.0, greyscale=0.0)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What decides a RotNet.

    Attributes:
        before: Crop and flip, applied before the turn. A flip after it would swap 90
            and 270 degrees.
        after: Distortion of the colours of every turned copy, each in its own way; no
            geometry. ``None`` leaves them alone.
        shuffled: A control: every image first gets a random quarter turn of its own,
            always the same. No up is left, so accuracy must stay at a quarter; more
            than that is a leak in the pipeline.

    Raises:
        ValueError: If ``after`` would crop, flip or blur.
    """

    tag: ClassVar[str] = "rotnet"

    before: Augmentation = GEOMETRY
    after: Augmentation | None = None
    shuffled: bool = False

    def __post_init__(self) -> None:
        after = self.after
        if after and (after.crop is not None or after.flip or after.blur):
            raise ValueError(
                "after the turn only colours may change: no crop, flip, blur"
            )

    @property
    def name(self) -> str:
        """What tables call it."""
        return "rotnet-jitter" if self.after else "rotnet"

    def with_views(
        self, first: Augmentation, second: Augmentation | None = None
    ) -> Settings:
        """The same with the colour changes of ``first``, if it has any.

        Raises:
            ValueError: If there is a ``second``: RotNet sees an image in one way.
        """
        if second is not None:
            raise ValueError("RotNet has no second view of an image")
        return replace(self, after=first.colours if self.after else None)

    def chance(self, batch: int) -> float:
        """The loss of a guess: ``ln 4``."""
        return math.log(TURNS)

    def objective(self, encoder: Encoder) -> RotNet:
        """The objective that trains ``encoder`` with these settings."""
        return RotNet(encoder, self)


class RotNet(nn.Module):
    """Four turned copies of every image; a linear head says how far each was turned."""

    def __init__(self, encoder: Encoder, settings: Settings) -> None:
        super().__init__()
        self.encoder = encoder
        self.settings = settings
        self.head = nn.Linear(encoder.dim, TURNS)

    def views(self, images: Tensor, random: RandomNumbers) -> list[Tensor]:
        """Four views ``(B, 3, H, W)`` in [0, 1]: turned by 0, 1, 2 and 3 quarters."""
        settings = self.settings
        if settings.shuffled:
            images = pieces.quarter_turn(images, _own_turn(images))
        upright = augment.view(
            images, settings.before if self.training else STILL, random
        )
        turned = [torch.rot90(upright, k, (2, 3)) for k in range(TURNS)]
        if settings.after is not None:
            turned = [augment.view(view, settings.after, random) for view in turned]
        return turned

    def forward(
        self, views: list[Tensor], labels: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Loss and rotation accuracy of the four views."""
        logits = self.head(self.encoder(torch.cat(views))).unflatten(0, (TURNS, -1))
        logits = gather(logits, dim=1)
        turns = torch.arange(TURNS, device=logits.device)
        turns = turns.repeat_interleave(logits.shape[1])
        logits = logits.flatten(0, 1)
        accuracy = (logits.argmax(1) == turns).float().mean()
        return {"loss": rotation_loss(logits, turns), "accuracy": accuracy.detach()}

    def after_step(self, progress: float) -> None:
        """Nothing moves but what the optimiser moves."""


def rotation_loss(logits: Tensor, turns: Tensor) -> Tensor:
    """Cross-entropy over the four turns.

    Args:
        logits: ``(B, 4)`` scores of the turns.
        turns: ``(B,)`` int64, quarter turns counter-clockwise, 0 to 3.

    Returns:
        The mean loss, a scalar; ``ln 4 = 1.386`` for a guess.

    Source:
        RotNet, equation 2.
    """
    return F.cross_entropy(logits, turns)


def _own_turn(images: Tensor) -> Tensor:
    """A turn ``(B,)`` that depends on an image's pixels alone, so it never changes."""
    return images.flatten(1).sum(1, dtype=torch.int64) % TURNS

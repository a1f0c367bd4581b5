"""Pretrainings of half a second that are watched, and images that they fail on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from sslkit.images import shapes
from sslkit.images.imageset import ImageSet
from sslkit.images.loading import from_shapes
from sslkit.judging.health import Health
from sslkit.learning.encoders import Encoder
from sslkit.learning.training import Training
from sslkit.methods import METHODS, rotnet
from sslkit.methods.pretraining import pretrain
from sslkit.methods.settings import Settings

SHORT = Training(lr=1e-2, warmup=0.05, epochs=6, steps=60, batch_size=32)
# The rates of the profile ``quick`` are for forty times as many steps.
RATES = {"simclr": 3e-2, "byol": 1e-2, "vicreg": 1e-2}
BYOL = replace(METHODS["byol"], momentum=(0.9, 1.0))


def scenes(**changes: Any) -> ImageSet:
    """360 scenes of 16 pixels, 120 of them labelled."""
    counts = {"n_train": 120, "n_test": 3, "n_unlabelled": 240}
    return from_shapes(shapes.Scenes(**counts, **changes), image_size=16)


def marked(images: ImageSet) -> ImageSet:
    """The same with a white mark in the upper left corner of each."""
    pixels = images.images.clone()
    pixels[:, :, :3, :3] = 255
    return replace(images, images=pixels)


def discs(count: int = 300) -> ImageSet:
    """Discs in the middle, of any size and colour: they have no up, and no class."""
    random = torch.Generator().manual_seed(0)
    axis = torch.arange(16) - 7.5
    distance = (axis[:, None] ** 2 + axis**2).sqrt()
    size = 2 + 5 * torch.rand(count, 1, 1, 1, generator=random)
    inner, outer = torch.rand(2, count, 3, 1, 1, generator=random)
    pixels = torch.where(distance < size, inner, outer)
    return ImageSet.of((255 * pixels).byte(), torch.arange(count) % 3)


def coloured(count: int = 300) -> ImageSet:
    """Noise in three colours, which tell the classes: random features know them."""
    random = torch.Generator().manual_seed(0)
    labels = torch.arange(count) % 3
    pixels = torch.randint(60, (count, 3, 16, 16), generator=random)
    pixels[torch.arange(count), labels] += 150
    return ImageSet.of(pixels.byte(), labels)


def watch(
    method: str | Settings, images: ImageSet, said: list[str] | None = None, **how: Any
) -> Health:
    """Pretrain, and what the watcher has seen of it."""
    training = replace(SHORT, **how)
    say = (said if said is not None else []).append
    labelled = images.rows("train")
    health = Health(images, method, labelled=labelled, training=training, say=say)
    pretrain(images, method, backbone="tiny", training=training, watch=health)
    return health


def names(health: Health) -> list[str]:
    return [alarm.name for alarm in health.alarms]


@dataclass(frozen=True, kw_only=True)
class Through(rotnet.Settings):
    """RotNet through an encoder that lets little pass: so many numbers."""

    numbers: int = 2

    def objective(self, encoder: Encoder) -> rotnet.RotNet:
        made = rotnet.RotNet(encoder, self)
        made.encoder = Narrow(encoder, self.numbers)
        return made


class Narrow(nn.Module):
    """An encoder of which so many numbers are left; of none, a constant."""

    def __init__(self, encoder: Encoder, numbers: int) -> None:
        super().__init__()
        self.encoder, self.numbers = encoder, numbers

    def forward(self, images: Tensor) -> Tensor:
        features = self.encoder(images)
        kept = torch.arange(features.shape[1], device=features.device) < self.numbers
        return torch.where(kept, features, 1.0)

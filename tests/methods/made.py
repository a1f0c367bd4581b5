"""A short pretraining."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from sslkit.images.imageset import ImageSet
from sslkit.learning.training import Training
from sslkit.methods.pretraining import Pretrained, pretrain

SHORT = Training(lr=1e-2, epochs=2, batch_size=16)


def noise(count: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    shape = (count, 3, 16, 16)
    return torch.randint(256, shape, dtype=torch.uint8, generator=generator)


def learn(
    images: ImageSet, method: Any = "rotnet", *, epochs: int | None = None, **rest: Any
) -> Pretrained:
    given = {"backbone": "tiny", "training": SHORT, **rest}
    return pretrain(images, method, epochs=epochs, **given)


def weights(made: Pretrained) -> dict[str, Tensor]:
    return made.encoder.state_dict()


def same(one: Pretrained, other: Pretrained) -> bool:
    mine, others = weights(one), weights(other)
    return mine.keys() == others.keys() and all(
        torch.equal(mine[name], others[name]) for name in mine
    )

"""Three classes of images, an encoder that has learnt nothing, a split, a watcher."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from judging.made import N_TEST, Watched

from sslkit.images.imageset import ImageSet
from sslkit.images.splits import Split, split
from sslkit.learning.encoders import Encoder, EncoderSettings


@pytest.fixture(scope="session")
def images() -> ImageSet:
    """Three classes, told apart, at times, by a brighter channel of their own."""
    generator = torch.Generator().manual_seed(0)
    count = 90 + N_TEST
    labels = torch.randint(3, (count,), generator=generator)
    labels[:90] = torch.arange(90) % 3
    pixels = torch.rand(count, 3, 8, 8, generator=generator) * 200
    pixels[torch.arange(count), labels] += 14
    part = np.repeat(["train", "test"], [90, N_TEST])
    mixed = torch.randperm(count, generator=generator)
    return ImageSet(
        "made",
        pixels.byte()[mixed],
        labels[mixed],
        part[mixed.numpy()],
        ("a", "b", "c"),
    )


@pytest.fixture(scope="session")
def easy(images: ImageSet) -> ImageSet:
    """The same with that channel as bright as can be."""
    pixels = images.images.clone()
    pixels[torch.arange(len(images)), images.labels] = 255
    return replace(images, images=pixels)


@pytest.fixture
def encoder() -> Encoder:
    """An encoder that has seen other images, so that its batch-norm knows something."""
    torch.manual_seed(0)
    encoder = Encoder(EncoderSettings())
    encoder.train()
    with torch.no_grad():
        for _ in range(20):
            encoder(torch.rand(16, 3, 8, 8))
    return encoder  # left in train mode: an evaluation must not rely on its mode


@pytest.fixture
def rows(images: ImageSet) -> Split:
    return split(images, 1.0)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    return Watched(monkeypatch)

"""The network in the page, of encoders that learnt nothing, for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from small_runs import by_hand
from torch import nn

import sslkit
from sslkit.images.imageset import ImageSet
from sslkit.judging.features import settle
from sslkit.learning.encoders import Backbone, Encoder, EncoderSettings
from tools import page_network
from tools.page_network import Made

CLASSES = ("basophil", "monocyte", "platelet")


def encoder(backbone: Backbone, seed: int, images: ImageSet) -> Encoder:
    """A random encoder whose batch-norm has seen images, as one that learnt has."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = Encoder(EncoderSettings(backbone=backbone))
    settle(made, images, torch.arange(len(images)))
    return made


def cells() -> ImageSet:
    """Sixty images, a third of them to test: blots of the colour of their class."""
    random = torch.Generator().manual_seed(0)
    labels = torch.arange(60) % len(CLASSES)
    level = torch.nn.functional.one_hot(labels, 3)[:, :, None, None] * 120.0
    noise = 120 * torch.rand(60, 3, 4, 4, generator=random)
    blots = nn.functional.interpolate(noise, size=32, mode="bilinear")
    pixels = (level + blots).round().byte()
    return ImageSet.of(pixels, labels, classes=CLASSES, test=torch.arange(40, 60))


def made(images: ImageSet, scenes: ImageSet) -> dict[str, Made]:
    """An encoder of each kind; its record is nobody's."""
    run = by_hand()
    run.about["pretraining_key"] = None
    found = {
        name: Made(encoder("small", seed, images), run)
        for seed, name in enumerate(("random", "supervised", "simclr"))
    }
    for name, backbone, of in (
        ("rotnet", "small", images),
        (page_network.OF_SCENES, "tiny", scenes),
    ):
        turning = encoder(backbone, 9, of)  # type: ignore[arg-type]
        found[name] = Made(turning, run, nn.Linear(turning.dim, 4), 0.25)
    return found


def write(folder: Path) -> dict[str, Any]:
    """All files of the network in the page, and what their manifest says."""
    images, scenes = cells(), sslkit.load("shapes", limit=20)
    return page_network.write(folder, made(images, scenes), images, scenes)

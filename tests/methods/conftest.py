"""Images of every part."""

from __future__ import annotations

import pytest
import torch
from methods.made import noise

from sslkit.images.imageset import ImageSet, add


@pytest.fixture(scope="module")
def images() -> ImageSet:
    """Of every part some, all mixed."""
    labels = torch.arange(60) % 3
    labels[::6] = -1
    test = torch.tensor([4, 11, 22, 31, 58])
    return add(ImageSet.of(noise(60), labels, test=test), ImageSet.of(noise(7, seed=1)))

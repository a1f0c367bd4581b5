"""What a page's script finds in it: the images, and where the controls stand."""

from __future__ import annotations

import base64
import io
import json
import re

import numpy as np
import pytest
import torch
from IPython.display import HTML
from PIL import Image

from sslkit.figures import toys
from sslkit.views import pieces
from sslkit.views.augment import Augmentation

SIX = torch.randint(
    256, (6, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
)


def row(toy: HTML) -> np.ndarray:
    """The picture that holds the images."""
    (data,) = re.findall(r'src="data:image/png;base64,([^"]+)"', toy.data)
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


def given(toy: HTML) -> dict:
    """What the script is told."""
    (text,) = re.findall(r"<script[^>]*>(.*?)</script>", toy.data)
    return json.loads(text)


def test_the_images_stand_side_by_side_to_the_bit() -> None:
    shown = row(toys.drive_views(SIX, Augmentation()))
    expected = torch.cat(list(SIX), dim=2).permute(1, 2, 0).numpy()
    np.testing.assert_array_equal(shown, expected)
    again = row(toys.drive_views(pieces.to_float(SIX), Augmentation()))
    np.testing.assert_array_equal(again, expected)


def test_large_images_are_shown_smaller() -> None:
    large = torch.zeros(2, 3, 300, 300, dtype=torch.uint8)
    assert row(toys.drive_views(large, Augmentation())).shape == (128, 256, 3)


def test_the_controls_start_at_the_augmentation() -> None:
    augmentation = Augmentation(
        crop=(0.3, 1.0),
        flip=0.25,
        brightness=0.1,
        contrast=0.2,
        saturation=0.3,
        hue=0.4,
        greyscale=0.0,
    )
    told = given(toys.drive_views(SIX, augmentation, seed=7))
    assert told["seed"] == 7
    settings = told["settings"]
    assert (settings.pop("crop"), settings.pop("turn"), settings.pop("blur")) == (
        0.3,
        0,
        0,
    )
    for name, value in settings.items():
        assert value == getattr(augmentation, name), name


@pytest.mark.parametrize(("blur", "most"), [(0.0, 0.0), (0.5, 2.0)])
def test_without_a_crop_all_is_kept_and_a_blur_reaches_two_pixels(
    blur: float, most: float
) -> None:
    toy = toys.drive_views(SIX, Augmentation(crop=None, blur=blur))
    settings = given(toy)["settings"]
    assert (settings["crop"], settings["blur"]) == (1.0, most)

"""Handmade features: histograms of colour and of texture, against loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from sslkit.learning.encoders import Encoder, EncoderSettings, new_encoder
from sslkit.learning.handmade import (
    AROUND,
    LIGHTS,
    PATTERNS,
    TINTS,
    Handmade,
    colours,
    texture,
)


@pytest.fixture
def images() -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (3, 3, 12, 12), generator=generator).float() / 255


def shares(place: float, bins: int) -> list[float]:
    return [max(0.0, 1 - abs(place * (bins - 1) - i)) for i in range(bins)]


def test_colours_are_those_of_a_loop_over_pixels(images: Tensor) -> None:
    for image, found in zip(images, colours(images), strict=True):
        table = np.zeros((LIGHTS, TINTS, TINTS))
        for red, green, blue in image.flatten(1).T.tolist():
            axes = (red - green, (red + green) / 2 - blue)
            bent = [(math.copysign(abs(x) ** 0.5, x) + 1) / 2 for x in axes]
            light = shares((red + green + blue) / 3, LIGHTS)
            table += np.einsum("i,j,k->ijk", light, *(shares(x, TINTS) for x in bent))
        np.testing.assert_allclose(found, table.ravel() / 144, atol=1e-5)


@pytest.mark.parametrize("reach", [1, 2])
def test_textures_are_those_of_a_loop_over_points(images: Tensor, reach: int) -> None:
    for image, found in zip(images, texture(images, reach=reach), strict=True):
        light = (image * 255).round().sum(0)
        counts = np.zeros(PATTERNS)
        for y in range(reach, 12 - reach):
            for x in range(reach, 12 - reach):
                around = [light[y + reach * d, x + reach * r] for d, r in AROUND]
                lighter = [bool(one >= light[y, x]) for one in around]
                changes = sum(lighter[i] != lighter[i - 1] for i in range(8))
                counts[sum(lighter) if changes <= 2 else PATTERNS - 1] += 1
        np.testing.assert_allclose(found, counts / counts.sum(), atol=1e-6)


def test_features_have_their_length_and_do_not_know_place_or_turn(
    images: Tensor,
) -> None:
    handmade = Handmade()
    found = handmade(images)
    assert found.shape == (3, handmade.dim)
    for same in (images.flip(3), images.rot90(1, (2, 3)), images.rot90(2, (2, 3))):
        torch.testing.assert_close(handmade(same), found, atol=1e-4, rtol=0)
    order = torch.tensor([2, 0, 1])
    torch.testing.assert_close(handmade(images[order]), found[order])


def test_a_plain_image_has_numbers_for_features_and_a_tiny_one_is_refused() -> None:
    assert Handmade()(torch.zeros(2, 3, 8, 8)).isfinite().all()
    assert Handmade()(torch.ones(2, 3, 8, 8)).isfinite().all()
    with pytest.raises(ValueError, match="texture needs 5 pixels"):
        Handmade()(torch.zeros(1, 3, 4, 8))


def test_it_has_no_weights_and_is_no_encoder_that_learns() -> None:
    made = new_encoder(EncoderSettings(backbone="histogram"))
    assert isinstance(made, Handmade)
    assert not list(made.parameters())
    with pytest.raises(ValueError, match="a histogram is no network"):
        Encoder(EncoderSettings(backbone="histogram"))
    with pytest.raises(ValueError, match="no weights to start from"):
        EncoderSettings(backbone="histogram", init="imagenet")

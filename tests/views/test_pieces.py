"""Pieces of a view against torchvision's functions of the same parameters.

Values are in [0, 1]; one level of an 8-bit image is 4e-3.
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as tv
from views.made import PLACES, ROUNDING, close, each, pictures

from sslkit.views import pieces


def test_to_float_is_torchvisions():
    images = pictures()
    close(pieces.to_float(images), tv.to_dtype(images, scale=True), 1e-7)
    with pytest.raises(ValueError, match="int64"):
        pieces.to_float(images.long())


def cropped(images: Tensor, boxes: Tensor) -> Tensor:
    return pieces.sample(images, pieces.places(boxes, *images.shape[2:]))


@pytest.mark.parametrize(("height", "width"), [(32, 32), (20, 31), (96, 96)])
def test_a_resized_crop_is_torchvisions_of_the_same_box(height, width):
    images = pictures(8, height, width).float() / 255
    boxes = [(0, 0, height, width), (0, 0, 1, 1), (height - 1, width - 1, 1, 1)]
    boxes += [(3, 5, 15, 8), (height - 7, 0, 7, width), (1, width - 9, 12, 9)]
    boxes += [(2, 2, 13, 13), (0, 4, height, 6)]
    theirs = [
        tv.resized_crop(image, *box, size=[height, width], antialias=True)
        for image, box in zip(images, boxes, strict=True)
    ]
    ours = cropped(images, torch.tensor(boxes).float())
    close(ours, torch.stack(theirs), PLACES)


def test_a_crop_of_negative_width_is_mirrored():
    images = pictures(2).float() / 255
    plain = torch.tensor([[3.0, 4.0, 20.0, 15.0]] * 2)
    mirrored = torch.tensor([[3.0, 19.0, 20.0, -15.0]] * 2)
    ours = cropped(images, mirrored)
    close(ours, cropped(images, plain).flip(3), PLACES)


def test_flip_mirrors_the_chosen_images_only():
    images = pictures(3)
    flipped = pieces.flip(images, torch.tensor([True, False, True]))
    assert torch.equal(flipped[::2], tv.horizontal_flip(images[::2]))
    assert torch.equal(flipped[1], images[1])


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_a_quarter_turn_is_rot90_to_the_bit(dtype):
    images = pictures(6).to(dtype)
    turns = torch.tensor([0, 1, 2, 3, 4, -1])
    turned = pieces.quarter_turn(images, turns)
    assert turned.dtype == dtype
    assert torch.equal(turned, each(torch.rot90, images, turns, (-2, -1)))


def test_a_quarter_turn_is_counter_clockwise():
    images = torch.zeros(1, 1, 3, 3)
    images[0, 0, 0, 2] = 1  # top right
    turned = pieces.quarter_turn(images, torch.tensor([1]))
    assert turned[0, 0, 0, 0] == 1  # top left
    assert turned.sum() == 1


def test_a_flip_after_a_quarter_turn_is_the_opposite_turn_of_the_flip():
    """The trap: flipping after the turn swaps the labels 90 and 270 degrees."""
    images = pictures(1)
    one, three = torch.tensor([1]), torch.tensor([3])
    flip_last = pieces.quarter_turn(images, one).flip(3)
    assert torch.equal(flip_last, pieces.quarter_turn(images.flip(3), three))
    assert not torch.equal(flip_last, pieces.quarter_turn(images.flip(3), one))


def test_only_square_images_can_turn():
    with pytest.raises(ValueError, match=r"square.*\(4, 6\)"):
        pieces.quarter_turn(torch.zeros(1, 3, 4, 6), torch.tensor([1]))


@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation"])
def test_a_colour_factor_is_torchvisions(name):
    images = pictures().float() / 255
    factors = torch.linspace(0, 2.2, len(images))
    ours = getattr(pieces, f"adjust_{name}")(images, factors)
    close(ours, each(getattr(tv, f"adjust_{name}"), images, factors), ROUNDING)


def test_a_turn_of_the_hue_is_torchvisions_over_the_full_circle():
    images = pictures(21).float() / 255
    turns = torch.linspace(-0.5, 0.5, len(images))
    ours = pieces.adjust_hue(images, turns)
    close(ours, each(tv.adjust_hue, images, turns), ROUNDING)


def test_greyscale_takes_the_colours_of_the_chosen_images_only():
    images = pictures(3).float() / 255
    grey = pieces.greyscale(images, torch.tensor([True, False, True]))
    close(grey[::2], tv.rgb_to_grayscale(images[::2], 3), ROUNDING)
    assert torch.equal(grey[1], images[1])


def test_solarisation_is_torchvisions_and_of_the_chosen_images_only():
    images = pictures(3).float() / 255
    images[0, 0, 0, :3] = torch.tensor([0.4999, 0.5, 0.5001])
    solarised = pieces.solarise(images, torch.tensor([1.0, 0.0, 1.0]))
    assert torch.equal(solarised[::2], tv.solarize(images[::2], 0.5))
    assert torch.equal(solarised[1], images[1])


@pytest.mark.parametrize("size", [3, 9, 17])
def test_blur_is_torchvisions_of_the_same_sigma(size):
    images = pictures(5).float() / 255
    sigmas = torch.linspace(0.1, 2, len(images))
    theirs = [
        tv.gaussian_blur(image, [size, size], [sigma, sigma])
        for image, sigma in zip(images, sigmas.tolist(), strict=True)
    ]
    ours = pieces.gaussian_blur(images, sigmas, kernel_size=size)
    close(ours, torch.stack(theirs), ROUNDING)


@pytest.mark.parametrize("sigmas", [[0, 2.0, 0.1, 0, 0.4], [0.3, 0.1, 0.5], [0.0, 0]])
def test_a_blur_does_not_depend_on_the_other_rows(sigmas):
    images = pictures(len(sigmas)).float() / 255
    before = images.clone()
    ours = pieces.gaussian_blur(images, torch.tensor(sigmas), kernel_size=17)
    assert torch.equal(images, before)
    for image, blurred, sigma in zip(images, ours, sigmas, strict=True):
        alone = tv.gaussian_blur(image, [17, 17], [sigma, sigma]) if sigma else image
        close(blurred, alone, ROUNDING if sigma else 0)


def test_blur_by_nothing_changes_no_bit():
    images = pictures(2).float() / 255
    blurred = pieces.gaussian_blur(images, torch.tensor([0.0, 2.0]), kernel_size=9)
    assert torch.equal(blurred[0], images[0])
    assert not torch.equal(blurred[1], images[1])


def test_a_kernel_of_17_is_wide_enough_for_the_largest_blur():
    images = pictures(1, 48, 48).float() / 255
    ours = pieces.gaussian_blur(images, torch.tensor([2.0]), kernel_size=17)
    close(ours, tv.gaussian_blur(images, [23, 23], [2.0, 2.0]), 1e-4)


def test_resizing_is_torchvisions_and_leaves_alone_what_is_of_that_side():
    images = pieces.to_float(pictures())
    close(pieces.resize(images, 12), tv.resize(images, [12, 12]), ROUNDING)
    for side in (None, images.shape[-1]):
        assert pieces.resize(images, side) is images


def test_a_turn_before_resizing_is_a_turn_after_it():
    images = pieces.to_float(pictures())
    turned = pieces.resize(torch.rot90(images, 1, (2, 3)), 12)
    close(turned, torch.rot90(pieces.resize(images, 12), 1, (2, 3)), ROUNDING)

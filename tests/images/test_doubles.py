"""Images that are there twice, to the pixel."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from sslkit.folder.doubles import pairs
from sslkit.images import summary
from sslkit.images.doubles import copies
from sslkit.images.imageset import ImageSet


@pytest.fixture
def images() -> ImageSet:
    """Rows 3, 4 and 5 (for testing) have the pixels of row 0, which has no label."""
    pixels = torch.randint(256, (6, 3, 8, 8), dtype=torch.uint8)
    pixels[3:] = pixels[0]
    labels = torch.tensor([-1, 0, 1, 0, 1, 1])
    made = ImageSet.of(pixels, labels, test=torch.tensor([5]))
    parts = np.array(["unlabelled", "extra", "train", "train", "train", "test"])
    return replace(made, part=parts)


def test_of_equal_images_the_first_with_a_label_is_repeated(images: ImageSet) -> None:
    assert images.seen().tolist() == [2, 3, 4, 0, 1]
    assert list(copies(images).items()) == [(4, 3), (0, 3), (5, 3)]


def test_the_summary_and_the_look_at_a_folder_find_the_same(images: ImageSet) -> None:
    found = summary.doubles(images)
    assert (found.train, found.test, found.classes) == (((4, 3),), ((5, 3),), ((4, 3),))
    table = pairs(images)
    assert dict(zip(table["row"], table["twin"], strict=True)) == copies(images)
    assert table["same"].all()
    assert table["tested"].tolist() == [False, False, True]


def test_two_test_images_that_are_alike_are_no_double() -> None:
    pixels = torch.zeros(2, 3, 4, 4, dtype=torch.uint8)
    images = ImageSet.of(pixels, torch.tensor([0, 0]))
    assert copies(replace(images, part=np.array(["test", "test"]))) == {}

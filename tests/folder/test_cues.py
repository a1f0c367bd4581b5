"""Cues: what colour, light and lines tell, and what they do not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from folder import deceiving
from folder.deceiving import image_set

from sslkit.folder import cues
from sslkit.images.imageset import ImageSet


def all_of(images: ImageSet) -> torch.Tensor:
    return torch.arange(len(images))


def test_colour_tells_classes_that_differ_in_it_alone() -> None:
    images = deceiving.classes_by_colour()
    told = cues.by_colour(images, images.rows("train"))
    assert told is not None
    assert (told.share, told.chance, told.images) == (1, 0.5, 96)


def test_a_few_answers_that_are_all_right_leave_doubt() -> None:
    """Of four coin tosses one in sixteen is all heads: the exact interval is wide."""
    labels = np.array([0, 0, 1, 1])
    images = image_set(deceiving.coloured(labels), labels)
    told = cues.by_colour(images, all_of(images))
    assert told is not None
    assert (told.share, told.high) == (1, 1)
    assert told.low == pytest.approx(0.025**0.25)


def test_colour_does_not_tell_labels_of_noise() -> None:
    images = deceiving.labels_of_noise()
    told = cues.by_colour(images, images.rows("train"))
    assert told is not None
    assert told.low < told.chance
    assert told.low < told.share < told.high


def test_colour_is_asked_of_groups_that_it_has_not_seen() -> None:
    """Groups have a colour each, and labels by chance: told only within a group."""
    whose = np.repeat(np.arange(40), 5)
    labels = np.random.default_rng(0).integers(0, 2, 40)[whose]
    alone = image_set(deceiving.coloured(whose), labels)
    grouped = replace(alone, groups=whose.astype(np.str_))
    by_image, by_group = (cues.by_colour(x, all_of(x)) for x in (alone, grouped))
    assert by_image is not None
    assert by_group is not None
    assert by_image.low > 0.8
    assert by_group.low < 0.6
    # Images of a group are right or wrong together: fewer, so less is sure.
    assert by_group.high - by_group.low > by_image.high - by_image.low


@pytest.mark.parametrize("labels", [[0, 0, 0, 1], [0, 0, 0, 0], [0, 1]])
def test_too_few_labels_tell_nothing_of_colour(labels: list[int]) -> None:
    images = image_set(deceiving.noise(len(labels)), np.array(labels))
    assert cues.by_colour(images, all_of(images)) is None


def test_a_class_of_one_group_tells_nothing_of_colour() -> None:
    images = image_set(deceiving.noise(8), np.arange(8) % 2, groups=list("abababab"))
    assert cues.by_colour(images, all_of(images)) is None


@pytest.mark.parametrize(
    ("pixels", "told", "lit"),
    [
        (deceiving.upright(150), True, False),
        (deceiving.lit(150), True, True),
        (deceiving.noise(150), False, False),
    ],
    ids=["an up", "light", "noise"],
)
def test_turns_are_told_by_an_up_or_by_light(
    pixels: np.ndarray, told: bool, lit: bool
) -> None:
    found = cues.turns(image_set(pixels))
    assert found is not None
    by_all, by_light = found
    assert (by_all.chance, by_all.images) == (0.25, 150)
    assert (by_all.low > 0.5) == told
    assert (by_light.low > 0.5) == lit
    if not told:
        assert by_all.low < 0.25 < by_all.high


def test_turns_are_asked_of_images_that_training_may_see() -> None:
    pixels = np.concatenate([deceiving.noise(60), deceiving.upright(150)])
    labels = np.zeros(210, dtype=np.int64)
    test = np.arange(60, 210)
    found = cues.turns(image_set(pixels, labels, test=test))
    assert found is not None
    assert found[0].images == 60
    assert found[0].low < 0.25


def test_nine_images_and_images_of_a_few_pixels_tell_nothing() -> None:
    assert cues.turns(image_set(deceiving.noise(9))) is None
    tiny = torch.zeros(30, 3, 4, 4, dtype=torch.uint8)
    images = ImageSet.of(tiny, groups=["a", "b"] * 15)
    assert cues.turns(images) is None
    assert cues.own_group(images) is None


def test_the_image_most_alike_is_of_the_own_group_where_groups_look_their_own() -> None:
    whose = np.repeat(np.arange(12), 10)
    names = [f"g{group}" for group in whose]
    own = cues.own_group(image_set(deceiving.coloured(whose), groups=names))
    none = cues.own_group(image_set(deceiving.noise(120), groups=names))
    assert own is not None
    assert none is not None
    assert (own.share, own.low > 0.7) == (1, True)
    assert own.chance == pytest.approx(9 / 119)
    assert none.low < none.chance < none.high


def test_groups_that_are_alike_only_as_their_class_is_are_not_told_beyond_chance() -> (
    None
):
    labels = np.arange(120) % 2
    whose = np.random.default_rng(0).integers(0, 5, 120)
    names = [f"{label}p{group}" for label, group in zip(labels, whose, strict=True)]
    files = [f"class{label}/{i}.png" for i, label in enumerate(labels)]
    images = image_set(deceiving.coloured(labels), labels, groups=names, files=files)
    told = cues.own_group(images)
    assert told is not None
    assert told.chance == pytest.approx(0.2, abs=0.02)
    assert told.low < told.chance < told.high
    # The class is told; of images of all folders, chance would be half as much.
    bare = cues.own_group(replace(images, files=None))
    assert bare is not None
    assert (bare.share, bare.low > bare.chance) == (told.share, True)


def test_groups_of_single_images_and_unknown_ones_have_no_neighbours() -> None:
    pixels = deceiving.noise(12)
    assert cues.own_group(image_set(pixels)) is None
    assert cues.own_group(image_set(pixels, groups=[str(i) for i in range(12)])) is None
    without = image_set(pixels, groups=["a"] * 2 + ["b"] * 2 + [""] * 8)
    assert (found := cues.own_group(without)) is not None
    assert (found.images, found.chance) == (4, pytest.approx(1 / 3))


def test_large_images_are_shrunk_to_means_in_the_order_asked_for() -> None:
    pixels = torch.randint(0, 256, (300, 3, 64, 64), dtype=torch.uint8)
    images = ImageSet.of(pixels)
    small = cues._small(images, torch.tensor([299, 3]))
    means = pixels[[299, 3]].float().unflatten(3, (32, 2)).unflatten(2, (32, 2))
    torch.testing.assert_close(small, means.mean((3, 5)) / 255)
    assert len(cues._small(images, all_of(images))) == 300


def test_features_of_lines_turn_with_the_image() -> None:
    """A quarter turn moves cells and directions, and changes nothing else."""
    images = torch.from_numpy(deceiving.upright(3)).float() / 255
    plain, turned = (
        np.sort(cues._lines_and_colours(x)[:, : 16 * 8], axis=1)
        for x in (images, images.rot90(1, (2, 3)))
    )
    np.testing.assert_allclose(plain, turned, atol=1e-4)

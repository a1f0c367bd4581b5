"""What networks are shown is made of the images that were given."""

from __future__ import annotations

import ipywidgets
import numpy as np
import pytest
import torch
from drawn import texts
from matplotlib.figure import Figure

from sslkit.figures import exhibits
from sslkit.views.augment import Augmentation

pytestmark = pytest.mark.usefixtures("nothing_left_behind")

STILL = Augmentation(crop=None, flip=0, jitter=0, greyscale=0)
IMAGES = torch.randint(
    256, (6, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
)


def shown(figure: Figure) -> list[np.ndarray]:
    """The pixels of each image, from the upper left."""
    return [np.asarray(image.get_array()) for image in figure.axes[0].images]


def plain(image: torch.Tensor) -> np.ndarray:
    return image.permute(1, 2, 0).numpy()


def test_a_mosaic_has_a_row_a_class_in_which_nobody_is_lost() -> None:
    labels = torch.tensor([1, 0, 1, 0, 0, 1])
    first, second = shown(exhibits.mosaic(IMAGES, labels, columns=3))
    for strip, rows in ((first, [1, 3, 4]), (second, [0, 2, 5])):
        expected = np.concatenate([plain(IMAGES[row]) for row in rows], axis=1)
        np.testing.assert_array_equal(strip, expected)


def test_the_second_views_stand_below_in_the_order_that_was_asked_for() -> None:
    order = [3, 0, 5, 1, 4, 2]
    figure = exhibits.which_two(IMAGES, order, augmentation=STILL, seed=0)
    pictures = shown(figure)
    for picture, row in zip(pictures, [*range(6), *order], strict=True):
        np.testing.assert_array_equal(picture, plain(IMAGES[row]))
    assert texts(figure).split() == [*"ABCDEF123456"]


def test_two_random_views_of_an_image_differ() -> None:
    strong = Augmentation(crop=None, flip=0, jitter=1, greyscale=0)
    order = list(range(6))
    pictures = shown(exhibits.which_two(IMAGES, order, augmentation=strong, seed=0))
    for one, other in zip(pictures[:6], pictures[6:], strict=True):
        assert (one != other).any()


def test_turned_copies_are_turns_of_one_crop_and_jitter_changes_their_colours() -> None:
    images = torch.nn.functional.interpolate(IMAGES, 32)
    figure = exhibits.turned_copies(images)
    pictures = np.stack(shown(figure)).reshape(8, 6, 32, 32, 3)
    for k in range(4):
        turned = np.rot90(pictures[0], k, (1, 2))
        np.testing.assert_array_equal(pictures[k], turned)
        assert (pictures[4 + k] != turned).any()
    names = [f"{90 * k}°{word}" for word in ("", " jitter") for k in range(4)]
    assert [text for text in texts(figure).splitlines() if text] == names


def captions(box: ipywidgets.VBox) -> str:
    found = [child for child in box.children if hasattr(child, "children")]
    return " ".join([getattr(box, "value", ""), *map(captions, found)]) + " ".join(
        str(getattr(child, "value", "")) for child in box.children
    )


def test_the_hue_circle_is_closed_and_every_step_is_captioned() -> None:
    text = captions(exhibits.hue_circle(IMAGES.float() / 255, step=120))
    for degree in (0, 120, 240):
        assert f"Hue turned by {degree}° of 360°." in text
        assert f"by {degree} degrees" in text
    assert "360 degrees" not in text


def test_a_button_a_change_and_one_for_the_turn() -> None:
    changes = {"nothing": STILL, "flip": Augmentation(crop=None, flip=1, jitter=0)}
    box = exhibits.change_by_change(IMAGES, changes, seed=0)
    (buttons,) = (
        child for child in box.children if isinstance(child, ipywidgets.ToggleButtons)
    )
    assert list(buttons.options) == ["nothing", "flip", "quarter turn"]
    assert "Changed in the views: flip." in captions(box)

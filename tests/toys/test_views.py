"""The views of the page against those of the package, on the same parameters.

Values are in [0, 1]; one level of an 8-bit image is 4e-3.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from toys.node import in_node
from views.made import OFF, PLACES, ROUNDING, close, pictures

from sslkit.views import augment, pieces
from sslkit.views.augment import Augmentation
from sslkit.views.random_numbers import RandomNumbers

SCRIPTS = "pieces.js", "views.js"
JITTERS = ["brightness", "contrast", "saturation", "hue"]
SETTINGS = {
    "crop": 0.08,
    "flip": 0.5,
    "turn": False,
    "brightness": 1.2,  # over 1: factors start at 0
    "contrast": 0.8,
    "saturation": 0.6,
    "hue": 0.5,
    "greyscale": 0.3,
    "blur": 2.0,
}


def views_in_node(code: str, images: Tensor, parameters: Any = None) -> Tensor:
    """Change every image by ``code``, in which stand ``image``, its ``p`` and ``i``."""
    height, width = images.shape[2:]
    given = {
        "images": pieces.to_float(images).flatten(1).tolist(),
        "parameters": parameters,
        "shape": {"height": height, "width": width},
    }
    changed = in_node(
        SCRIPTS,
        f"""given.images.map((values, i) => {{
          const image = {{ data: Float32Array.from(values), ...given.shape }};
          const p = given.parameters?.[i];
          const {{ pieces, views }} = globalThis.sslkit;
          return Array.from(({code}).data);
        }})""",
        given,
    )
    return torch.tensor(changed).view_as(images)


@pytest.mark.parametrize(("height", "width"), [(32, 32), (20, 31)])
def test_a_crop_is_the_packages_of_the_same_box(height: int, width: int) -> None:
    images = pictures(6, height, width)
    boxes = [[0, 0, height, width], [0, 0, 1, 1], [height - 1, width - 1, 1, 1]]
    boxes += [[3, 5, 15, 8], [height - 7, 0, 7, width], [1, width - 9, 12, 9]]
    ours = views_in_node("pieces.resizedCrop(image, p)", images, boxes)
    places = pieces.places(torch.tensor(boxes).float(), height, width)
    theirs = pieces.sample(pieces.to_float(images), places)
    close(ours, theirs, PLACES)


def test_a_flip_and_every_turn_are_the_packages() -> None:
    images = pictures(4)
    floats, all_of_them = pieces.to_float(images), torch.ones(4, dtype=torch.bool)
    ours = views_in_node("pieces.flip(image)", images)
    close(ours, pieces.flip(floats, all_of_them), 0)
    ours = views_in_node("pieces.quarterTurn(image, i)", images)
    close(ours, pieces.quarter_turn(floats, torch.arange(4)), 0)


@pytest.mark.parametrize("name", JITTERS)
def test_a_change_of_colour_is_the_packages(name: str) -> None:
    images = pictures(12)
    low, high = (-0.5, 0.5) if name == "hue" else (0, 2.2)
    factors = torch.linspace(low, high, len(images))
    code = f"pieces.adjust{name.title()}(image, p)"
    ours = views_in_node(code, images, factors.tolist())
    change = getattr(pieces, f"adjust_{name}")
    close(ours, change(pieces.to_float(images), factors), ROUNDING)


def test_greyscale_is_the_packages() -> None:
    images = pictures(2)
    ours = views_in_node("pieces.greyscale(image)", images)
    everywhere = torch.ones(2, dtype=torch.bool)
    close(ours, pieces.greyscale(pieces.to_float(images), everywhere), ROUNDING)


@pytest.mark.parametrize("size", [3, 9, 17])
def test_a_blur_is_the_packages_of_the_same_sigma(size: int) -> None:
    images = pictures(4, 20, 31)
    sigmas = torch.tensor([0.0, 0.1, 0.7, 2.0])
    code = f"pieces.gaussianBlur(image, p, {size})"
    ours = views_in_node(code, images, sigmas.tolist())
    blurred = pieces.gaussian_blur(pieces.to_float(images), sigmas, kernel_size=size)
    close(ours, blurred, ROUNDING)


def test_a_jitter_is_the_packages_in_every_order() -> None:
    orders = list(itertools.permutations(JITTERS))
    images = pictures(len(orders), 16, 16)
    size = [0, 0, 16, 16]
    factors = {"brightness": 1.3, "contrast": 0.6, "saturation": 1.7, "hue": -0.2}
    chosen = [{"order": o, **factors, "box": size, "sigma": 0} for o in orders]
    ours = views_in_node("views.view(image, p)", images, chosen)
    for order, image, jittered in zip(orders, images, ours, strict=True):
        expected = pieces.to_float(image[None])
        for name in order:
            change = getattr(pieces, f"adjust_{name}")
            expected = change(expected, torch.tensor([factors[name]]))
        close(jittered[None], expected, 10 * ROUNDING)  # four changes, one on another


class Given(RandomNumbers):
    """Random numbers that were drawn in the page, a row of the batch each."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        super().__init__(0, 0, size=len(rows))
        asked = ["flip", "area", "ratio", "top", "left", "jitter", *rows[0]["order"]]
        self._names = iter([*asked, "greyscale", "applied", "blur"])
        self._rows = [{"jitter": 0.0, "applied": 0.0, **row} for row in rows]

    def uniform(
        self, low: float = 0.0, high: float = 1.0, *, times: int | None = None
    ) -> Tensor:
        name = next(self._names)
        numbers = torch.tensor([row[name] for row in self._rows]).movedim(0, -1)
        return numbers * (high - low) + low

    def order(self, n: int) -> list[int]:
        return [JITTERS.index(name) for name in self._rows[0]["order"]]


@pytest.mark.parametrize("step", range(3))
def test_whole_views_are_the_packages_of_the_same_random_numbers(step: int) -> None:
    count, side = 24, 40
    images = pictures(count, side, side)
    rows = in_node(SCRIPTS, f"sslkit.views.randomNumbers(5, {step}, {count})")
    code = f"views.view(image, views.parameters(p[0], p[1], {side}, {side}))"
    ours = views_in_node(code, images, [[row, SETTINGS] for row in rows])
    augmentation = Augmentation(
        crop=(SETTINGS["crop"], 1.0),
        flip=SETTINGS["flip"],
        jitter=1.0,
        **{name: SETTINGS[name] for name in JITTERS},
        greyscale=SETTINGS["greyscale"],
        blur=1.0,
    )
    close(ours, augment.view(images, augmentation, Given(rows)), 1e-3)


def test_without_any_change_a_view_is_the_image() -> None:
    images = pictures(8)
    nothing = dict.fromkeys(SETTINGS, 0) | {"crop": 1.0}
    strengths = [[SETTINGS, 0], [nothing, 2]] * 4
    code = """views.view(image, views.parameters(
      views.randomNumbers(0, i, 1)[0],
      { ...views.scaled(p[0], p[1]), flip: 0, greyscale: 0 }, 32, 32))"""
    ours = views_in_node(code, images, strengths)
    close(ours, augment.view(images, OFF, RandomNumbers(0, 0, size=8)), 10 * ROUNDING)


def test_strength_scales_what_has_one_and_stays_in_range() -> None:
    code = "[0.5, 2].map((strength) => sslkit.views.scaled(given, strength))"
    half, double = in_node(SCRIPTS, code, SETTINGS | {"crop": 0.2})
    scaled = {"crop": 0.6, "brightness": 0.6, "contrast": 0.4, "saturation": 0.3}
    assert half == pytest.approx(SETTINGS | scaled | {"hue": 0.25, "blur": 1.0})
    assert (double["crop"], double["hue"], double["blur"]) == (0.01, 0.5, 4.0)
    assert (double["flip"], double["greyscale"]) == (0.5, 0.3)


def test_random_numbers_follow_from_seed_and_step_and_are_uniform() -> None:
    code = "given.map(([seed, step]) => sslkit.views.randomNumbers(seed, step, 400))"
    drawn = in_node(SCRIPTS, code, [[3, 4], [3, 4], [3, 5], [4, 3], [0, 0]])
    assert drawn[0] == drawn[1]
    others = [str(drawn[i][0]) for i in (0, 2, 3, 4)]
    assert len(set(others)) == 4
    for rows in drawn:
        tops = [row["top"] for row in rows]
        assert len(set(tops)) == 400
        edges = np.histogram(tops, bins=4, range=(0, 1))[0]
        assert 60 < edges.min() <= edges.max() < 140


def test_every_order_of_the_jitters_and_every_turn_is_drawn() -> None:
    code = """Array.from({ length: 300 }, (_, step) => {
      const { views } = sslkit;
      const [numbers] = views.randomNumbers(0, step, 1);
      return [numbers.order.join(), views.parameters(numbers, given, 8, 8).turns];
    })"""
    drawn = in_node(SCRIPTS, code, SETTINGS | {"turn": True})
    assert len({order for order, _ in drawn}) == 24
    assert {turns for _, turns in drawn} == {0, 1, 2, 3}


def test_a_view_goes_through_the_bytes_of_a_canvas_unchanged() -> None:
    code = """Array.from(sslkit.pieces.toBytes(sslkit.pieces.fromBytes(
      { data: given, height: 2, width: 3 })))"""
    given = [*range(0, 240, 10)]
    given[3::4] = [255] * 6  # opaque
    assert in_node(SCRIPTS, code, given) == given

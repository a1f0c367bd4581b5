"""The embedded scenes: their geometry, colours, factors and knobs."""

from __future__ import annotations

import colorsys
import hashlib
import itertools
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image, ImageDraw

from sslkit.images import shapes

SMALL = shapes.Scenes(n_train=60, n_test=30, n_unlabelled=0)
BARE = replace(SMALL, noise=0.0, loose_parts=0)


def outline(kind: str, half_width: float, top: float, bottom: float) -> np.ndarray:
    """Corners (K, 2) of an upright part, as x (right) and y (down)."""
    if kind == "disc":
        t = np.linspace(0.0, 2.0 * math.pi, 100)
        middle, half_height = (top + bottom) / 2, (bottom - top) / 2
        return np.stack([half_width * np.cos(t), middle + half_height * np.sin(t)], 1)
    corners = {
        "triangle": [(0, top), (half_width, bottom), (-half_width, bottom)],
        "inverted": [(-half_width, top), (half_width, top), (0, bottom)],
        "bar": [
            (-half_width, top),
            (half_width, top),
            (half_width, bottom),
            (-half_width, bottom),
        ],
    }
    return np.array(corners[kind], dtype=float)


def drawn_by_pillow(row: Mapping[str, Any], side: int, loose_parts: int) -> np.ndarray:
    """Share of each pixel covered, drawn as polygons from the factors alone."""
    scale = 16
    canvas = Image.new("L", (side * scale, side * scale))
    pen = ImageDraw.Draw(canvas)

    def polygon(
        corners: np.ndarray, x: float, y: float, size: float, degrees: float
    ) -> None:
        a = math.radians(degrees)
        # Clockwise on the screen, where y runs downwards.
        turn = np.array([[math.cos(a), -math.sin(a)], [math.sin(a), math.cos(a)]])
        points = (size * corners @ turn.T + [x, y] + 1) / 2 * side * scale - 0.5
        pen.polygon([tuple(p) for p in points], fill=255)

    place = (row["x"], row["y"], row["size"], row["tilt"])
    head, half_width = row["head"], row["head"] * row["aspect"]
    kind = {"fir": "triangle", "tree": "disc", "glass": "inverted"}[row["class"]]
    polygon(outline(kind, half_width, -1, 2 * head - 1), *place)
    stem = half_width * row["stem"]
    polygon(outline("bar", stem, 1.8 * head - 1, 1), *place)
    for i in range(loose_parts):
        part = {key: row[f"loose{i}_{key}"] for key in ("kind", "x", "y", "size")}
        width = 0.35 if part["kind"] == "bar" else 1.0
        polygon(
            outline(part["kind"], width, -1, 1),
            part["x"],
            part["y"],
            part["size"],
            row[f"loose{i}_turn"],
        )
    fine = np.asarray(canvas, dtype=float).reshape(side, scale, side, scale)
    return fine.mean(axis=(1, 3)) / 255


def covered(images: torch.Tensor, factors: pd.DataFrame) -> np.ndarray:
    """Share of each pixel covered, read back from noiseless images."""
    level = images.amax(dim=1).numpy() / 255  # HSV's value
    ground = factors["ground"].to_numpy()[:, None, None]
    step = (factors["polarity"] * factors["contrast"]).to_numpy()[:, None, None]
    return (level - ground) / step


@pytest.mark.parametrize("loose_parts", [0, 2])
def test_images_show_what_their_factors_say(loose_parts: int) -> None:
    settings = replace(BARE, loose_parts=loose_parts)
    images, _, factors = shapes.scenes(settings, seed=3)
    ours = covered(images, factors)
    for i, row in enumerate(factors.to_dict("records")):
        theirs = drawn_by_pillow(row, 32, loose_parts)
        # Only pixels on an edge differ, by the four points that a pixel has here.
        assert np.abs(ours[i] - theirs).mean() < 0.025, i
        assert np.abs(ours[i] - theirs).max() < 0.6, i


def test_a_pixel_has_the_image_s_hue_and_the_settings_saturation() -> None:
    images, _, factors = shapes.scenes(BARE, seed=1)
    for image, hue in zip(images, factors["hue"], strict=True):
        corner = [value / 255 for value in image[:, 0, 0].tolist()]
        h, s, _ = colorsys.rgb_to_hsv(*corner)
        assert abs((h - hue + 0.5) % 1.0 - 0.5) < 0.02
        assert s == pytest.approx(BARE.saturation, abs=0.02)


def test_factors_stay_in_the_ranges_of_the_settings() -> None:
    settings = shapes.Scenes()
    _, _, factors = shapes.scenes(settings)
    for name in ("size", "aspect", "head", "stem", "contrast", "ground"):
        low, high = getattr(settings, name)
        assert factors[name].between(low, high).all()
        assert np.ptp(factors[name]) > 0.98 * (high - low)
    assert factors[["x", "y"]].abs().max().max() <= 0.25
    assert 19.8 < factors["tilt"].abs().max() <= 20
    assert set(factors["polarity"]) == {-1, 1}
    assert set(factors["loose0_kind"]) == set(shapes.PARTS)


def test_classes_are_balanced_and_no_factor_depends_on_the_class() -> None:
    settings = shapes.Scenes()
    images, labels, factors = shapes.scenes(settings)
    assert images.shape == (4500, 3, 32, 32)
    assert (images.dtype, labels.dtype) == (torch.uint8, torch.int64)
    assert torch.bincount(labels[:600]).tolist() == [200] * 3
    assert torch.bincount(labels[600:2100]).tolist() == [500] * 3
    names = [shapes.CLASSES[i] for i in labels[:2100]]
    assert names == factors["class"][:2100].tolist()
    numbers = factors.drop(columns=["class", "loose0_kind", "loose1_kind"])
    by_class = numbers.groupby(factors["class"])
    deviation = (by_class.mean() - numbers.mean()) / (numbers.std() / math.sqrt(1500))
    assert deviation.abs().max().max() < 4


def test_nobody_is_told_the_labels_of_unlabelled_images() -> None:
    settings = replace(SMALL, n_unlabelled=12)
    images, labels, factors = shapes.scenes(settings, seed=2)
    assert labels[90:].tolist() == [-1] * 12
    assert set(factors["class"][90:]) == set(shapes.CLASSES)
    without, _, _ = shapes.scenes(SMALL, seed=2)
    assert torch.equal(images[:90], without)
    # Images of their own, none of them among the others.
    same = (images[90:, None] == images[None, :90]).flatten(2).all(2)
    assert not same.any()


def test_no_class_is_another_s_turn() -> None:
    still = replace(BARE, tilt=0.0, place=0.0, size=(0.9, 0.9), head=(0.6, 0.6))
    images, labels, factors = shapes.scenes(still)
    mean = [
        covered(images, factors)[labels.numpy() == i].mean(axis=0) for i in (0, 1, 2)
    ]
    for a, b in itertools.permutations(mean, 2):
        for turns in range(4):
            turned = np.rot90(a, turns)
            overlap = np.minimum(turned, b).sum() / np.maximum(turned, b).sum()
            assert overlap < 0.8


def test_the_seed_decides_the_bytes() -> None:
    images, labels, factors = shapes.scenes(SMALL, seed=5)
    again, again_labels, again_factors = shapes.scenes(SMALL, seed=5)
    assert torch.equal(images, again)
    assert torch.equal(labels, again_labels)
    pd.testing.assert_frame_equal(factors, again_factors)
    other, _, _ = shapes.scenes(SMALL, seed=6)
    assert not (images == other).flatten(1).all(1).any()


def test_the_images_of_seed_0_have_not_changed() -> None:
    """A change here changes every result on shapes: raise RESULTS_VERSION with it."""
    images, _, _ = shapes.scenes(SMALL)
    digest = hashlib.sha256(images.numpy().tobytes()).hexdigest()
    assert digest[:16] == "a98f9a1d73159f7f"


def test_the_first_images_do_not_depend_on_how_many_follow() -> None:
    few, _, few_factors = shapes.scenes(SMALL, seed=2)
    more = replace(SMALL, n_train=300, n_test=150)  # more than are drawn at once
    many, _, many_factors = shapes.scenes(more, seed=2)
    assert torch.equal(few[:60], many[:60])
    assert torch.equal(few[60:], many[300:330])
    pd.testing.assert_frame_equal(few_factors[:60], many_factors[:60])


def test_a_knob_leaves_the_rest_of_the_scene_alone() -> None:
    _, _, factors = shapes.scenes(SMALL)
    for changed in (
        replace(SMALL, light=0.5),
        replace(SMALL, noise=0.0),
        replace(SMALL, loose_parts=4),
    ):
        _, _, others = shapes.scenes(changed)
        pd.testing.assert_frame_equal(factors, others[factors.columns])


def test_light_runs_from_the_top_row_to_the_bottom_row() -> None:
    dim = replace(BARE, contrast=(0.0, 0.0), saturation=0.0)
    lit, _, _ = shapes.scenes(replace(dim, light=0.4))
    plain, _, _ = shapes.scenes(dim)
    difference = (lit.float() - plain.float()).mean(dim=(0, 1, 3)) / 255
    expected = 0.4 * (0.5 - (torch.arange(32) + 0.5) / 32)
    torch.testing.assert_close(difference, expected, atol=2e-3, rtol=0)


def test_noise_has_the_deviation_asked_for() -> None:
    noisy, _, factors = shapes.scenes(replace(SMALL, noise=0.04, loose_parts=0))
    clean, _, _ = shapes.scenes(BARE)
    difference = (noisy.float() - clean.float()) / 255
    unclipped = (clean > 40) & (clean < 215)
    assert difference[unclipped].std().item() == pytest.approx(0.04, rel=0.02)
    assert abs(difference[unclipped].mean().item()) < 5e-4
    assert len(factors) == 90


def test_four_objects_are_one_object_at_half_the_size_four_times() -> None:
    four, _, _ = shapes.scenes(replace(BARE, objects=4), image_size=32)
    one, _, _ = shapes.scenes(BARE, image_size=16)
    assert torch.equal(four, one.repeat(1, 1, 2, 2))


@pytest.mark.parametrize("n", ["n_train", "n_test", "n_unlabelled"])
def test_an_unbalanced_number_of_images_is_refused(n: str) -> None:
    with pytest.raises(ValueError, match=f"{n} must be a multiple of 3"):
        shapes.Scenes(**{n: 100})


def test_an_impossible_size_or_number_of_objects_is_refused() -> None:
    with pytest.raises(ValueError, match="objects must be 1, 4, 9"):
        shapes.Scenes(objects=3)
    with pytest.raises(ValueError, match="loose_parts must be 0 or more"):
        shapes.Scenes(loose_parts=-1)
    with pytest.raises(ValueError, match="image_size must be positive"):
        shapes.scenes(SMALL, image_size=0)


def test_an_odd_image_size_and_an_empty_part_work() -> None:
    images, labels, factors = shapes.scenes(replace(SMALL, n_test=0), image_size=31)
    assert images.shape == (60, 3, 31, 31)
    assert len(labels) == len(factors) == 60

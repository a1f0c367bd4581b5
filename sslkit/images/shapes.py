"""The embedded default: small scenes drawn from a seed, with known factors.

Every image shows one object on a plain ground and some loose parts. The images were
built so that learning without labels works on them (see ``Scenes``): they show
mechanisms, they are no evidence for other images.

The arithmetic on the grid is kept to additions, products, quotients and roots in
float32, which every processor rounds the same way, so that one seed gives the same
bytes, and thus the same data fingerprint, on every machine.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

CLASSES: tuple[str, ...] = ("fir", "tree", "glass")
"""A triangle, a disc and an inverted triangle, each on a stem, in label order."""

PARTS: tuple[str, ...] = ("triangle", "disc", "bar")
"""The kinds of loose parts."""

# How a part's half-width runs over its height, from 0 (top) to 1 (bottom).
# Labels and the kinds of loose parts index this order.
_TRIANGLE, _DISC, _INVERTED, _BAR = range(4)
_LOOSE_KINDS = (_TRIANGLE, _DISC, _BAR)

_CHUNK = 128  # images drawn at once: bounds the memory, no effect on the result
_OBJECT, _NOISE, _LOOSE = range(3)  # streams of random numbers; loose part i: 2 + i


@dataclass(frozen=True, kw_only=True)
class Scenes:
    """What the scenes look like.

    Lengths are in half-frames: the image reaches from -1 to 1 in both directions, x
    to the right and y downwards. Pairs are the low and high end of a uniform draw.
    Levels are brightness in [0, 1].

    The choices serve one principle: a contrastive method keeps whatever two views
    share. So what two views of one image could share without looking at the shape is
    either changed by a view (hue, brightness, place, size) or absent (texture), an
    "up" exists for rotation prediction, and hue invites a learner with few labels to
    lean on it although it is free of class.

    Attributes:
        n_train: Training images, a multiple of the number of classes.
        n_test: Test images, likewise.
        n_unlabelled: More images like the training images, likewise, whose labels
            nobody is told.
        size: Half the object's height.
        place: The object's centre is drawn from ±place in x and y.
        tilt: The object leans by up to ±tilt degrees.
        aspect: Width of the object's head over the head's height.
        head: The head's share of the object's height.
        stem: Width of the stem over the width of the head.
        contrast: How much lighter or darker than the ground the object and the loose
            parts are, as a level.
        ground: Level of the ground.
        saturation: Of the one hue that the whole image carries, in [0, 1].
        loose_parts: Loose parts (triangle, disc or bar) in each image, at any place
            and turn, of the object's colour.
        loose_size: Half the height of a loose part.
        light: How much lighter the top row is than the bottom row, as a level. It
            betrays the "up" of an image without its shape.
        noise: Standard deviation of the pixel noise, as a level.
        objects: Objects of the image's class, alike, in a square grid: 1, 4, 9, ...;
            lengths are then in half-cells.
    """

    n_train: int = 600
    n_test: int = 1500
    n_unlabelled: int = 2400
    size: tuple[float, float] = (0.68, 0.99)
    place: float = 0.25
    tilt: float = 20.0
    aspect: tuple[float, float] = (0.8, 1.3)
    head: tuple[float, float] = (0.5, 0.65)
    stem: tuple[float, float] = (0.12, 0.3)
    contrast: tuple[float, float] = (0.22, 0.42)
    ground: tuple[float, float] = (0.42, 0.58)
    saturation: float = 0.5
    loose_parts: int = 2
    loose_size: tuple[float, float] = (0.16, 0.3)
    light: float = 0.0
    noise: float = 0.04
    objects: int = 1

    def __post_init__(self) -> None:
        for name in ("n_train", "n_test", "n_unlabelled"):
            count = getattr(self, name)
            if count < 0 or count % len(CLASSES):
                raise ValueError(
                    f"{name} must be a multiple of {len(CLASSES)}, the number of "
                    f"classes, which are balanced; it is {count}"
                )
        if self.objects < 1 or math.isqrt(self.objects) ** 2 != self.objects:
            raise ValueError(f"objects must be 1, 4, 9, ...; it is {self.objects}")
        if self.loose_parts < 0:
            raise ValueError(f"loose_parts must be 0 or more: {self.loose_parts}")


def scenes(
    settings: Scenes, *, image_size: int = 32, seed: int = 0
) -> tuple[Tensor, Tensor, pd.DataFrame]:
    """Draw the training images, then the test images, then the unlabelled ones.

    The first images of a part do not depend on how many follow, and every knob has
    random numbers of its own: the same seed with another light, noise or number of
    loose parts gives the same objects.

    Args:
        settings: What the scenes look like.
        image_size: Side S of the images in pixels.
        seed: Of all random numbers, 0 or more.

    Returns:
        The images ``(N, 3, S, S)`` uint8; the labels ``(N,)`` int64, in the order of
        ``CLASSES``, -1 for unlabelled images; and the factors, one row an image: class
        (of unlabelled images, too), hue (in turns, [0, 1)), polarity (1 lighter, -1
        darker than the ground), contrast, ground, x, y, size, tilt (degrees,
        clockwise), aspect, head, stem, and for loose part i
        ``loose{i}_kind``, ``_x``, ``_y``, ``_size`` and ``_turn`` (degrees, clockwise).

    Raises:
        ValueError: If ``image_size`` is not positive.
    """
    if image_size < 1:
        raise ValueError(f"image_size must be positive; it is {image_size}")
    images, factors = [], []
    counts = (settings.n_train, settings.n_test, settings.n_unlabelled)
    for part, count in enumerate(counts):
        table = _draw_factors(settings, count, (seed, part))
        noise = np.random.default_rng((seed, part, _NOISE))
        factors.append(table)
        for start in range(0, count, _CHUNK):
            chunk = table.iloc[start : start + _CHUNK]
            images.append(_render(chunk, settings, image_size, noise))
    table = pd.concat(factors, ignore_index=True)
    labels = table["class"].map({name: i for i, name in enumerate(CLASSES)})
    labels[labels.index >= settings.n_train + settings.n_test] = -1
    empty = torch.empty(0, 3, image_size, image_size, dtype=torch.uint8)
    return (
        torch.cat([empty, *images]),
        torch.from_numpy(labels.to_numpy(dtype=np.int64, copy=True)),
        table,
    )


def _draw_factors(
    settings: Scenes, count: int, entropy: tuple[int, int]
) -> pd.DataFrame:
    """Draw ``count`` rows of factors, one stream for the objects, one a loose part."""

    def between(low_high: tuple[float, float], u: np.ndarray) -> np.ndarray:
        low, high = low_high
        return low + (high - low) * u

    s = settings
    # One row of uniform numbers an image: the first rows of a longer draw agree.
    u = np.random.default_rng((*entropy, _OBJECT)).random((count, 11)).T
    columns: dict[str, np.ndarray] = {
        "class": np.array(CLASSES, dtype=object)[np.arange(count) % len(CLASSES)],
        "hue": u[0],
        "polarity": np.where(u[1] < 0.5, -1, 1),
        "contrast": between(s.contrast, u[2]),
        "ground": between(s.ground, u[3]),
        "x": between((-s.place, s.place), u[4]),
        "y": between((-s.place, s.place), u[5]),
        "size": between(s.size, u[6]),
        "tilt": between((-s.tilt, s.tilt), u[7]),
        "aspect": between(s.aspect, u[8]),
        "head": between(s.head, u[9]),
        "stem": between(s.stem, u[10]),
    }
    for i in range(s.loose_parts):
        u = np.random.default_rng((*entropy, _LOOSE + i)).random((count, 5)).T
        kinds = np.array(PARTS, dtype=object)
        columns[f"loose{i}_kind"] = kinds[(u[0] * len(PARTS)).astype(int)]
        columns[f"loose{i}_x"] = between((-0.85, 0.85), u[1])
        columns[f"loose{i}_y"] = between((-0.85, 0.85), u[2])
        columns[f"loose{i}_size"] = between(s.loose_size, u[3])
        columns[f"loose{i}_turn"] = between((0.0, 360.0), u[4])
    return pd.DataFrame(columns)


def _render(
    table: pd.DataFrame, settings: Scenes, side: int, noise: np.random.Generator
) -> Tensor:
    """Draw the images ``(B, 3, S, S)`` uint8 of the rows of a factor table."""

    def column(name: str) -> Tensor:
        values = table[name].to_numpy(dtype=np.float32, copy=True)
        return torch.from_numpy(values)[:, None, None]

    # Twice the size: four points a pixel, at the centres of its quarters.
    axis = (torch.arange(2 * side) + 0.5) / side - 1.0
    cells = math.isqrt(settings.objects)
    cell_axis = torch.remainder((axis + 1.0) * cells, 2.0) - 1.0

    across, down = _own_frame(
        cell_axis, column("x"), column("y"), column("size"), table["tilt"]
    )
    head = column("head")
    half_width = head * column("aspect")  # of the head, whose half-height is `head`
    kind = torch.tensor([CLASSES.index(name) for name in table["class"]])
    t = (down + 1.0) / (2.0 * head)
    inside = _inside(kind[:, None, None], across / half_width, t)
    # The stem begins inside the head, for the tip of an inverted triangle is narrow.
    stem = across.abs() <= half_width * column("stem")
    inside |= stem & (down >= 1.8 * head - 1.0) & (down <= 1.0)

    for i in range(settings.loose_parts):
        names = [PARTS.index(name) for name in table[f"loose{i}_kind"]]
        kind = torch.tensor(_LOOSE_KINDS)[names][:, None, None]
        across, down = _own_frame(
            axis,
            column(f"loose{i}_x"),
            column(f"loose{i}_y"),
            column(f"loose{i}_size"),
            table[f"loose{i}_turn"],
        )
        width = torch.where(kind == _BAR, 0.35, 1.0)
        inside |= _inside(kind, across / width, (down + 1.0) / 2.0)

    # Averaged down: the share of each pixel that is covered, in quarters.
    quarters = inside.to(torch.float32).reshape(len(table), side, 2, side, 2)
    covered = quarters.sum(dim=(2, 4)) / 4.0
    level = column("ground") + column("polarity") * column("contrast") * covered
    rows = (torch.arange(side) + 0.5) / side
    level = level + settings.light * (0.5 - rows)[:, None]

    pixels = level[:, None] * _tint(column("hue"), settings.saturation)
    random = noise.standard_normal(pixels.shape, dtype=np.float32)
    pixels = pixels + settings.noise * torch.from_numpy(random)
    return (pixels.clamp(0.0, 1.0) * 255.0).round().to(torch.uint8)


def _own_frame(
    axis: Tensor, x: Tensor, y: Tensor, size: Tensor, degrees: pd.Series
) -> tuple[Tensor, Tensor]:
    """The grid's points in the frame of an upright part of half-height 1.

    Returns:
        Two tensors ``(B, 2S, 2S)``: how far a point lies to the right of the part's
        centre, and how far below it.
    """
    # The sine and cosine in float64: their last bits, which may differ from machine
    # to machine, vanish when rounded to float32.
    angle = np.deg2rad(degrees.to_numpy(dtype=np.float64))
    cos = torch.from_numpy(np.cos(angle).astype(np.float32))[:, None, None] / size
    sin = torch.from_numpy(np.sin(angle).astype(np.float32))[:, None, None] / size
    dx = axis[None, None, :] - x  # (B, 1, 2S)
    dy = axis[None, :, None] - y  # (B, 2S, 1)
    return cos * dx + sin * dy, cos * dy - sin * dx


def _inside(kind: Tensor, across: Tensor, t: Tensor) -> Tensor:
    """Which points lie inside a part.

    Args:
        kind: Of the part, ``(B, 1, 1)``.
        across: Distance from the part's axis, in its greatest half-widths.
        t: Height in the part, from 0 (top) to 1 (bottom).
    """
    within = t.clamp(0.0, 1.0)
    profile = torch.where(kind == _TRIANGLE, within, torch.ones(()))
    profile = torch.where(kind == _INVERTED, 1.0 - within, profile)
    disc = 2.0 * (within * (1.0 - within)).sqrt()
    profile = torch.where(kind == _DISC, disc, profile)
    return (across.abs() <= profile) & (t >= 0.0) & (t <= 1.0)


def _tint(hue: Tensor, saturation: float) -> Tensor:
    """Colours ``(B, 3, 1, 1)`` of hue ``(B, 1, 1)`` and saturation at HSV value 1.

    Times a level, they keep hue and saturation, so that an image with its hue turned
    is the image of the same scene in another hue.

    Source: A. R. Smith, Color gamut transform pairs, SIGGRAPH 1978.
    """
    offsets = torch.tensor([0.0, 2.0 / 3.0, 1.0 / 3.0])[:, None, None]
    wave = torch.remainder(hue[:, None] + offsets, 1.0) * 6.0
    pure = ((wave - 3.0).abs() - 1.0).clamp(0.0, 1.0)
    return 1.0 - saturation * (1.0 - pure)

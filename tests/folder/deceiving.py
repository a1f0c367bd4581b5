"""Small image sets made to deceive: other things decide than what they show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from sslkit.images.imageset import ImageSet

SIDE = 16


def noise(count: int, *, seed: int = 0) -> np.ndarray:
    """Grey noise ``(N, 3, S, S)``, with nothing in it."""
    grey = np.random.default_rng(seed).integers(0, 256, (count, 1, SIDE, SIDE))
    return np.repeat(grey, 3, axis=1).astype(np.uint8)


def coloured(kinds: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """Noise in a colour that tells the kind of each image."""
    tints = np.random.default_rng(1).uniform(0.2, 1, (kinds.max() + 1, 3))
    return (noise(len(kinds), seed=seed) * tints[kinds][..., None, None]).astype("u1")


def upright(count: int) -> np.ndarray:
    """A light roof somewhere in the noise, always the right way up."""
    rng = np.random.default_rng(3)
    images = noise(count, seed=4) // 4
    for image in images:
        top, left = rng.integers(0, SIDE - 9, 2)
        for down in range(5):
            image[:, top + down, left + 4 - down : left + 5 + down] = 250
    return images


def lit(count: int) -> np.ndarray:
    """Noise that light falls on from above."""
    fall = np.linspace(1.0, 0.5, SIDE)[:, None]
    return (noise(count, seed=5) * fall).astype(np.uint8)


def image_set(
    pixels: np.ndarray,
    labels: np.ndarray | None = None,
    *,
    test: np.ndarray | None = None,
    groups: list[str] | None = None,
    files: list[str] | None = None,
) -> ImageSet:
    made = ImageSet.of(
        torch.from_numpy(pixels),
        None if labels is None else torch.from_numpy(labels),
        groups=groups,
        test=None if test is None else torch.from_numpy(test),
    )
    return replace(made, name="made", files=None if files is None else tuple(files))


def classes_by_colour(count: int = 120) -> ImageSet:
    """Two classes that differ in colour alone; every fifth image is a test image."""
    labels = np.arange(count) % 2
    return image_set(coloured(labels), labels, test=np.arange(0, count, 5))


def labels_of_noise(count: int = 120) -> ImageSet:
    """Labels that have nothing to do with the images."""
    labels = np.random.default_rng(6).integers(0, 2, count)
    return image_set(noise(count), labels, test=np.arange(0, count, 5))


def patients_on_both_sides(patients: int = 12, each: int = 10) -> ImageSet:
    """Patients of two classes, known by their colour; two images of each are tested."""
    whose = np.repeat(np.arange(patients), each)
    number = np.tile(np.arange(each), patients)
    return image_set(
        coloured(whose),
        whose % 2,
        test=np.flatnonzero(number < 2),
        files=[
            f"{'ab'[patient % 2]}/patient{patient:02d}_{i}.png"
            for patient, i in zip(whose, number, strict=True)
        ],
    )

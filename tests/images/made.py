"""Image files, made for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def colour(*rgb: int, size: tuple[int, int] = (8, 8)) -> Image.Image:
    return Image.new("RGB", size, rgb)


def save(image: Image.Image, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)
    return path


def fill(folder: Path, counts: dict[str, int], name: str = "{i:03d}.png") -> Path:
    """Write images whose three values are the class, the part and a running number."""
    for k, (below, count) in enumerate(sorted(counts.items())):
        for i in range(count):
            save(colour(10 * k, len(below), i), folder / below / name.format(i=i))
    return folder


def upright() -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (24, 36, 3), dtype=np.uint8)

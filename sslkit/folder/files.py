"""The files of a folder, by their headers: formats, modes, sizes; which are broken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from sslkit.images.modes import FORMATS, unwarned


@dataclass(frozen=True)
class Files:
    """What headers say of image files.

    Attributes:
        count: Of files whose header could be read.
        formats: How many are of which format, the commonest first.
        modes: How many are of which of Pillow's modes (``"RGB"``, ``"L"``, …).
        sizes: How many different sizes there are, in pixels of width and height.
        sides: Smallest, median and largest of their shorter sides, in pixels; zeros
            where no header could be read.
        longest: The longest side of all, in pixels.
        unreadable: Why a file could not be read, by its path below the folder.
    """

    count: int
    formats: dict[str, int]
    modes: dict[str, int]
    sizes: int
    sides: tuple[int, int, int]
    longest: int
    unreadable: dict[str, str]

    @property
    def native(self) -> int | None:
        """The side of images that are square and all of one size; else none."""
        square = self.sizes == 1 and self.sides[0] == self.longest
        return self.longest if square else None


def headers(folder: Path, paths: Sequence[str]) -> Files:
    """Read the headers of image files, and no pixels.

    Args:
        folder: Where they are.
        paths: Of the files, below the folder.
    """
    formats: Counter[str] = Counter()
    modes: Counter[str] = Counter()
    sizes: Counter[tuple[int, int]] = Counter()
    unreadable = {}
    with unwarned():
        for path in paths:
            try:
                with Image.open(folder / path, formats=FORMATS) as image:
                    formats[image.format or "unknown"] += 1
                    modes[image.mode] += 1
                    sizes[image.size] += 1
            except (OSError, ValueError, Image.DecompressionBombError) as error:
                unreadable[path] = f"{type(error).__name__}: {error}"
    shorter = np.repeat([min(size) for size in sizes], list(sizes.values()))
    sides = np.quantile(shorter, [0, 0.5, 1]) if len(shorter) else np.zeros(3)
    low, middle, high = (int(side) for side in sides)
    return Files(
        count=sizes.total(),
        formats=dict(formats.most_common()),
        modes=dict(modes.most_common()),
        sizes=len(sizes),
        sides=(low, middle, high),
        longest=max((max(size) for size in sizes), default=0),
        unreadable=unreadable,
    )

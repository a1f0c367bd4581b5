"""Draw the cover's wall of blood cells: ``python -m tools.sprite`` (SSLKIT_DATA).

The cells are of the set blood8 (Acevedo et al. 2020, CC BY 4.0) and may be shown.
"""

from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image

import sslkit
from sslkit.figures.plots import pixels

WALL = Path("book/_assets/cells.jpg")
ROWS, COLUMNS, SIDE = 4, 12, 64


def main() -> None:
    """Write the wall, equally many cells a class, in a mixed order."""
    images = sslkit.load("blood8", image_size=SIDE)
    each = ROWS * COLUMNS // len(images.classes)
    order = torch.randperm(ROWS * COLUMNS, generator=torch.Generator().manual_seed(0))
    cells, _ = images.take(images.examples(each)[order])
    wall = cells.reshape(ROWS, COLUMNS, 3, SIDE, SIDE).permute(2, 0, 3, 1, 4)
    picture = pixels(wall.reshape(3, ROWS * SIDE, COLUMNS * SIDE))
    Image.fromarray(picture).save(WALL, quality=85)


if __name__ == "__main__":
    main()

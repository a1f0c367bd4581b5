"""The figures of the book's questions: amounts of images, curves of all runs, a wall.

Colours, labels and markers are those of ``runs.arms``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from matplotlib.figure import Figure

from sslkit.figures import plots

if TYPE_CHECKING:
    from sslkit.images.imageset import ImageSet


def wall(images: ImageSet, *, count: int = 120, columns: int = 15) -> Figure:
    """Show many images in a mixed order, of which two a class have their names.

    Args:
        images: Which; equally many of each class are shown.
        count: How many: a multiple of the number of classes.
        columns: Images a row.
    """
    each = count // len(images.classes)
    order = torch.randperm(count, generator=torch.Generator().manual_seed(0))
    rows = images.examples(each)[order]
    pixels, labels = images.take(rows)
    named = torch.isin(rows, images.examples())
    names = [images.classes[label] for label in labels]
    titles = [name if known else "" for name, known in zip(names, named, strict=True)]
    return plots.grid(pixels, titles=titles, columns=columns)

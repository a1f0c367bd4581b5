"""What networks are shown: images, their views and turned copies, to look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import ipywidgets
import torch
from matplotlib.figure import Figure
from torch import Tensor

from sslkit.figures import widgets
from sslkit.figures.plots import WIDTH, grid
from sslkit.learning.encoders import Encoder
from sslkit.runs.from_profile import recipe
from sslkit.views import augment, pieces
from sslkit.views.augment import Augmentation
from sslkit.views.random_numbers import RandomNumbers


def mosaic(images: Tensor, labels: Tensor, *, columns: int = 10) -> Figure:
    """Show all images of a budget edge to edge, sorted by class.

    Args:
        images: (N, 3, H, W), a multiple of ``columns``.
        labels: (N,), the class of each.
        columns: Images a row.
    """
    rows = images[labels.argsort(stable=True)].split(columns)
    strips = torch.stack([torch.cat(list(row), dim=2) for row in rows])
    return grid(strips, columns=1, scale=WIDTH)


def which_two(
    images: Tensor, order: Sequence[int], *, augmentation: Augmentation, seed: int
) -> Figure:
    """Show a view of each image and, below, a second view of each in another order.

    Args:
        images: (N, 3, H, W), N at most 26.
        order: Which image stands where below.
        augmentation: Of both views.
        seed: Of the random numbers.
    """
    count = len(images)
    numbers = RandomNumbers(seed, 0, size=count)
    above, below = (augment.view(images, augmentation, numbers) for _ in range(2))
    letters = [chr(ord("A") + i) for i in range(count)]
    digits = [str(i + 1) for i in range(count)]
    both = torch.cat([above, below[list(order)]])
    return grid(both, titles=[*letters, *digits], columns=count)


def turned_copies(images: Tensor) -> Figure:
    """Show images as RotNet sees them in one step, and as RotNet with jitter does.

    Args:
        images: (N, 3, H, W), uint8.
    """
    rows: dict[str, Tensor] = {}
    for arm, word in (("rotnet", ""), ("rotnet-jitter", " jitter")):
        taken = recipe(arm)
        assert taken.method is not None
        method = taken.method.objective(Encoder(taken.encoder))
        copies = method.views(images, RandomNumbers(0, 0, size=len(images)))
        rows |= {f"{90 * k}°{word}": copy for k, copy in enumerate(copies)}
    return grid(rows, scale=0.6)


def hue_circle(images: Tensor, *, step: int = 30) -> ipywidgets.VBox:
    """A slider that turns all colours once around the circle.

    Args:
        images: (N, 3, H, W) in [0, 1]: the book's six.
        step: Degrees.
    """
    degrees = range(0, 360, step)
    turned = []
    for degree in degrees:
        share = (degree / 360 + 0.5) % 1 - 0.5  # of the circle, either way
        shares = torch.full((len(images),), share)
        turned.append(grid(pieces.adjust_hue(images, shares), scale=0.6))
    return widgets.frames(
        turned,
        labels=[f"Hue turned by {degree}° of 360°." for degree in degrees],
        alt=[
            "Two firs, two trees and two glasses, each on a plain ground. "
            f"All colours are turned by {degree} degrees around the colour "
            "circle; the shapes are those of the first picture."
            for degree in degrees
        ],
        description="hue",
        width=600,
    )


def change_by_change(
    images: Tensor, changes: Mapping[str, Augmentation], *, seed: int
) -> ipywidgets.VBox:
    """Buttons that show images above a random view of each, a button a change.

    The last button is a quarter turn.

    Args:
        images: (N, 3, H, W), uint8.
        changes: What changes in the views, by the text of its button.
        seed: Of the random numbers.
    """
    numbers = RandomNumbers(seed, 0, size=len(images))
    views = {name: augment.view(images, one, numbers) for name, one in changes.items()}
    views["quarter turn"] = pieces.quarter_turn(images, numbers.integers(4))
    return widgets.choices(
        [grid({"image": images, "view": view}, scale=0.6) for view in views.values()],
        labels=list(views),
        alt=[
            "A row of images, and below each of them a random view. Changed in "
            f"the views: {name}."
            for name in views
        ],
        description="change",
        width=600,
    )

"""The inputs of a run: the images that a recipe names, and its label budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import torch

from sslkit.images import loading, summary
from sslkit.images.imageset import ImageSet, add
from sslkit.images.sources import Catalogue
from sslkit.images.splits import Labelled, Split, split
from sslkit.runs.recipes import Data, Recipe, budget


def load_images(settings: Data, extra: Data | None = None) -> ImageSet:
    """The images of a recipe, decoded once a process and put on its device."""
    return on_device(settings, extra, "cuda" if torch.cuda.is_available() else "cpu")


@lru_cache(maxsize=2)
def on_device(settings: Data, extra: Data | None, device: str) -> ImageSet:
    """The images of a recipe, decoded once a process and put on a device."""
    images = loading.read(_list(settings))
    if extra is not None:
        more = replace(extra, image_size=settings.image_size)
        images = add(images, loading.read(_list(more)))
    return images.to(device)


def split_of(recipe: Recipe, images: Labelled) -> Split:
    """The label budget of a recipe."""
    return split(
        images,
        recipe.fraction,
        labels=recipe.labels,
        draw=recipe.draw,
        balance=recipe.data.balance,
    )


def told(todo: Sequence[Recipe]) -> list[str]:
    """A few lines on the images and the label budgets of recipes (``summary``)."""
    lines = []
    for data in dict.fromkeys(one.data for one in todo):
        images = on_device(data, None, "cpu")
        first: dict[str, Recipe] = {}
        for one in (one for one in todo if one.data == data):
            first.setdefault(budget(one), one)
        rows = {name: split_of(one, images) for name, one in first.items()}
        lines += summary.lines(images, rows)
    return lines


@lru_cache(maxsize=4)
def catalogue(settings: Data) -> Catalogue:
    """The list of a recipe's images, none of which is read; kept for grids."""
    return _list(settings)


def _list(settings: Data) -> Catalogue:
    return loading.catalogue(
        settings.name,
        image_size=settings.image_size,
        classes=settings.classes,
        groups=settings.groups,
        test=settings.test,
        limit=settings.limit,
        bits=settings.bits,
        on_error=settings.on_error,
    )

"""The inputs of a run: the images that a recipe names, and its label budget."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import torch

from sslkit.images import loading
from sslkit.images.imageset import ImageSet, add
from sslkit.images.sources import Catalogue
from sslkit.images.splits import Labelled, Split, split
from sslkit.runs.recipes import Data, Recipe


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
        on_error=settings.on_error,
    )

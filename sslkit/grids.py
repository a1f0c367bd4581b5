"""Grids: lists of recipes that belong together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from sslkit import recipes
from sslkit.recipes import Recipe


def arms(
    *,
    profile: str = "quick",
    data: str | None = None,
    fractions: Sequence[float] = (0.05, 0.25),
    curve: Sequence[float] = (1.0,),
    draws: int = 5,
    image_size: int | None = None,
    groups: str | None = None,
    test: Literal["given", "image", "group"] = "given",
    limit: int | None = None,
) -> Iterator[Recipe]:
    """Every arm side by side, and the curve of supervised training alone.

    They come draw by draw, so that a grid that was stopped has whole draws to compare.

    Args:
        profile: Where every other value comes from.
        data: A built-in set or a folder; the profile's if not given.
        fractions: Shares of the labels for every arm of ``recipes.ARMS``.
        curve: Further shares for supervised training.
        draws: How many, from 0; each has a seed of its own, of the same number.
        image_size: Side in pixels.
        groups: Pattern or CSV column of what belongs together.
        test: Where the test images come from.
        limit: At most this many images a class.

    Raises:
        ValueError: If the profile is unknown or a value is out of range.
    """
    for draw in range(draws):
        for fraction in dict.fromkeys((*fractions, *curve)):
            for arm in recipes.ARMS if fraction in fractions else ("supervised",):
                yield recipes.recipe(
                    arm,
                    profile=profile,
                    data=data,
                    fraction=fraction,
                    draw=draw,
                    seed=draw,
                    image_size=image_size,
                    groups=groups,
                    test=test,
                    limit=limit,
                )


GRIDS: dict[str, Callable[..., Iterator[Recipe]]] = {"arms": arms}

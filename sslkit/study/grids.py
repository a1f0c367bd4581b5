"""Grids: lists of recipes that belong together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from sslkit.runs.recipes import Data, Recipe
from sslkit.study import factors
from sslkit.study.cells import FEW
from sslkit.study.images import (
    ARMS,
    CURVE,
    CURVE_DRAWS,
    DRAWS,
    FACTOR_DRAWS,
    SEEDS,
    SEEDS_OF,
    Images,
)


def arms(
    images: Images,
    *,
    fractions: Sequence[float] = (0.05, 0.25),
    curve: Sequence[float] = (1.0,),
    draws: int = 5,
    more: Sequence[str] = (),
) -> Iterator[Recipe]:
    """The study's arms side by side, and the curve of supervised training alone.

    They come draw by draw, so that a grid that was stopped has whole draws to compare.

    Args:
        images: Which images, and the profile.
        fractions: Shares of the labels for every arm of the study.
        curve: Further shares for supervised training.
        draws: How many, from 0; each has a seed of its own, of the same number.
        more: Further arms for every share of ``fractions``, as ``"histogram"``.

    Raises:
        ValueError: If the profile is unknown or a value is out of range.
    """
    for draw in range(draws):
        for fraction in dict.fromkeys((*fractions, *curve)):
            for arm in (*ARMS, *more) if fraction in fractions else ("supervised",):
                yield images.recipe(arm, fraction=fraction, draw=draw)


def study(
    images: Images, *, start: str | None = None, other: Data | None = None
) -> Iterator[Recipe]:
    """The study: its arms under both regimes, then one factor at a time.

    First the base, draw by draw (``"base"``: cosine from a random start;
    ``"constant"``: a sixtieth of the rate, constant, from a warm start); then seeds;
    then the factors, at 5 % of the labels, the amount of unlabelled images at 25 and
    50 %, too. ``Recipe.variant`` names them.

    Args:
        images: Which images, and the profile.
        start: Starting weights of the constant regime and of the variant ``"warm"``:
            ``"imagenet"`` or an encoder file. Without them both are left out.
        other: Another source of unlabelled images, a name and perhaps classes; without
            it those variants are left out.

    Raises:
        ValueError: If the profile is unknown or the images cannot be had.
    """
    yield from base(images, start=start)
    yield from seeds(images)
    yield from factors.regimes(images, start)
    yield from factors.pretext(images)
    yield from factors.amounts(images)
    if other is not None:
        yield from factors.others(images, other)


def base(images: Images, *, start: str | None = None) -> Iterator[Recipe]:
    """Every arm at 5, 25 and 50 % under both regimes, and the supervised curve."""
    curve = [(fraction, CURVE_DRAWS) for fraction in CURVE]
    for draw in range(max(DRAWS.values())):
        for fraction, draws in (*DRAWS.items(), *curve):
            if draw >= draws:
                continue
            for arm in ARMS:
                supervised = arm.startswith("supervised")
                if fraction in CURVE and arm != "supervised":
                    continue
                if fraction == 1 and not supervised:
                    continue
                one = images.recipe(arm, fraction=fraction, draw=draw)
                if fraction == FEW and not supervised:
                    one = replace(one, protocols=(*one.protocols, "folds"))
                yield one
                if start and fraction in DRAWS:
                    yield images.recipe(
                        arm,
                        fraction=fraction,
                        draw=draw,
                        init=start,
                        schedule="constant",
                        variant="constant",
                    )


def handmade(images: Images) -> Iterator[Recipe]:
    """What no network is needed for, at the study's shares; no arm of the study's."""
    for fraction, draws in DRAWS.items():
        for draw in range(draws):
            yield images.recipe("histogram", fraction=fraction, draw=draw)


def seeds(images: Images) -> Iterator[Recipe]:
    """More seeds for the first draws: the spread that is not the labels'."""
    for draw in range(FACTOR_DRAWS):
        for extra in range(1, SEEDS):
            for arm in SEEDS_OF:
                seed = draw + 10 * extra
                yield images.recipe(
                    arm, fraction=FEW, draw=draw, seed=seed, variant="seeds"
                )

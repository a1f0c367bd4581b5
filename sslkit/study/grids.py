"""Grids: lists of recipes that belong together."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from torch import Tensor

from sslkit.images.splits import Split, split
from sslkit.judging.evaluate import LAYERS
from sslkit.learning.training import Training
from sslkit.methods import METHODS, rotnet, simclr
from sslkit.runs import recipes, running
from sslkit.runs.recipes import Data, Recipe, constant
from sslkit.views.augment import Augmentation

# Of the study: how many draws at each share of the labels, and supervised training's
# further shares.
DRAWS = {0.05: 10, 0.25: 5, 0.5: 3, 1.0: 3}
CURVE = (0.025, 0.1, 0.15, 0.35, 0.75)
CURVE_DRAWS = 3
FEW = 0.05  # the share at which single factors are changed
FACTOR_DRAWS = 5
SEEDS = 3  # a draw, to tell draws from seeds
SEEDS_OF = ("supervised", "rotnet-jitter", "simclr")

# Share and draw of every cell in which the amount of unlabelled images is changed: the
# study had its other organ at all of its shares.
MORE = (0.25, 0.5)
AMOUNTS = [(FEW, draw) for draw in range(FACTOR_DRAWS)]
AMOUNTS += [(share, draw) for draw in range(CURVE_DRAWS) for share in MORE]


@dataclass(frozen=True, kw_only=True)
class Images:
    """Which images a grid is about; the arguments of ``recipes.recipe`` of that name.

    Attributes:
        profile: Where every value comes from that the grid does not set.
        data: A built-in set or a folder; the profile's if not given.
        image_size: Side in pixels.
        groups: Pattern or CSV column of what belongs together.
        test: Where the test images come from.
        limit: At most this many images a class.
    """

    profile: str = "quick"
    data: str | None = None
    image_size: int | None = None
    groups: str | None = None
    test: Literal["given", "image", "group"] = "given"
    limit: int | None = None

    def recipe(
        self,
        arm: str,
        *,
        fraction: float,
        draw: int,
        seed: int | None = None,
        init: str | None = None,
        schedule: Literal["cosine", "constant"] = "cosine",
        variant: str = "base",
    ) -> Recipe:
        """The recipe of an arm; each draw has a seed of the same number."""
        made = recipes.recipe(
            arm,
            profile=self.profile,
            data=self.data,
            image_size=self.image_size,
            groups=self.groups,
            test=self.test,
            limit=self.limit,
            fraction=fraction,
            draw=draw,
            seed=draw if seed is None else seed,
            init=init,
            schedule=schedule,
        )
        return replace(made, variant=variant)


def arms(
    images: Images,
    *,
    fractions: Sequence[float] = (0.05, 0.25),
    curve: Sequence[float] = (1.0,),
    draws: int = 5,
) -> Iterator[Recipe]:
    """Every arm side by side, and the curve of supervised training alone.

    They come draw by draw, so that a grid that was stopped has whole draws to compare.

    Args:
        images: Which images, and the profile.
        fractions: Shares of the labels for every arm of ``recipes.ARMS``.
        curve: Further shares for supervised training.
        draws: How many, from 0; each has a seed of its own, of the same number.

    Raises:
        ValueError: If the profile is unknown or a value is out of range.
    """
    for draw in range(draws):
        for fraction in dict.fromkeys((*fractions, *curve)):
            for arm in recipes.ARMS if fraction in fractions else ("supervised",):
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
    yield from _regimes(images, start)
    yield from _pretext(images)
    yield from _amounts(images)
    if other is not None:
        yield from _others(images, other)


def base(images: Images, *, start: str | None = None) -> Iterator[Recipe]:
    """Every arm at 5, 25 and 50 % under both regimes, and the supervised curve."""
    curve = [(fraction, CURVE_DRAWS) for fraction in CURVE]
    for draw in range(max(DRAWS.values())):
        for fraction, draws in (*DRAWS.items(), *curve):
            if draw >= draws:
                continue
            for arm in recipes.ARMS:
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


def seeds(images: Images) -> Iterator[Recipe]:
    """More seeds for the first draws: the spread that is not the labels'."""
    for draw in range(FACTOR_DRAWS):
        for extra in range(1, SEEDS):
            for arm in SEEDS_OF:
                seed = draw + 10 * extra
                yield images.recipe(
                    arm, fraction=FEW, draw=draw, seed=seed, variant="seeds"
                )


def _regimes(images: Images, start: str | None) -> Iterator[Recipe]:
    """Which phase the constant rate governs, from which start; other rates."""
    for draw in range(FACTOR_DRAWS):
        for arm in recipes.ARMS:
            if arm.startswith("supervised"):
                one = images.recipe(arm, fraction=FEW, draw=draw, variant="lr/3")
                lower = replace(one.downstream, lr=one.downstream.lr / 3)
                yield replace(one, downstream=lower)
            yield images.recipe(
                arm,
                fraction=FEW,
                draw=draw,
                schedule="constant",
                variant="constant, random start",
            )
            if start:
                yield images.recipe(
                    arm, fraction=FEW, draw=draw, init=start, variant="warm"
                )
        for arm in recipes.ARMS if start else ():
            one = images.recipe(arm, fraction=FEW, draw=draw, init=start)
            pretraining, probe = constant(one.pretraining), constant(one.probe)
            downstream = constant(one.downstream)
            if one.method is not None:
                yield replace(one, pretraining=pretraining, variant="constant pretext")
                yield replace(
                    one,
                    downstream=downstream,
                    probe=probe,
                    variant="constant downstream",
                )
            yield replace(
                one,
                pretraining=replace(pretraining, lr=5e-6),
                downstream=replace(downstream, lr=5e-6),
                probe=replace(probe, lr=5e-6),
                variant="constant 5e-6",
            )


def _pretext(images: Images) -> Iterator[Recipe]:
    """Read-out by layer, the rotated control, other recipes of the field."""
    for draw in range(FACTOR_DRAWS):
        for arm in METHODS:
            one = images.recipe(arm, fraction=FEW, draw=draw)
            yield replace(one, protocols=LAYERS, variant="layers")
            yield _field(replace(one, variant="field"))
            if isinstance(one.method, rotnet.Settings):
                shuffled = replace(one.method, shuffled=True)
                yield replace(one, method=shuffled, variant="rotated")
            else:
                yield replace(one, pretraining=_LONG, variant="long")
        for arm in ("random", "supervised"):
            one = images.recipe(arm, fraction=FEW, draw=draw)
            if arm == "random":
                yield replace(one, protocols=LAYERS, variant="layers")
            else:
                yield _field(replace(one, variant="field"))


# The study's published code lets SimCLR's rate fall from 0.15 over 1000 epochs, the
# LARS rule of 0.3 a 256 images at 128.
_LONG = Training(
    optimiser="sgd", lr=0.15, epochs=1000, batch_size=128, weight_decay=1e-6
)


def _field(one: Recipe) -> Recipe:
    """An arm as the field's published recipes for small images have it.

    SGD with momentum and weight decay 5e-4; SimCLR's rate 0.03 a 256 images, milder
    views; RotNet's and supervised training's 0.1 a 128 images; a cosine in place of
    RotNet's steps; fine-tuning at 0.05 a 256 images.
    """

    def sgd(training: Training, lr: float) -> Training:
        lr = lr * training.batch_size / 256
        return replace(training, optimiser="sgd", lr=lr, weight_decay=5e-4)

    if one.method is None:
        return replace(one, downstream=sgd(one.downstream, 0.2))
    method, rate = one.method, 0.2
    if isinstance(method, simclr.Settings):
        method, rate = method.with_views(_FIELD_VIEWS), 0.03
    return replace(
        one,
        method=method,
        pretraining=sgd(one.pretraining, rate),
        downstream=sgd(one.downstream, 0.05),
    )


_FIELD_VIEWS = Augmentation(saturation=0.4, greyscale=0.1)


def _amounts(images: Images) -> Iterator[Recipe]:
    """More unlabelled images of the same kind, for as many epochs and as many steps."""
    for fraction, draw in AMOUNTS:
        for arm in METHODS:
            one = images.recipe(arm, fraction=fraction, draw=draw)
            yield replace(one, pretrain="all", variant="all")
            if fraction != FEW:
                continue
            rows = _rows(one)
            few = replace(one.pretraining, steps=_steps(one.pretraining, rows.train))
            yield replace(
                one, pretrain="all", pretraining=few, variant="all, few steps"
            )
            yield _pretrained_for_as_long(one)
    # What supervised training makes of as many steps, along its whole curve.
    for draw in range(FACTOR_DRAWS):
        for arm in ("supervised", "supervised-plain"):
            yield _supervised_for_as_long(images, arm, fraction=FEW, draw=draw)
    for draw in range(CURVE_DRAWS):
        for fraction in sorted((*CURVE, *MORE)):
            yield _supervised_for_as_long(
                images, "supervised", fraction=fraction, draw=draw
            )


def _pretrained_for_as_long(one: Recipe) -> Recipe:
    """On the budget, for the steps that pretraining on all images takes."""
    many = _steps(one.pretraining, _rows(one).unlabelled)
    longer = replace(one.pretraining, steps=many)
    return replace(one, pretraining=longer, variant="budget, many steps")


def _supervised_for_as_long(
    images: Images, arm: str, *, fraction: float, draw: int
) -> Recipe:
    """For the steps of pretraining on all images and of fine-tuning together."""
    pretrained = images.recipe("rotnet", fraction=fraction, draw=draw)
    rows = _rows(pretrained)
    many = _steps(pretrained.pretraining, rows.unlabelled)
    many += _steps(pretrained.downstream, rows.train)
    one = images.recipe(arm, fraction=fraction, draw=draw, variant="budget, many steps")
    return replace(one, downstream=replace(one.downstream, steps=many))


def _others(images: Images, other: Data) -> Iterator[Recipe]:
    """Unlabelled images of another kind, as many as there are of the own."""
    for fraction, draw in AMOUNTS:
        one = images.recipe("simclr", fraction=fraction, draw=draw)
        rows = _rows(one)
        more = len(rows.unlabelled) - len(rows.train)
        theirs = replace(other, image_size=one.data.image_size)
        classes = len(running.load_images(theirs).classes)
        extra = replace(theirs, limit=math.ceil(more / classes))
        longer = _pretrained_for_as_long(one)
        if fraction != FEW:
            yield longer
        added = replace(longer, extra_unlabelled=extra)
        yield replace(added, variant="budget + other")
        if fraction == FEW:
            yield replace(added, pretrain="extra", variant="other alone")


def _rows(one: Recipe) -> Split:
    return split(running.load_images(one.data), one.fraction, one.draw)


def _steps(training: Training, rows: Tensor) -> int:
    """The steps that training takes on some rows for all of its epochs."""
    return training.epochs * math.ceil(len(rows) / training.batch_size)

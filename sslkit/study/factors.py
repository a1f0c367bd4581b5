"""Factors: the study's recipes with one thing changed, at few labels."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from torch import Tensor

from sslkit.images.splits import Split
from sslkit.learning.training import Training
from sslkit.methods import rotnet, simclr
from sslkit.runs.from_profile import constant
from sslkit.runs.inputs import catalogue, split_of
from sslkit.runs.recipes import Data, Recipe
from sslkit.study.cells import FEW
from sslkit.study.images import (
    AMOUNTS_AT,
    ARMS,
    CURVE,
    CURVE_DRAWS,
    FACTOR_DRAWS,
    MORE,
    PRETRAINED,
    Images,
)
from sslkit.views.augment import Augmentation


def regimes(images: Images, start: str | None) -> Iterator[Recipe]:
    """Which phase the constant rate governs, from which start; other rates."""
    for draw in range(FACTOR_DRAWS):
        for arm in ARMS:
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
        for arm in ARMS if start else ():
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


def pretext(images: Images) -> Iterator[Recipe]:
    """Read-out by layer, the rotated control, other recipes of the field."""
    for draw in range(FACTOR_DRAWS):
        for arm in PRETRAINED:
            one = images.recipe(arm, fraction=FEW, draw=draw)
            yield replace(one, protocols=("layers",), variant="layers")
            yield _field(replace(one, variant="field"))
            if isinstance(one.method, rotnet.Settings):
                shuffled = replace(one.method, shuffled=True)
                yield replace(one, method=shuffled, variant="rotated")
            else:
                yield replace(one, pretraining=_LONG, variant="long")
        for arm in ("random", "supervised"):
            one = images.recipe(arm, fraction=FEW, draw=draw)
            if arm == "random":
                yield replace(one, protocols=("layers",), variant="layers")
            else:
                yield _field(replace(one, variant="field"))


def hue_kept(images: Images) -> Iterator[Recipe]:
    """SimCLR whose two views of an image have the same hue."""
    for draw in range(FACTOR_DRAWS):
        one = images.recipe("simclr", fraction=FEW, draw=draw, variant="hue kept")
        assert isinstance(one.method, simclr.Settings)
        views = replace(one.method.augmentation, hue=0.0)
        method = replace(one.method, augmentation=views)
        yield replace(one, method=method, protocols=("linear",))


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


def amounts(images: Images) -> Iterator[Recipe]:
    """More unlabelled images of the same kind, for as many epochs and as many steps."""
    for fraction, draw in AMOUNTS_AT:
        for arm in PRETRAINED:
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


def others(images: Images, other: Data) -> Iterator[Recipe]:
    """Unlabelled images of another kind, as many as there are of the own."""
    for fraction, draw in AMOUNTS_AT:
        one = images.recipe("simclr", fraction=fraction, draw=draw)
        rows = _rows(one)
        more = len(rows.unlabelled) - len(rows.train)
        theirs = replace(other, image_size=one.data.image_size)
        classes = len(catalogue(theirs).classes)
        extra = replace(theirs, limit=math.ceil(more / classes))
        longer = _pretrained_for_as_long(one)
        if fraction != FEW:
            yield longer
        added = replace(longer, extra_unlabelled=extra)
        yield replace(added, variant="budget + other")
        if fraction == FEW:
            yield replace(added, pretrain="extra", variant="other alone")


def _rows(one: Recipe) -> Split:
    return split_of(one, catalogue(one.data))


def _steps(training: Training, rows: Tensor) -> int:
    """The steps that training takes on some rows for all of its epochs."""
    return training.epochs * math.ceil(len(rows) / training.batch_size)

"""Costs: about how long recipes will take on this machine, before they start."""

from __future__ import annotations

import time
from collections.abc import Iterable

from torch import Tensor

from sslkit.images.imageset import ImageSet
from sslkit.judging.classifier import Classifier, new_head
from sslkit.judging.protocols import UNFROZEN
from sslkit.learning.devices import launch
from sslkit.learning.encoders import Encoder
from sslkit.learning.loop import fit
from sslkit.learning.objective import Objective
from sslkit.learning.training import Training
from sslkit.runs.inputs import load_images, split_of
from sslkit.runs.keys import pretraining_key, pretraining_rows
from sslkit.runs.recipes import Recipe

REHEARSED = 8  # steps that are timed, after as many that are not
FORWARD = 1 / 3  # of a step: a pass without gradients


def predict(todo: Iterable[Recipe]) -> float:
    """Seconds that recipes take one after another, by a rehearsal of each kind of step.

    Steps of pretraining, of fine-tuning and of self-training are counted, and images on
    which a loss is only watched; a pretraining that several recipes share counts once.
    Frozen heads, reading the images, and labelling them once a round of self-training
    are left out: they are small beside the rest.

    Args:
        todo: The recipes; their images are loaded.
    """
    rehearsed: dict[object, float] = {}  # seconds an image, by kind of step
    known: set[str] = set()
    total = 0.0
    for one in todo:
        images = load_images(one.data, one.extra_unlabelled)
        rows = split_of(one, images)
        phases: list[tuple[bool, Training, int, int]] = []
        key = pretraining_key(one, images, rows)
        if key is not None and key not in known:
            known.add(key)
            learnt, watched = pretraining_rows(one, images, rows)
            watching = 0 if watched is None else len(watched)
            phases.append((True, one.pretraining, len(learnt), watching))
        for protocol in one.protocols:
            if protocol in UNFROZEN:
                phases.append((False, one.downstream, len(rows.train), len(rows.val)))
        for pretext, training, count, watching in phases:
            views = one.method if pretext else one.augmentation
            kind = one.data, one.encoder, views, training.batch_size, training.sizes
            if kind not in rehearsed:
                rehearsed[kind] = _rehearse(one, training, pretext=pretext)
            steps = training.steps or training.epochs * training.epoch_steps(count)
            passes = steps * min(count, training.batch_size)
            total += rehearsed[kind] * (passes + FORWARD * training.epochs * watching)
    return total


def _rehearse(one: Recipe, training: Training, *, pretext: bool) -> float:
    """Seconds an image of the steps of a phase, measured."""
    images = load_images(one.data)
    encoder = Encoder(one.encoder)
    if pretext and one.method is not None:
        objective: Objective = one.method.objective(encoder)
    else:
        head = new_head("linear", encoder.dim, len(images.classes))
        objective = Classifier(encoder, head, one.augmentation)
    rows = images.rows("train")[: training.batch_size]
    sizes, precision = training.sizes, one.precision
    return rehearse(objective, images, rows, sizes=sizes, precision=precision)


def rehearse(
    objective: Objective,
    images: ImageSet,
    rows: Tensor,
    *,
    sizes: tuple[int, ...] = (),
    precision: str = "auto",
) -> float:
    """Seconds an image of the steps of an objective, measured.

    Args:
        objective: What would learn; it takes a few steps at hardly any rate.
        images: Where the rows are.
        rows: ``(N,)`` int64, the images of a step.
        sizes: Of the views, where they grow, as in ``Training``; each gets its share.
        precision: Lightning's name for it, or ``"auto"``.
    """
    took = []
    timed = max(REHEARSED, len(sizes))
    for steps in (timed, timed, 2 * timed):  # the first is a warm-up
        began = time.perf_counter()
        fit(
            objective,
            images,
            rows,
            validation=None,
            training=Training(
                lr=1e-6, epochs=1, steps=steps, batch_size=len(rows), sizes=sizes
            ),
            seed=0,
            fabric=launch(precision),
            title="rehearsal",
            bar=False,
        )
        took.append(time.perf_counter() - began)
    return max(took[2] - took[1], took[2] / 4) / timed / len(rows)

"""A recipe from a method's name, a profile, and what differs from the profile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

from sslkit.images.splits import SELECTED_FROM
from sslkit.judging.protocols import UNFROZEN
from sslkit.learning.choices import check_choice
from sslkit.learning.encoders import Backbone, stem_for
from sslkit.learning.training import Training
from sslkit.methods import METHODS
from sslkit.runs.arms import ARMS
from sslkit.runs.profiles import PROFILES, SHAPES_VIEWS, Profile
from sslkit.runs.recipes import OF_NETWORKS, Data, Recipe

_ALONE = [arm for arm in ARMS.values() if not arm.pretrained]
FROZEN = tuple(arm.name for arm in _ALONE if arm.only is None)
"""Nothing but a head learns."""
BASELINES = tuple(arm.name for arm in _ALONE)

# The study compared a schedule from 3e-4 with a constant rate of 5e-6.
_CONSTANT_SHARE = 1 / 60


def recipe(
    method: str,
    *,
    profile: str = "quick",
    data: str | None = None,
    fraction: float | None = None,
    labels: int | None = None,
    draw: int = 0,
    seed: int = 0,
    pretraining_seed: int | None = None,
    image_size: int | None = None,
    classes: Sequence[str] | None = None,
    groups: str | None = None,
    test: Literal["given", "image", "group"] = "given",
    limit: int | None = None,
    bits: int | None = None,
    on_error: Literal["raise", "skip"] = "raise",
    backbone: Backbone | None = None,
    init: str | None = None,
    schedule: Literal["cosine", "constant"] = "cosine",
    lr: float | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    pretrain: Literal["budget", "labelled", "all", "everything"] | None = None,
    protocols: tuple[str, ...] | None = None,
    variant: str = "base",
) -> Recipe:
    """A recipe from a method's name, a profile and what differs from the profile.

    Supervised training and self-training get the steps of pretraining on top of their
    own, so that no arm learns for longer than another; or as many as the profile found
    them to gain from.

    Args:
        method: A name of ``METHODS``, as ``"simclr"``; ``"supervised"``, or
            ``"supervised-plain"``, whose views leave the colours alone;
            ``"selftrain"``, which labels images by itself; ``"random"``, an encoder
            that never learnt, or ``"start"``, one that learnt elsewhere, by its
            ``init``; or ``"histogram"``, handmade features of colour and texture,
            without any network.
        profile: ``"smoke"``, ``"quick"``, ``"study-small"``, ``"few-labels"`` or
            ``"study"``.
        data: A built-in set or a folder; the profile's if not given.
        fraction: Share of the labels, in (0, 1]; 0.05 if not given.
        labels: In its place, how many labels a class.
        draw: Which labels; published ones start at 0, tuning uses 100 and above.
        seed: Which initial weights and order.
        pretraining_seed: The same of pretraining: ``seed`` if not given, but 0 where
            pretraining sees ``"everything"``, and all draws and seeds share it.
        image_size: Side in pixels.
        classes: A subset of the classes.
        groups: Pattern or CSV column of what belongs together.
        test: Where the test images come from.
        limit: At most this many images a class.
        bits: How many bits the values in files of 16 bits use, if not as many as they
            seem to.
        on_error: What to do with a file that cannot be read.
        backbone: ``"tiny"``, ``"small"``, ``"resnet18"``, ``"resnet34"`` or
            ``"resnet50"``. Another than the profile's is pretrained by Adam at the
            study's rate of 3e-4 at most, and a ResNet learns from labels so, too; the
            rates of SGD stay.
        init: Starting weights.
        schedule: Of all phases. ``"constant"`` also means a sixtieth of the rate, as
            the study's 5e-6 was of its 3e-4.
        lr: Of pretraining and of fine-tuning alike; the profile's if not given.
        epochs: Of pretraining and of fine-tuning alike, as passes over the images of
            each. Where pretraining sees more images than the budget has, supervised
            training then gets as many passes and fewer steps.
        batch_size: Images a step, of pretraining and of fine-tuning alike.
        pretrain: On the ``"budget"``, as the study did, on all its ``"labelled"``
            images, on ``"all"`` of the pool or on ``"everything"``.
        protocols: How to judge; the profile's if not given. An arm without pretraining
            is judged in those that it can have: supervised training by itself, what is
            frozen without what would train it.
        variant: What was changed against the profile, in a word: a label.

    Raises:
        ValueError: If the method or the profile is unknown, or a value is out of range.
    """
    check_choice("method", method, (*BASELINES, *METHODS))
    check_choice("profile", profile, PROFILES)
    check_choice("schedule", schedule, ("cosine", "constant"))
    start = PROFILES[profile]
    if fraction is None and labels is None:
        fraction = 0.05
    if fraction is not None and not 0 < fraction <= 1:
        raise ValueError(f"fraction is {fraction}; it must be above 0 and at most 1")
    if method == "start" and init in (None, "random"):
        raise ValueError("start needs weights: init='imagenet', or an encoder file")
    if method == "histogram":
        if backbone not in (None, "histogram"):
            raise ValueError(f"a histogram is no network: leave '{backbone}' out")
        backbone = "histogram"
    name = start.data if data is None else data
    own = backbone in (None, start.encoder.backbone)
    by_adam = start.pretraining.optimiser != "sgd"
    tuned = start.tuned.get(method, {}) if own or not by_adam else {}
    pretraining, downstream, probe = (
        replace(getattr(start, part), **tuned.get(part, {}))
        for part in ("pretraining", "downstream", "probe")
    )
    if not own and by_adam:  # what suits a small encoder is far too fast for others
        pretraining = replace(pretraining, lr=min(pretraining.lr, Training.lr))
    if not own and (backbone or "").startswith("resnet"):
        downstream = replace(downstream, lr=min(downstream.lr, Training.lr))
    size = start.image_size if image_size is None else image_size
    pretraining = replace(pretraining, sizes=_grown(pretraining.sizes, start, size))
    if schedule == "constant":
        pretraining, downstream, probe = map(constant, (pretraining, downstream, probe))
    if lr is not None:
        pretraining, downstream = (
            replace(pretraining, lr=lr),
            replace(downstream, lr=lr),
        )
    if epochs is not None:
        pretraining = replace(pretraining, epochs=epochs, steps=None)
        downstream = replace(downstream, epochs=epochs, steps=None)
    if batch_size is not None:
        pretraining = replace(pretraining, batch_size=batch_size)
        downstream = replace(downstream, batch_size=batch_size)
    views = SHAPES_VIEWS if name == "shapes" else start.views
    plain = replace(views, jitter=0.0, greyscale=0.0, blur=0.0)
    settings: Any = METHODS[method].with_views(views) if method in METHODS else None
    if settings is not None:
        settings = replace(settings, **tuned.get("method", {}))
    protocols = protocols or start.protocols
    if method in FROZEN:
        unfit = OF_NETWORKS if method == "histogram" else UNFROZEN
        protocols = tuple(p for p in protocols if p not in unfit)
    elif method in BASELINES:
        if "steps" not in tuned.get("downstream", {}):
            downstream = _longer(downstream, pretraining)
        protocols = ("selftrain",) if method == "selftrain" else ("finetune",)
    encoder = replace(
        start.encoder,
        backbone=backbone or start.encoder.backbone,
        stem=stem_for(size, init or "random"),
        init=init or start.encoder.init,
    )
    pretrain = pretrain or start.pretrain
    if pretraining_seed is None:
        pretraining_seed = 0 if pretrain == "everything" else seed
    few = labels is not None and labels < SELECTED_FROM
    return Recipe(
        data=Data(
            name=name,
            image_size=size,
            classes=tuple(classes) if classes else None,
            groups=groups,
            test=test,
            limit=start.limit if limit is None else limit,
            bits=bits,
            on_error=on_error,
        ),
        method=settings,
        encoder=encoder,
        pretraining=pretraining,
        downstream=downstream,
        probe=probe,
        augmentation=plain if method == "supervised-plain" else views,
        fraction=fraction,
        labels=labels,
        draw=draw,
        seed=seed,
        pretraining_seed=pretraining_seed,
        pretrain=pretrain,
        selection="last" if few else "validation",
        protocols=protocols,
        arm=method,
        profile=profile,
        variant=variant,
    )


def constant(training: Training) -> Training:
    """The same at a sixtieth of the rate, all the time, as in the study."""
    rate = training.lr * _CONSTANT_SHARE
    return replace(training, schedule="constant", lr=rate, warmup=0.0)


def _grown(sizes: tuple[int, ...], start: Profile, size: int) -> tuple[int, ...]:
    """The sizes of views that grow, for images of another size than the profile's.

    Smaller images keep theirs: there is nothing to save.
    """
    if size < start.image_size:
        return ()
    return tuple(round(one * size / start.image_size) for one in sizes)


def _longer(downstream: Training, pretraining: Training) -> Training:
    """``downstream`` with the length of ``pretraining`` added."""
    if downstream.steps and pretraining.steps:
        return replace(downstream, steps=downstream.steps + pretraining.steps)
    return replace(downstream, epochs=downstream.epochs + pretraining.epochs)

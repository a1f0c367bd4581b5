"""Profiles: the values that recipes start from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from sslkit.learning.encoders import EncoderSettings
from sslkit.learning.training import Training
from sslkit.views.augment import Augmentation

# What the images may be changed in without changing what they are: SimCLR's views,
# RotNet's jitter, and the views of every arm while labels train the encoder. So that
# knowledge of ours favours no arm.
_VIEWS = Augmentation(
    crop=(0.3, 1.0),
    flip=0.5,
    jitter=0.8,
    brightness=0.4,
    contrast=0.4,
    saturation=0.4,
    hue=0.1,
    greyscale=0.1,
)
# shapes: hue over the full circle, for the images' hue says nothing of the class.
SHAPES_VIEWS = replace(
    _VIEWS,
    crop=(0.2, 1.0),
    brightness=0.6,
    contrast=0.6,
    saturation=0.6,
    hue=0.5,
    greyscale=0.4,
)
_STUDY_VIEWS = replace(
    _VIEWS,
    crop=(0.08, 1.0),
    brightness=0.8,
    contrast=0.8,
    saturation=0.8,
    hue=0.2,
    greyscale=0.2,
)


@dataclass(frozen=True, kw_only=True)
class Profile:
    """Starting values of a recipe; a chapter or a user overrides what differs.

    Attributes:
        tuned: What an arm was found to want otherwise (``tools.tuning``): by its name,
            then by the part of a recipe, the fields that differ.
    """

    data: str
    image_size: int
    encoder: EncoderSettings
    pretraining: Training
    downstream: Training
    probe: Training
    views: Augmentation
    pretrain: Literal["budget", "labelled", "all", "everything"]
    protocols: tuple[str, ...]
    limit: int | None = None
    tuned: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)


_ALL = ("linear", "mlp", "finetune", "knn")

_QUICK = Profile(
    data="shapes",
    image_size=32,
    encoder=EncoderSettings(backbone="tiny"),
    pretraining=Training(lr=1e-2, warmup=0.05, epochs=30, steps=2400, batch_size=128),
    downstream=Training(lr=3e-3, epochs=30, steps=300, batch_size=64),
    probe=Training(lr=1e-2, epochs=30, steps=300, batch_size=64),
    views=_VIEWS,
    pretrain="all",
    protocols=("linear", "finetune"),
    tuned={
        "simclr": {"pretraining": {"lr": 6e-2}},
        "byol": {"method": {"momentum": (0.9, 1.0)}},  # it has but 2400 steps
        "vicreg": {"pretraining": {"lr": 6e-2}},
    },
)

# Four turns of an image are four views: as many views a step as SimCLR has.
_ROTNET = {"lr": 0.1, "weight_decay": 1e-4, "batch_size": 128}
_ALONE = {"lr": 1e-3, "steps": 4000}

PROFILES: dict[str, Profile] = {
    "smoke": replace(
        _QUICK,
        limit=200,  # ten labels a class at 5 %: the least that has validation images
        pretraining=replace(_QUICK.pretraining, epochs=2, steps=4, batch_size=32),
        downstream=replace(_QUICK.downstream, epochs=2, steps=4),
        probe=replace(_QUICK.probe, epochs=2, steps=4),
    ),
    "quick": _QUICK,
    "study-small": replace(
        _QUICK,
        data="cifar10",
        pretraining=replace(_QUICK.pretraining, lr=3e-3, steps=None, batch_size=64),
        downstream=replace(_QUICK.downstream, steps=None),
        probe=replace(_QUICK.probe, steps=None),
        pretrain="budget",
        protocols=_ALL,
        tuned={},
    ),
    "few-labels": Profile(
        data="cifar10",
        image_size=32,
        encoder=EncoderSettings(backbone="small"),
        pretraining=Training(
            optimiser="sgd",
            lr=0.12,
            warmup=0.05,
            epochs=60,
            steps=6000,
            batch_size=256,
            weight_decay=5e-4,
            sizes=(16, 16, 16, 24, 24, 32),  # half the time; found in ``speed``
        ),
        downstream=Training(lr=3e-3, epochs=40, steps=2000, batch_size=64),
        probe=Training(lr=3e-2, epochs=20, steps=800, batch_size=64),
        views=replace(_VIEWS, crop=(0.2, 1.0)),
        pretrain="everything",
        protocols=("linear", "knn"),
        # The best means over three sets (book/study-plan.md); BYOL and VICReg are to be
        # tuned before they are run.
        tuned={
            "simclr": {"pretraining": {"lr": 0.06}, "method": {"temperature": 0.2}},
            "rotnet": {"pretraining": _ROTNET},
            "rotnet-jitter": {"pretraining": _ROTNET},
            "supervised": {"downstream": _ALONE},
            "supervised-plain": {"downstream": _ALONE},
            "selftrain": {"downstream": _ALONE},
        },
    ),
    "study": replace(
        _QUICK,
        data="cifar10",
        image_size=32,
        encoder=EncoderSettings(backbone="resnet50"),
        pretraining=Training(),
        downstream=Training(),
        probe=Training(),
        views=_STUDY_VIEWS,
        pretrain="budget",
        protocols=_ALL,
        tuned={},
    ),
}

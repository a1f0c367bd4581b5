"""Recipes: everything that decides a run."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from sslkit import methods
from sslkit.views.augment import Augmentation
from sslkit.learning.encoders import Backbone
from sslkit.learning.encoders import EncoderSettings as Encoder
from sslkit.judging.evaluate import PROTOCOLS
from sslkit.methods import METHODS
from sslkit.runs.profiles import PROFILES, SHAPES_VIEWS
from sslkit.learning.training import Training

ARMS = ("supervised", "supervised-plain", "random", *METHODS)


@dataclass(frozen=True, kw_only=True)
class Data:
    """Which images; the arguments of ``sslkit.load`` and ``sslkit.split``.

    Attributes:
        name: ``"shapes"``, torchvision's ``"cifar10"``, ``"stl10"``,
            ``"fashionmnist"``, or a folder.
        image_size: Side in pixels.
        classes: A subset of the classes, or all.
        groups: Pattern or CSV column that says which images belong together, or none.
        test: ``"given"``, or set aside by ``"image"`` or by ``"group"``.
        limit: At most this many images a class, or all.
        balance: Cut the pool to the smallest class.
        on_error: ``"raise"`` or ``"skip"``, for a file that cannot be read.
    """

    name: str = "shapes"
    image_size: int = 32
    classes: tuple[str, ...] | None = None
    groups: str | None = None
    test: Literal["given", "image", "group"] = "given"
    limit: int | None = None
    balance: bool = True
    on_error: Literal["raise", "skip"] = "raise"


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides a run.

    Attributes:
        data: The images.
        method: Settings of a method, or ``None``: no pretraining. Without pretraining,
            fine-tuning is supervised training and a linear probe the random floor.
        encoder: Backbone, stem, starting weights.
        pretraining: Training without labels.
        downstream: Fine-tuning, or supervised training.
        probe: Training of a head on frozen features.
        augmentation: Random views while labels train the encoder.
        fraction: Share of the pool whose labels may be used.
        draw: Which labels.
        seed: Which initial weights and which order.
        pretrain: Pretrain on the training images of the ``"budget"`` alone, as the
            study did, on ``"all"`` images of the pool but the validation ones, or on
            the ``"extra"`` ones alone. Never with labels.
        extra_unlabelled: Another source, whose images (less its test part) are added to
            those that pretraining learns from.
        protocols: How the encoder is judged.
        precision: Lightning's name for it; ``"auto"`` is bf16 on CUDA, else 32 bits.
        profile: Where the values came from. A label; it decides nothing.
        variant: What was changed against the profile, in a word. A label, too.
    """

    data: Data = field(default_factory=Data)
    method: methods.Settings | None
    encoder: Encoder = field(default_factory=Encoder)
    pretraining: Training = field(default_factory=Training)
    downstream: Training = field(default_factory=Training)
    probe: Training = field(default_factory=Training)
    augmentation: Augmentation = field(default_factory=Augmentation)
    fraction: float
    draw: int = 0
    seed: int = 0
    pretrain: Literal["budget", "all", "extra"] = "budget"
    extra_unlabelled: Data | None = None
    protocols: tuple[str, ...] = ("linear", "finetune")
    precision: str = "auto"
    profile: str = ""
    variant: str = "base"

    def __post_init__(self) -> None:
        unknown = set(self.protocols) - set(PROTOCOLS)
        if unknown or not self.protocols:
            raise ValueError(f"protocols {self.protocols}: choose from {PROTOCOLS}")
        if self.pretrain not in ("budget", "all", "extra"):
            raise ValueError(f"pretrain '{self.pretrain}' is not budget, all or extra")
        if self.pretrain == "extra" and self.extra_unlabelled is None:
            raise ValueError("pretrain 'extra' needs extra_unlabelled, a source")

    @property
    def arm(self) -> str:
        """The method's name, ``scratch`` without pretraining."""
        return "scratch" if self.method is None else self.method.name


def method_name(recipe: Recipe, protocol: str) -> str:
    """What tables call it; without pretraining, the protocol says what it was."""
    if recipe.method is not None:
        return recipe.method.name
    if protocol != "finetune":
        return "random" if recipe.encoder.init == "random" else "start"
    return "supervised" if recipe.augmentation.jitter else "supervised-plain"


def describe(recipe: Recipe) -> str:
    """A recipe in a few words: arm, fraction and draw."""
    name = method_name(recipe, recipe.protocols[0])
    variant = "" if recipe.variant == "base" else f" ({recipe.variant})"
    return f"{name}{variant}, fraction {recipe.fraction:g}, draw {recipe.draw}"


# ------------------------------------------------------------------- a recipe

# The study compared a schedule from 3e-4 with a constant rate of 5e-6.
_CONSTANT_SHARE = 1 / 60


def recipe(
    method: str,
    *,
    profile: str = "quick",
    data: str | None = None,
    fraction: float = 0.05,
    draw: int = 0,
    seed: int = 0,
    image_size: int | None = None,
    classes: Sequence[str] | None = None,
    groups: str | None = None,
    test: Literal["given", "image", "group"] = "given",
    limit: int | None = None,
    on_error: Literal["raise", "skip"] = "raise",
    backbone: Backbone | None = None,
    init: str | None = None,
    schedule: Literal["cosine", "constant"] = "cosine",
    lr: float | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    pretrain: Literal["budget", "all"] | None = None,
    protocols: tuple[str, ...] | None = None,
) -> Recipe:
    """A recipe from a method's name, a profile and what differs from the profile.

    Supervised training gets the steps of pretraining on top of its own, so that no arm
    learns for longer than another.

    Args:
        method: ``"rotnet"``, ``"rotnet-jitter"``, ``"simclr"``; ``"supervised"``, or
            ``"supervised-plain"``, whose views leave the colours alone; or
            ``"random"``, an encoder that never learnt.
        profile: ``"smoke"``, ``"quick"``, ``"study-small"`` or ``"study"``.
        data: A built-in set or a folder; the profile's if not given.
        fraction: Share of the labels, in (0, 1].
        draw: Which labels; published ones start at 0, tuning uses 100 and above.
        seed: Which initial weights and order.
        image_size: Side in pixels.
        classes: A subset of the classes.
        groups: Pattern or CSV column of what belongs together.
        test: Where the test images come from.
        limit: At most this many images a class.
        on_error: What to do with a file that cannot be read.
        backbone: ``"tiny"``, ``"resnet18"``, ``"resnet34"``, ``"resnet50"``. Another
            than the profile's is pretrained at the study's rate of 3e-4 at most: what
            suits a tiny encoder is far too high for a ResNet.
        init: Starting weights.
        schedule: Of all phases. ``"constant"`` also means a sixtieth of the rate, as
            the study's 5e-6 was of its 3e-4.
        lr: Of pretraining and of fine-tuning alike; the profile's if not given.
        epochs: Of pretraining and of fine-tuning alike, as passes over the images.
        batch_size: Images a step, of pretraining and of fine-tuning alike.
        pretrain: On the ``"budget"`` or on ``"all"`` images.
        protocols: How to judge; the profile's if not given.

    Raises:
        ValueError: If the method or the profile is unknown, or a value is out of range.
    """
    if method not in ARMS:
        raise ValueError(f"method '{method}' is not one of {', '.join(ARMS)}")
    if profile not in PROFILES:
        raise ValueError(f"profile '{profile}' is not one of {', '.join(PROFILES)}")
    start = PROFILES[profile]
    if not 0 < fraction <= 1:
        raise ValueError(f"fraction is {fraction}; it must be above 0 and at most 1")
    name = data or start.data
    pretraining, downstream = start.pretraining, start.downstream
    if backbone in (None, start.encoder.backbone):
        rate = start.lr.get(method, pretraining.lr)
    else:
        rate = min(pretraining.lr, Training.lr)
    pretraining = replace(pretraining, lr=rate)
    probe = start.probe
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
    settings = METHODS[method].with_views(views) if method in METHODS else None
    protocols = protocols or start.protocols
    if method.startswith("supervised"):
        downstream = _longer(downstream, pretraining)
        protocols = ("finetune",)
    elif method == "random":
        protocols = tuple(p for p in protocols if p != "finetune")
    size = start.image_size if image_size is None else image_size
    encoder = replace(
        start.encoder,
        backbone=backbone or start.encoder.backbone,
        stem="small" if size <= 64 and init != "imagenet" else "image",
        init=init or start.encoder.init,
    )
    return Recipe(
        data=Data(
            name=name,
            image_size=size,
            classes=tuple(classes) if classes else None,
            groups=groups,
            test=test,
            limit=start.limit if limit is None else limit,
            on_error=on_error,
        ),
        method=settings,
        encoder=encoder,
        pretraining=pretraining,
        downstream=downstream,
        probe=probe,
        augmentation=plain if method == "supervised-plain" else views,
        fraction=fraction,
        draw=draw,
        seed=seed,
        pretrain=pretrain or start.pretrain,
        protocols=protocols,
        profile=profile,
    )


def constant(training: Training) -> Training:
    """The same at a sixtieth of the rate, all the time, as in the study."""
    rate = training.lr * _CONSTANT_SHARE
    return replace(training, schedule="constant", lr=rate, warmup=0.0)


def _longer(downstream: Training, pretraining: Training) -> Training:
    """``downstream`` with the length of ``pretraining`` added."""
    if downstream.steps and pretraining.steps:
        return replace(downstream, steps=downstream.steps + pretraining.steps)
    return replace(downstream, epochs=downstream.epochs + pretraining.epochs)


# ----------------------------------------------------------------------- JSON


def to_dict(recipe: Recipe) -> dict[str, Any]:
    """The recipe as plain values for JSON; ``from_dict`` reads it back."""
    plain = dataclasses.asdict(recipe)
    if recipe.method is not None:
        plain["method"]["file"] = _file(recipe.method)
    return plain


def from_dict(plain: dict[str, Any]) -> Recipe:
    """A recipe from the plain values of ``to_dict``.

    Raises:
        TypeError: If a field is unknown or missing.
    """
    plain = dict(plain)
    if plain.get("method") is not None:
        settings = dict(plain["method"])
        kinds = {_file(kind): type(kind) for kind in METHODS.values()}
        plain["method"] = _decode(kinds[settings.pop("file")], settings)
    return _decode(Recipe, plain)


def _file(settings: methods.Settings) -> str:
    """The file in ``methods/`` that some settings belong to."""
    return type(settings).__module__.rsplit(".", 1)[-1]


def _decode(kind: Any, value: Any) -> Any:
    """A value of the declared type: dataclasses from dicts, tuples from lists."""
    if isinstance(value, dict):
        # Of "Data | None", the one that can be made from a dict.
        kind = next(filter(dataclasses.is_dataclass, typing.get_args(kind)), kind)
        hints = typing.get_type_hints(kind)
        unknown = set(value) - set(hints)
        if unknown:
            raise TypeError(
                f"{kind.__name__} has no field {', '.join(sorted(unknown))}"
            )
        return kind(**{name: _decode(hints[name], v) for name, v in value.items()})
    return tuple(value) if isinstance(value, list) else value

"""Recipes: everything that decides a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from sslkit.judging.protocols import PROTOCOLS, UNFROZEN
from sslkit.learning.choices import check_choice, check_choices
from sslkit.learning.encoders import EncoderSettings
from sslkit.learning.training import Training
from sslkit.methods.settings import Settings
from sslkit.views.augment import Augmentation

OF_NETWORKS = (*UNFROZEN, "layers")
"""Protocols that want weights that can learn, or stages: a histogram has neither."""


@dataclass(frozen=True, kw_only=True)
class Data:
    """Which images; the arguments of ``sslkit.load`` and ``sslkit.split``.

    Attributes:
        name: ``"shapes"``, torchvision's ``"cifar10"``, ``"stl10"``,
            ``"fashionmnist"``, MedMNIST's ``"bloodmnist"``, ``"pathmnist"``, or a
            folder.
        image_size: Side in pixels.
        classes: A subset of the classes, or all.
        groups: Pattern or CSV column that says which images belong together, or none.
        test: ``"given"``, or set aside by ``"image"`` or by ``"group"``.
        limit: At most this many images a class, or all.
        bits: How many bits the values in files of 16 bits use, if not as many as they
            seem to.
        balance: Cut the pool to the smallest class.
        on_error: ``"raise"`` or ``"skip"``, for a file that cannot be read.

    Raises:
        ValueError: If ``test`` or ``on_error`` is none of these.
    """

    name: str = "shapes"
    image_size: int = 32
    classes: tuple[str, ...] | None = None
    groups: str | None = None
    test: Literal["given", "image", "group"] = "given"
    limit: int | None = None
    bits: int | None = None
    balance: bool = True
    on_error: Literal["raise", "skip"] = "raise"

    def __post_init__(self) -> None:
        check_choices(self)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides a run.

    Attributes:
        data: The images.
        method: Settings of a method, or ``None``: no pretraining. Without pretraining,
            fine-tuning is supervised training and a linear probe the random floor.
        encoder: Backbone, stem, starting weights; a ``"histogram"`` can only be judged
            as it is.
        pretraining: Training without labels.
        downstream: Fine-tuning, or supervised training; the steps of self-training.
        probe: Training of a head on frozen features.
        augmentation: Random views while labels train the encoder.
        fraction: Share of the pool whose labels may be used; or
        labels: how many labels a class. One of the two is given.
        draw: Which labels.
        seed: Which order of the images, and which initial weights of what learns from
            labels.
        pretraining_seed: The same of pretraining. Apart from ``seed`` and ``draw``, so
            that runs whose pretraining depends on neither share it.
        pretrain: Pretrain on the training images of the ``"budget"`` alone, as the
            study did; on its ``"labelled"`` images, validation ones, too; on ``"all"``
            images of the pool but the validation ones; on ``"everything"``, every
            training and every unlabelled image, balanced or not, so that one encoder
            serves every share and draw; or on the ``"extra"`` ones alone. Never with
            labels, never on test images.
        pretrain_images: At most so many of them, drawn by ``pretraining_seed``, fewer
            within more; ``None``: all.
        extra_unlabelled: Another source, whose images (less its test part) are added to
            those that pretraining learns from.
        selection: The epoch that is tested: of the lowest ``"validation"`` loss, or the
            ``"last"``. Below ten labels a class there are no validation images, and it
            is always the last.
        protocols: How the encoder is judged.
        precision: Lightning's name for it; ``"auto"`` is bf16 where the device
            computes in it, else 32 bits.
        arm: What tables call it. A label; it decides nothing.
        profile: Where the values came from. A label, too.
        variant: What was changed against the profile, in a word. A label, too.

    Raises:
        ValueError: If a value is out of range, or values do not fit together.
    """

    data: Data = field(default_factory=Data)
    method: Settings | None
    encoder: EncoderSettings = field(default_factory=EncoderSettings)
    pretraining: Training = field(default_factory=Training)
    downstream: Training = field(default_factory=Training)
    probe: Training = field(default_factory=Training)
    augmentation: Augmentation = field(default_factory=Augmentation)
    fraction: float | None = None
    labels: int | None = None
    draw: int = 0
    seed: int = 0
    pretraining_seed: int = 0
    pretrain: Literal["budget", "labelled", "all", "everything", "extra"] = "budget"
    pretrain_images: int | None = None
    extra_unlabelled: Data | None = None
    selection: Literal["validation", "last"] = "validation"
    protocols: tuple[str, ...] = ("linear", "finetune")
    precision: str = "auto"
    arm: str = ""
    profile: str = ""
    variant: str = "base"

    def __post_init__(self) -> None:
        check_choices(self)
        for protocol in self.protocols:
            check_choice("protocol", protocol, PROTOCOLS)
        if not self.protocols:
            raise ValueError(f"protocols is empty: choose from {', '.join(PROTOCOLS)}")
        if (self.fraction is None) == (self.labels is None):
            raise ValueError(
                f"fraction is {self.fraction} and labels is {self.labels}; a recipe "
                "has one of them"
            )
        for name in ("draw", "seed", "pretraining_seed"):
            if not 0 <= getattr(self, name) < 2**63:  # what random numbers start from
                raise ValueError(
                    f"{name} is {getattr(self, name)}; it must be from 0 to 2**63 - 1"
                )
        if self.pretrain == "extra" and self.extra_unlabelled is None:
            raise ValueError("pretrain 'extra' needs extra_unlabelled, a source")
        if self.encoder.backbone == "histogram":
            wanted = [p for p in self.protocols if p in OF_NETWORKS]
            if self.method is not None or wanted:
                asked = ", ".join(wanted or ["pretraining"])
                raise ValueError(f"a histogram has no weights and no stages: {asked}?")


def arm_name(recipe: Recipe, protocol: str) -> str:
    """What tables call a recipe as judged by a protocol.

    Without pretraining the protocol decides: labels that train everything are
    supervised training, or self-training; a head on frozen features is the floor of
    its start, or of handmade features.
    """
    if recipe.method is not None:
        return recipe.arm or recipe.method.name
    if protocol == "selftrain":
        return protocol
    if protocol == "finetune":
        return recipe.arm or "supervised"
    if recipe.encoder.backbone == "histogram":
        return "histogram"
    return "random" if recipe.encoder.init == "random" else "start"


def budget(recipe: Recipe) -> str:
    """How many labels, in words: ``"5 % of the labels"``, ``"10 labels a class"``."""
    if recipe.fraction is None:
        return f"{recipe.labels} labels a class"
    return f"{100 * recipe.fraction:g} % of the labels"


def describe(recipe: Recipe) -> str:
    """A recipe in a few words: arm, labels and draw."""
    name = arm_name(recipe, recipe.protocols[0])
    variant = "" if recipe.variant == "base" else f" ({recipe.variant})"
    return f"{name}{variant}, {budget(recipe)}, draw {recipe.draw}"

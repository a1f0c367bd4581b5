"""Profiles, written down: the values on which every result of the book rests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sslkit.learning.training import Training
from sslkit.methods import METHODS, rotnet, simclr
from sslkit.runs.from_profile import recipe
from sslkit.runs.profiles import PROFILES
from sslkit.views.augment import Augmentation

# crop from, brightness = contrast = saturation, hue, greyscale; the rest is below.
VIEWS = {
    "smoke": (0.3, 0.4, 0.1, 0.1),
    "quick": (0.3, 0.4, 0.1, 0.1),
    "study-small": (0.3, 0.4, 0.1, 0.1),
    "few-labels": (0.2, 0.4, 0.1, 0.1),
    "study": (0.08, 0.8, 0.2, 0.2),
}
SHAPES = (0.2, 0.6, 0.5, 0.4)  # whatever the profile

GROWING = (16, 16, 16, 24, 24, 32)  # sides of the views, in turn
# Rate, warm-up, epochs, steps, batch size; Adam's, cosine, without decay, but for SGD.
TRAININGS: dict[str, dict[str, tuple[Any, ...]]] = {
    "smoke": {
        "pretraining": (1e-2, 0.05, 2, 4, 32),
        "downstream": (3e-3, 0.0, 2, 4, 64),
        "probe": (1e-2, 0.0, 2, 4, 64),
    },
    "quick": {
        "pretraining": (1e-2, 0.05, 30, 2400, 128),
        "downstream": (3e-3, 0.0, 30, 300, 64),
        "probe": (1e-2, 0.0, 30, 300, 64),
    },
    "study-small": {
        "pretraining": (3e-3, 0.05, 30, None, 64),
        "downstream": (3e-3, 0.0, 30, None, 64),
        "probe": (1e-2, 0.0, 30, None, 64),
    },
    "few-labels": {
        "pretraining": (0.12, 0.05, 60, 6000, 256, "sgd", 5e-4, GROWING),
        "downstream": (3e-3, 0.0, 40, 2000, 64),
        "probe": (3e-2, 0.0, 20, 800, 64),
    },
    "study": {
        "pretraining": (3e-4, 0.0, 100, None, 64),
        "downstream": (3e-4, 0.0, 100, None, 64),
        "probe": (3e-4, 0.0, 100, None, 64),
    },
}
# What was tuned: by profile and method, of its pretraining and of itself.
_SHAPES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "simclr": ({"lr": 6e-2}, {}),
    "byol": ({}, {"momentum": (0.9, 1.0)}),
    "vicreg": ({"lr": 6e-2}, {}),
}
_TURNS = {"lr": 0.1, "weight_decay": 1e-4, "batch_size": 128}
TUNED: dict[str, dict[str, tuple[dict[str, Any], dict[str, Any]]]] = {
    "smoke": _SHAPES,
    "quick": _SHAPES,
    "study-small": {},
    "few-labels": {
        "simclr": ({"lr": 6e-2}, {"temperature": 0.2}),
        "rotnet": (_TURNS, {}),
        "rotnet-jitter": (_TURNS, {}),
    },
    "study": {},
}
# Supervised training: epochs and steps, those of pretraining on top; a rate of its own.
SUPERVISED: dict[str, tuple[Any, ...]] = {
    "smoke": (2, 8),
    "quick": (30, 2700),
    "study-small": (60, None),
    "few-labels": (40, 4000, 1e-3),
    "study": (200, None),
}
# Data, image size, limit, backbone, which images pretrain.
REST = {
    "smoke": ("shapes", 32, 200, "tiny", "all"),
    "quick": ("shapes", 32, None, "tiny", "all"),
    "study-small": ("cifar10", 32, None, "tiny", "budget"),
    "few-labels": ("cifar10", 32, None, "small", "everything"),
    "study": ("cifar10", 32, None, "resnet50", "budget"),
}
FEW = ("linear", "finetune")
ALL = ("linear", "mlp", "finetune", "knn")
PROTOCOLS = {
    "smoke": FEW,
    "quick": FEW,
    "study-small": ALL,
    "few-labels": ("linear", "knn"),
    "study": ALL,
}


def views(crop: float, colours: float, hue: float, greyscale: float) -> Augmentation:
    return Augmentation(
        crop=(crop, 1.0),
        ratio=(3 / 4, 4 / 3),
        flip=0.5,
        jitter=0.8,
        brightness=colours,
        contrast=colours,
        saturation=colours,
        hue=hue,
        greyscale=greyscale,
        blur=0.0,
    )


def training(
    lr: float,
    warmup: float,
    epochs: int,
    steps: int | None,
    batch_size: int,
    optimiser: Any = "adam",
    weight_decay: float = 0.0,
    sizes: tuple[int, ...] = (),
) -> Training:
    return Training(
        optimiser=optimiser,
        lr=lr,
        schedule="cosine",
        warmup=warmup,
        epochs=epochs,
        steps=steps,
        batch_size=batch_size,
        weight_decay=weight_decay,
        sizes=sizes,
    )


def test_every_profile_is_written_down() -> None:
    for table in (VIEWS, TRAININGS, TUNED, SUPERVISED, REST, PROTOCOLS):
        assert {*PROFILES} == {*table}


@pytest.mark.parametrize("profile", TRAININGS)
@pytest.mark.parametrize("method", [*METHODS, "random"])
def test_rates_lengths_and_batches_are_those_written_down(
    method: str, profile: str
) -> None:
    one = recipe(method, profile=profile)
    expected = {name: training(*row) for name, row in TRAININGS[profile].items()}
    pretraining, own = TUNED[profile].get(method, ({}, {}))
    expected["pretraining"] = replace(expected["pretraining"], **pretraining)
    assert {name: getattr(one, name) for name in expected} == expected
    if method in METHODS:
        usual: Any = METHODS[method].with_views(one.augmentation)
        assert one.method == replace(usual, **own)


@pytest.mark.parametrize("profile", SUPERVISED)
@pytest.mark.parametrize("method", ["supervised", "supervised-plain"])
def test_supervised_training_is_as_long_as_written_down(
    method: str, profile: str
) -> None:
    epochs, steps, *own = SUPERVISED[profile]
    lr, warmup, _, _, batch_size = TRAININGS[profile]["downstream"]
    lr = own[0] if own else lr
    found = recipe(method, profile=profile).downstream
    assert found == training(lr, warmup, epochs, steps, batch_size)


@pytest.mark.parametrize("profile", VIEWS)
@pytest.mark.parametrize("data", ["shapes", "a/folder"])
def test_views_are_as_strong_as_written_down(data: str, profile: str) -> None:
    expected = views(*(SHAPES if data == "shapes" else VIEWS[profile]))
    values: dict[str, Any] = {"profile": profile, "data": data}
    one = recipe("simclr", **values)
    temperature = 0.2 if profile == "few-labels" else 0.5
    assert one.method == simclr.Settings(
        augmentation=expected,
        second=None,
        temperature=temperature,
        hidden=None,
        embedding=128,
    )
    assert one.augmentation == expected
    plain = replace(expected, jitter=0.0, greyscale=0.0)
    assert recipe("supervised-plain", **values).augmentation == plain
    colours = replace(expected, crop=None, flip=0.0)
    geometry = Augmentation(crop=(0.5, 1.0), flip=0.5, jitter=0.0, greyscale=0.0)
    for arm, after in (("rotnet", None), ("rotnet-jitter", colours)):
        found = recipe(arm, **values).method
        assert found == rotnet.Settings(before=geometry, after=after, shuffled=False)


@pytest.mark.parametrize("profile", REST)
def test_data_and_encoder_are_those_written_down(profile: str) -> None:
    one = recipe("simclr", profile=profile)
    encoder = one.encoder
    assert REST[profile] == (
        one.data.name,
        one.data.image_size,
        one.data.limit,
        encoder.backbone,
        one.pretrain,
    )
    assert (encoder.stem, encoder.init) == ("small", "random")
    assert one.protocols == PROTOCOLS[profile]
    assert (one.data.test, one.data.balance, one.selection) == (
        *("given", True, "validation"),
    )
    assert one.precision == "auto"


def test_a_constant_rate_is_a_sixtieth_of_it_in_every_phase() -> None:
    one = recipe("simclr", profile="study-small", schedule="constant")
    found = [(t.schedule, t.warmup) for t in (one.pretraining, one.downstream)]
    assert found == [("constant", 0.0)] * 2
    rates = [t.lr for t in (one.pretraining, one.downstream, one.probe)]
    assert rates == pytest.approx([5e-5, 5e-5, 1e-2 / 60])

"""Recipes of records of results version 2, read in today's words."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from sslkit.methods import rotnet
from sslkit.runs.codec import UnknownName, from_dict, to_dict
from sslkit.runs.from_profile import recipe
from sslkit.runs.recipes import Data


def colours_of_2(**changes: Any) -> dict[str, Any]:
    """The views of a record of version 2, as its file has them."""
    return {
        "blur": 0.0,
        "brightness": 0.6,
        "contrast": 0.6,
        "crop": [0.2, 1.0],
        "flip": 0.5,
        "greyscale": 0.4,
        "hue": 0.5,
        "jitter": 0.8,
        "ratio": [0.75, 1.3333333333333333],
        "saturation": 0.6,
    } | changes


def training_of_2(**changes: Any) -> dict[str, Any]:
    return {
        "batch_size": 64,
        "epochs": 30,
        "lr": 0.003,
        "optimiser": "adam",
        "schedule": "cosine",
        "steps": 300,
        "warmup": 0.0,
        "weight_decay": 0.0,
    } | changes


def of_2(**changes: Any) -> dict[str, Any]:
    """A recipe of a record of version 2, as its file has it."""
    return {
        "augmentation": colours_of_2(),
        "data": {
            "balance": True,
            "classes": None,
            "groups": None,
            "image_size": 32,
            "limit": None,
            "name": "shapes",
            "on_error": "raise",
            "test": "given",
        },
        "downstream": training_of_2(),
        "draw": 1,
        "encoder": {"backbone": "tiny", "init": "random", "stem": "small"},
        "extra_unlabelled": None,
        "fraction": 0.25,
        "method": None,
        "precision": "auto",
        "pretrain": "all",
        "pretraining": training_of_2(batch_size=128, lr=0.01, steps=2400, warmup=0.05),
        "probe": training_of_2(lr=0.01),
        "profile": "quick",
        "protocols": ["linear", "finetune"],
        "seed": 7,
        "variant": "base",
    } | changes


def rotnet_of_2(*, jitter: bool, shuffled: bool = False) -> dict[str, Any]:
    """There the colours stood in the settings also where they were not used."""
    return {
        "after": colours_of_2(crop=None, flip=0.0),
        "before": colours_of_2(
            crop=[0.5, 1.0],
            jitter=0.0,
            greyscale=0.0,
            brightness=0.4,
            contrast=0.4,
            saturation=0.2,
            hue=0.1,
        ),
        "file": "rotnet",
        "jitter": jitter,
        "shuffled": shuffled,
    }


SIMCLR_OF_2 = {
    "augmentation": colours_of_2(),
    "embedding": 128,
    "file": "simclr",
    "hidden": None,
    "temperature": 0.5,
}
PLAIN_OF_2 = colours_of_2(jitter=0.0, greyscale=0.0)
STAGES = ["layer1", "layer2", "layer3", "layer4"]
LONGER = training_of_2(steps=2700)
OLD = {
    "rotnet": of_2(method=rotnet_of_2(jitter=False)),
    "rotnet-jitter": of_2(method=rotnet_of_2(jitter=True)),
    "simclr": of_2(
        method=SIMCLR_OF_2,
        pretraining=training_of_2(batch_size=128, lr=0.06, steps=2400, warmup=0.05),
    ),
    "supervised": of_2(protocols=["finetune"], downstream=LONGER),
    "supervised-plain": of_2(
        protocols=["finetune"], downstream=LONGER, augmentation=PLAIN_OF_2
    ),
    "random": of_2(protocols=["linear"]),
}


@pytest.mark.parametrize("arm", OLD)
def test_a_recipe_of_version_2_is_the_one_that_the_profile_makes_today(
    arm: str,
) -> None:
    old = copy.deepcopy(OLD[arm])
    found = from_dict(old)
    assert found == recipe(arm, fraction=0.25, draw=1, seed=7)
    assert found.arm == arm
    assert (found.seed, found.pretraining_seed) == (7, 7)
    assert (found.labels, found.selection) == (None, "validation")
    assert old == OLD[arm]  # left as it was
    assert from_dict(to_dict(found)) == found  # and is of today from then on


@pytest.mark.parametrize(
    ("method", "arm"),
    [(rotnet_of_2(jitter=False, shuffled=True), "rotnet"), (None, "random")],
)
def test_the_four_stages_of_version_2_are_one_protocol_today(
    method: dict[str, Any] | None, arm: str
) -> None:
    old = of_2(protocols=STAGES, method=method, variant="layers")
    found = from_dict(old)
    assert found.protocols == ("layers",)
    assert found.arm == arm
    assert found.method == (method and rotnet.Settings(shuffled=True))
    beside = of_2(protocols=["linear", *STAGES, "knn"], method=method)
    assert from_dict(beside).protocols == ("linear", "layers", "knn")


def test_a_source_of_more_images_of_version_2_is_kept() -> None:
    more = of_2()["data"] | {"name": "lung3", "classes": ["a", "b"], "limit": 5}
    found = from_dict(of_2(extra_unlabelled=more, pretrain="extra"))
    assert found.extra_unlabelled == Data(name="lung3", classes=("a", "b"), limit=5)


def test_an_unknown_method_of_version_2_is_named() -> None:
    old = of_2(method={"file": "moco", "queue": 4096})
    with pytest.raises(UnknownName, match="'moco' is not in METHODS.*rotnet, simclr"):
        from_dict(old)

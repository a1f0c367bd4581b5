"""Keys of results version 3, written down: they must never change again."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch

import sslkit
from sslkit.learning import encoders
from sslkit.learning.training import Training
from sslkit.methods import rotnet, simclr
from sslkit.runs import keys
from sslkit.runs.recipes import Recipe
from sslkit.views.augment import Augmentation

# Of results version 3. A later version may add to the table; these lines stay.
FROZEN = {
    "augmentation": {
        "crop": None,
        "flip": 0,
        "jitter": 0,
        "brightness": 0,
        "contrast": 0,
        "saturation": 0,
        "hue": 0,
        "greyscale": 0,
        "blur": 0,
    },
    "training": {"warmup": 0, "weight_decay": 0, "steps": None},
    "encoder": {},
    "run": {"fraction": None, "labels": None, "selection": "validation"},
    "rotnet": {"after": None, "shuffled": False},
    "simclr": {"second": None, "hidden": None},
}


def test_no_line_of_the_neutral_values_changes() -> None:
    kept = {
        kind: {name: keys.NEUTRAL[kind][name] for name in lines}
        for kind, lines in FROZEN.items()
    }
    # As text: False is not 0 there.
    assert json.dumps(kept, sort_keys=True) == json.dumps(FROZEN, sort_keys=True)


def pixels() -> sslkit.ImageSet:
    """Three classes of 20 training and 4 test images by a formula."""
    count = 3 * 24
    values = torch.arange(count * 3 * 4 * 4) * 7919 % 251
    labels = torch.arange(count) % 3
    return sslkit.ImageSet.of(
        values.to(torch.uint8).reshape(count, 3, 4, 4),
        labels,
        classes=("a", "b", "c"),
        test=torch.arange(60, count),
    )


# By hand, so that neither a profile nor a default has a part in it.
VIEWS = Augmentation(
    crop=(0.3, 1.0),
    ratio=(0.75, 4 / 3),
    flip=0.5,
    jitter=0.8,
    brightness=0.4,
    contrast=0.4,
    saturation=0.4,
    hue=0.1,
    greyscale=0.1,
    blur=0.0,
)
TRAINING = Training(
    optimiser="sgd",
    lr=0.06,
    schedule="cosine",
    warmup=0.05,
    epochs=3,
    steps=None,
    batch_size=16,
    weight_decay=5e-4,
)
FIXED = Recipe(
    method=None,
    encoder=encoders.EncoderSettings(backbone="tiny", stem="small", init="random"),
    pretraining=TRAINING,
    downstream=replace(TRAINING, optimiser="adam", weight_decay=0.0, steps=30),
    probe=replace(TRAINING, optimiser="adam", lr=0.01, warmup=0.0),
    augmentation=VIEWS,
    fraction=0.5,
    draw=1,
    seed=2,
    pretraining_seed=3,
    pretrain="all",
    protocols=("linear", "finetune"),
    precision="32-true",
)
PINNED = {
    "simclr": (
        replace(
            FIXED,
            method=simclr.Settings(augmentation=VIEWS, temperature=0.5, embedding=128),
        ),
        ("91052cf64a115153", "38e9fdea82b61b96"),
    ),
    "rotnet": (
        replace(
            FIXED,
            method=rotnet.Settings(
                before=replace(VIEWS, jitter=0.0, greyscale=0.0),
                after=VIEWS.colours,
                shuffled=True,
            ),
            pretrain="budget",
        ),
        ("ad7df357d08dc2e0", "9a470e8de70a005d"),
    ),
    "supervised": (
        replace(
            FIXED,
            fraction=None,
            labels=7,
            selection="last",
            protocols=("finetune",),
        ),
        (None, "e060ad6fbddefce6"),
    ),
}


@pytest.mark.parametrize("name", PINNED)
def test_keys_stay_what_they_were(name: str) -> None:
    recipe, expected = PINNED[name]
    images = pixels()
    rows = sslkit.split(images, recipe.fraction, labels=recipe.labels, draw=recipe.draw)
    found = (
        keys.pretraining_key(recipe, images, rows),
        keys.run_key(recipe, images, rows),
    )
    assert found == expected

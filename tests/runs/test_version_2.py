"""Records of results version 2: their keys stay their names, and still fit."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from sslkit.runs import inputs, records
from sslkit.runs.records import Run

RESULTS = Path(__file__).parents[2] / "book/results"
# Starts from a file of weights that is not in the repository, so not recomputed.
FROM_A_FILE = 408


def in_words_of_version_2(run: Run) -> dict[str, Any]:
    """The recipe as version 2 wrote it down."""
    recipe = run.recipe
    plain = dataclasses.asdict(recipe)
    for name in "arm labels selection pretraining_seed pretrain_images".split():
        del plain[name]
    for name in ("pretraining", "downstream", "probe"):
        del plain[name]["sizes"]
    del plain["augmentation"]["solarise"]
    if recipe.method is not None:
        plain["method"]["file"] = recipe.method.tag
        if recipe.method.tag == "rotnet":
            plain["method"]["jitter"] = recipe.method.name == "rotnet-jitter"
            plain["method"]["after"] = dataclasses.asdict(recipe.augmentation.colours)
            del (
                plain["method"]["before"]["solarise"],
                plain["method"]["after"]["solarise"],
            )
        else:
            del plain["method"]["second"], plain["method"]["augmentation"]["solarise"]
    if recipe.protocols == ("layers",):
        plain["protocols"] = ["layer1", "layer2", "layer3", "layer4"]
    return plain


def key_of_version_2(run: Run) -> str:
    """What version 2 would call the run, from the images that are here."""
    recipe = run.recipe
    images = inputs.load_images(recipe.data, recipe.extra_unlabelled)
    rows = inputs.split_of(recipe, images)
    plain = in_words_of_version_2(run)
    for name in ("data", "extra_unlabelled", "profile", "variant"):
        del plain[name]
    plain["precision"] = "32-true"
    roles = (rows.train, rows.val, rows.test, rows.unlabelled)
    digests = [hashlib.sha256(rows.numpy().tobytes()).hexdigest() for rows in roles]
    decides = plain | {"version": 2, "data": images.fingerprint, "rows": digests}
    text = json.dumps(decides, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def of_version_2(folder: Path) -> list[Run]:
    """The records of version 2, those of one image set after each other."""
    kept = [one for one in records.read(folder) if one.about["results_version"] == 2]
    return sorted(
        kept, key=lambda one: repr((one.recipe.data, one.recipe.extra_unlabelled))
    )


def test_the_keys_of_the_embedded_images_are_those_of_version_2() -> None:
    kept = of_version_2(RESULTS / "quick-shapes")
    assert len(kept) == 40
    assert [one.key for one in kept] == [key_of_version_2(one) for one in kept]


def test_most_records_start_from_nothing_and_the_rest_from_one_file() -> None:
    starts = [
        one.recipe.encoder.init
        for folder in RESULTS.glob("*/")
        for one in of_version_2(folder)
    ]
    assert {*starts} == {"random", "cifar7.safetensors"}
    assert starts.count("cifar7.safetensors") == FROM_A_FILE


@pytest.mark.parametrize("name", ["colon3", "cifar3", "lung3"])
def test_the_keys_of_real_images_are_those_of_version_2(
    name: str, real_images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not (real_images / name).is_dir():
        pytest.skip(f"SSLKIT_DATA has no folder {name}")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    every = of_version_2(RESULTS / f"study-small-{name}")
    kept = [one for one in every if one.recipe.encoder.init == "random"]
    others = {one.recipe.extra_unlabelled for one in kept} - {None}
    there = {one for one in others if (real_images / str(one and one.name)).is_dir()}
    checked = [one for one in kept if one.recipe.extra_unlabelled in {None, *there}]
    assert len(checked) > 0.8 * len(kept)
    wrong = [one.key for one in checked if one.key != key_of_version_2(one)]
    assert wrong == []

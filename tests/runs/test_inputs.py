"""Inputs: the images that a recipe names, listed, read once, and what may see them."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from small_runs import assert_same_weights, noise, on_folder, small

import sslkit
from sslkit.images import loading, sources
from sslkit.runs import inputs
from sslkit.runs.recipes import Data


def overwrite(folder: Path, part: str) -> None:
    """Put other noise in the place of every image of a part."""
    rng = np.random.default_rng(1)
    for file in sorted((folder / part).rglob("*.png")):
        pixels = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(file)


@pytest.mark.parametrize("pretrain", ["budget", "all", "everything"])
@pytest.mark.parametrize("method", ["rotnet-jitter", "simclr"])
def test_noise_in_the_place_of_every_test_image_changes_no_bit_of_what_is_learnt(
    method: str, pretrain: Any, folder: Path, tmp_path: Path
) -> None:
    places = [shutil.copytree(folder, tmp_path / name) for name in ("a", "b", "c")]
    overwrite(places[1], "test")
    overwrite(places[2], "train")
    first, noisy, other = (
        sslkit.run(
            on_folder(
                place, method, pretrain=pretrain, protocols=("linear", "finetune")
            ),
            out=tmp_path / "runs",
        )
        for place in places
    )
    assert first.key != noisy.key  # it is other data, judged anew
    assert_same_weights(first.encoder_file, noisy.encoder_file)
    with pytest.raises(AssertionError, match="not equal"):
        assert_same_weights(first.encoder_file, other.encoder_file)
    assert first.history.equals(noisy.history)  # of every phase, validation included
    assert {one.epoch for one in first.scores.values()} == {
        one.epoch for one in noisy.scores.values()
    }


def test_the_list_of_images_gives_the_split_that_the_images_give(
    folder: Path,
) -> None:
    every = [
        on_folder(folder),
        on_folder(folder, labels=3, draw=4),
        replace(on_folder(folder), data=replace(on_folder(folder).data, balance=False)),
        small(limit=None, fraction=0.05),
        small(limit=7, fraction=1.0),
    ]
    for recipe in every:
        images = inputs.load_images(recipe.data)
        listed = inputs.catalogue(recipe.data)
        one, other = (inputs.split_of(recipe, x) for x in (images, listed))
        for role in ("train", "val", "test", "pool", "unlabelled"):
            assert torch.equal(getattr(one, role), getattr(other, role)), role
        assert one.counts.equals(other.counts)


def test_images_are_listed_and_split_without_reading_a_file(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise AssertionError("a file was read")

    copy = shutil.copytree(folder, tmp_path / "copy")
    monkeypatch.setattr(sources, "read_images", fail)
    recipe = on_folder(copy)
    rows = inputs.split_of(recipe, inputs.catalogue(recipe.data))
    assert len(rows.pool) == 20
    with pytest.raises(AssertionError, match="a file was read"):
        inputs.load_images(recipe.data)


def test_images_are_read_once_a_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    read = loading.read

    def counted(listed: Any) -> Any:
        asked.append(listed.name)
        return read(listed)

    monkeypatch.setattr(loading, "read", counted)
    folder = noise(tmp_path / "new")
    first = inputs.load_images(on_folder(folder).data)
    assert inputs.load_images(on_folder(folder, draw=1).data) is first
    assert asked == ["new"]


def test_images_of_another_source_take_the_size_of_the_own(folder: Path) -> None:
    own = on_folder(folder).data
    more = Data(name="shapes", image_size=32, limit=4)
    images = inputs.load_images(own, more)
    assert images.size == 16
    extra = images.rows("extra")
    assert len(extra) == 12 + 12  # the other's training and unlabelled images
    assert set(images.labels[extra].tolist()) == {-1}
    assert images.classes == ("bark", "moss")
    assert torch.equal(images.rows("test"), inputs.load_images(own).rows("test"))

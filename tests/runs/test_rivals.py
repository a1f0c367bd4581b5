"""Arms without a pretext: handmade features, a frozen start, in recipes and runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

import sslkit
from sslkit.images.imageset import ImageSet
from sslkit.judging.judge import judge
from sslkit.learning import encoders
from sslkit.learning.encoders import Encoder, EncoderSettings
from sslkit.learning.handmade import Handmade
from sslkit.study import grids, tables
from sslkit.study.images import Images


def coloured(count: int = 60) -> ImageSet:
    """Two classes of noise, one redder and one bluer."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(60, 120, (2 * count, 3, 16, 16), generator=generator)
    labels = torch.arange(2 * count) % 2
    for channel, label in ((0, 0), (2, 1)):
        pixels[labels == label, channel] += 80
    test = torch.arange(2 * count)[-40:]
    return ImageSet.of(pixels.byte(), labels, test=test)


def test_classes_that_differ_in_colour_are_read_off_a_histogram() -> None:
    images = coloured()
    split = sslkit.split(images, labels=10)
    found = judge(Handmade(), images, split, protocols=("linear", "knn"))
    assert found["linear"].score.accuracy == 1
    assert found["knn"].score.accuracy == 1


def test_a_histogram_is_run_recorded_and_told_by_its_name(tmp_path: Path) -> None:
    recipe = sslkit.recipe("histogram", profile="smoke")
    assert recipe.protocols == ("linear",)
    run = sslkit.run(recipe, out=tmp_path)
    assert sslkit.run(recipe, out=tmp_path).key == run.key
    (row,) = tables.table([run]).to_dict("records")
    assert (row["method"], row["backbone"]) == ("histogram", "histogram")


def test_a_histogram_is_neither_pretrained_nor_fine_tuned() -> None:
    recipe = sslkit.recipe("histogram", profile="smoke")
    with pytest.raises(ValueError, match="a histogram has no weights"):
        replace(recipe, protocols=("finetune",))
    with pytest.raises(ValueError, match="a histogram has no weights"):
        replace(recipe, method=sslkit.recipe("simclr").method)
    with pytest.raises(ValueError, match="leave 'resnet18' out"):
        sslkit.recipe("histogram", backbone="resnet18")
    images = coloured()
    split = sslkit.split(images, 0.5)
    with pytest.raises(ValueError, match="a Handmade has no weights"):
        judge(Handmade(), images, split, protocols=("finetune",))


def test_further_arms_stand_beside_the_study_s_in_a_grid_of_arms() -> None:
    asked = {"fractions": (0.05,), "curve": (), "draws": 2}
    plain = list(grids.arms(Images(profile="smoke"), **asked))
    more = list(grids.arms(Images(profile="smoke"), **asked, more=("histogram",)))
    added = [one for one in more if one not in plain]
    assert [(one.arm, one.draw) for one in added] == [
        ("histogram", 0),
        ("histogram", 1),
    ]
    assert len(more) == len(plain) + 2


def test_a_start_needs_weights_and_is_judged_as_it_is(tmp_path: Path) -> None:
    for init in (None, "random"):
        with pytest.raises(ValueError, match="start needs weights: init='imagenet'"):
            sslkit.recipe("start", init=init)
    torch.manual_seed(5)
    encoders.save(Encoder(EncoderSettings()), tmp_path / "a.safetensors")
    file = str(tmp_path / "a.safetensors")
    recipe = sslkit.recipe("start", init=file, profile="smoke")
    run = sslkit.run(recipe, out=tmp_path)
    (row,) = tables.table([run]).to_dict("records")
    assert (row["method"], row["init"], row["protocol"]) == ("start", "a", "linear")

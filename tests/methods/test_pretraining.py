"""Pretraining on objects: what it learns from, what it leaves alone, what it gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from methods.made import SHORT, learn, noise, same
from methods.own import Following
from torch import Tensor

import sslkit
from sslkit.images.imageset import ImageSet
from sslkit.learning import loop
from sslkit.learning.encoders import Encoder, EncoderSettings
from sslkit.learning.loop import Progress
from sslkit.learning.training import Training
from sslkit.methods import METHODS, rotnet, simclr
from sslkit.methods.pretraining import pretrain


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """Every row that anything takes the pixels of."""
    rows: set[int] = set()
    take = ImageSet.take

    def watched(images: ImageSet, some: Tensor) -> tuple[Tensor, Tensor]:
        rows.update(some.tolist())
        return take(images, some)

    monkeypatch.setattr(ImageSet, "take", watched)
    return rows


@pytest.mark.parametrize("name", METHODS)
def test_a_method_by_its_name_is_its_settings(name: str, images: ImageSet) -> None:
    by_name, by_settings = learn(images, name), learn(images, METHODS[name])
    assert same(by_name, by_settings)
    pd.testing.assert_frame_equal(by_name.history, by_settings.history)
    assert by_name.seconds > 0


def test_settings_decide_what_is_learnt(images: ImageSet) -> None:
    plain = learn(images, "simclr")
    assert not same(learn(images, simclr.Settings(temperature=0.1)), plain)
    assert not same(learn(images, rotnet.Settings()), plain)


def test_an_unknown_method_is_refused_with_the_nearest(images: ImageSet) -> None:
    with pytest.raises(
        ValueError, match=r"method 'simlcr' is not one of rot.*; did you mean 'simclr'"
    ):
        learn(images, "simlcr")


def test_the_public_name_is_this_function() -> None:
    assert sslkit.pretrain is pretrain


def test_without_rows_it_learns_from_all_but_the_test_part(
    images: ImageSet, read: set[int]
) -> None:
    learn(images)
    assert read == set(range(67)) - set(images.rows("test").tolist())
    parts = {str(images.part[row]) for row in read}
    assert parts == {"train", "unlabelled", "extra"}


def test_with_rows_it_learns_from_them_alone(images: ImageSet, read: set[int]) -> None:
    rows = torch.tensor([1, 0, 65, 12, 7, 6])
    learn(images, rows=rows)
    assert read == set(rows.tolist())


@pytest.mark.parametrize("name", METHODS)
def test_other_test_images_leave_the_weights_as_they_are_to_the_bit(
    name: str, images: ImageSet
) -> None:
    test = images.rows("test")
    pixels = images.images.clone()
    pixels[test] = noise(len(test), seed=9)
    assert same(learn(images, name), learn(replace(images, images=pixels), name))
    pixels[images.rows("extra")[0]] += 1
    changed = replace(images, images=pixels)
    assert not same(learn(images, name), learn(changed, name)), "but any other counts"


@pytest.mark.parametrize("name", METHODS)
def test_labels_decide_nothing(name: str, images: ImageSet) -> None:
    mixed = images.labels.clone()
    train = images.rows("train")
    mixed[train] = mixed[train].flip(0)
    assert not torch.equal(mixed, images.labels)
    assert same(learn(images, name), learn(replace(images, labels=mixed), name))


@pytest.mark.parametrize("name", METHODS)
def test_a_set_without_any_labels_is_learnt_from(name: str) -> None:
    made = learn(ImageSet.of(noise(40)), name)
    assert made.history.epoch.max() == 2
    assert torch.isfinite(torch.tensor(made.history.value.to_numpy())).all()


@pytest.mark.parametrize("which", ["rows", "watched"])
def test_a_row_of_the_test_part_is_refused(which: str, images: ImageSet) -> None:
    rows = torch.cat([images.rows("train"), images.rows("test")[-1:]])
    with pytest.raises(ValueError, match="rows of the test part are not for pretr"):
        learn(images, **{which: rows})


def test_watched_rows_are_measured_and_not_learnt_from(
    images: ImageSet, read: set[int]
) -> None:
    train = images.rows("train")
    alone = learn(images, rows=train[:30])
    assert read == set(train[:30].tolist())
    beside = learn(images, rows=train[:30], watched=train[30:])
    assert read == set(train.tolist())
    assert same(alone, beside), "nor do they choose an epoch"
    metrics = set(beside.history.metric)
    assert {"train_loss", "val_loss", "train_accuracy", "val_accuracy"} <= metrics
    assert "val_loss" not in set(alone.history.metric)


def test_the_encoder_is_as_asked_for_and_ready_for_use(images: ImageSet) -> None:
    made = learn(images)
    assert isinstance(made.encoder, Encoder)
    assert made.encoder.settings == EncoderSettings(backbone="tiny", stem="small")
    assert not any(module.training for module in made.encoder.modules())
    assert list(made.history.columns) == ["epoch", "step", "metric", "value"]
    large = ImageSet.of(noise(4).repeat(1, 1, 5, 5))
    settings = learn(large, training=replace(SHORT, epochs=1)).encoder.settings
    assert settings.stem == "image"
    assert learn(large, epochs=1, stem="small").encoder.settings.stem == "small"


def test_the_images_are_never_changed(images: ImageSet) -> None:
    before = ImageSet.__dict__["fingerprint"].func(images)
    learn(images, "simclr")
    assert ImageSet.__dict__["fingerprint"].func(images) == before


def test_the_seed_decides_everything_and_torchs_own_nothing(images: ImageSet) -> None:
    made = []
    for seed, unrelated in ((1, 0), (1, 77), (2, 0)):
        torch.manual_seed(unrelated)
        before = torch.get_rng_state()
        made.append(learn(images, "simclr", seed=seed))
        assert torch.equal(torch.get_rng_state(), before), "it is left as it was"
    assert same(made[0], made[1])
    assert not same(made[0], made[2])


def test_a_number_of_epochs_takes_the_place_of_the_trainings_length(
    images: ImageSet,
) -> None:
    by_steps = replace(SHORT, steps=50)
    made = learn(images, training=by_steps, epochs=3)
    assert same(made, learn(images, training=replace(SHORT, epochs=3)))
    assert made.history.step.max() == 3 * 4  # 62 images in batches of 16
    assert learn(images, training=by_steps).history.step.max() == 50


def test_training_may_start_from_a_file(images: ImageSet, tmp_path: Path) -> None:
    from sslkit.learning import encoders

    first = learn(images, seed=1)
    encoders.save(first.encoder, tmp_path / "encoder.safetensors")
    held_still = Training(optimiser="sgd", lr=1e-30, epochs=1)
    again = learn(
        images, init=str(tmp_path / "encoder.safetensors"), training=held_still
    )
    for mine, start in zip(
        again.encoder.parameters(), first.encoder.parameters(), strict=True
    ):
        assert torch.equal(mine, start)


def test_a_watcher_is_told_every_epoch(images: ImageSet) -> None:
    told: list[Progress] = []
    made = learn(images, "simclr", watch=told.append)
    assert [(one.epoch, one.epochs) for one in told] == [(1, 2), (2, 2)]
    assert told[0].objective.encoder is made.encoder
    for one in told:
        rows = made.history[made.history.epoch == one.epoch]
        assert one.values == dict(zip(rows.metric, rows.value, strict=True))
    assert same(made, learn(images, "simclr"))


class Stop(Exception):
    """Something that ends a process, from outside."""


@pytest.mark.parametrize("method", ["rotnet", "simclr", Following()])
def test_an_interrupted_pretraining_goes_on_and_ends_the_same(
    method: Any, images: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_CHECKPOINTS", -1)
    training, file = replace(SHORT, epochs=4), tmp_path / "checkpoint.pt"

    def going(seen: list[int], stop: int) -> Callable[[Progress], None]:
        def watch(progress: Progress) -> None:
            seen.append(progress.epoch)
            if progress.epoch == stop:
                raise Stop

        return watch

    first: list[int] = []
    second: list[int] = []
    with pytest.raises(Stop):
        learn(images, method, training=training, checkpoint=file, watch=going(first, 2))
    resumed = learn(
        images, method, training=training, checkpoint=file, watch=going(second, 0)
    )
    assert (first, second) == ([1, 2], [3, 4])
    whole = learn(images, method, training=training)
    assert same(resumed, whole)
    pd.testing.assert_frame_equal(resumed.history, whole.history, check_exact=True)

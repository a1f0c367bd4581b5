"""One pretraining for all runs that may share it, and another where it must differ."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from small_runs import (
    Stop,
    assert_same_weights,
    encoder_files,
    forbid,
    on_folder,
    record_files,
    small,
)

import sslkit
from sslkit.images.splits import split
from sslkit.runs import inputs, keys, running
from sslkit.runs.recipes import Data
from sslkit.runs.records import Run
from sslkit.study import tables


def test_fractions_share_a_pretraining_on_all_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = sslkit.run(
        small(fraction=0.25, limit=40, pretrain="all", protocols=("knn",)),
        out=tmp_path,
    )
    forbid(monkeypatch, running, "pretrain")
    others = [
        sslkit.run(
            small(fraction=share, limit=40, pretrain="all", protocols=("knn",)),
            out=tmp_path,
        )
        for share in (0.5, 1.0)
    ]
    assert len({run.key for run in (first, *others)}) == 3
    assert encoder_files(tmp_path) == [first.encoder_file]
    for run in others:
        assert run.encoder_file == first.encoder_file
        pd.testing.assert_frame_equal(run.history, first.history)
        assert run.about["seconds"]["pretrain"] == first.about["seconds"]["pretrain"]


def test_fractions_share_no_pretraining_on_their_budgets(tmp_path: Path) -> None:
    for share in (0.25, 0.5, 1.0):
        recipe = small(fraction=share, pretrain="budget", protocols=("knn",))
        sslkit.run(recipe, out=tmp_path)
    assert len(encoder_files(tmp_path)) == len(record_files(tmp_path)) == 3


def test_protocols_share_a_pretraining(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = sslkit.run(small(pretrain="budget", protocols=("knn",)), out=tmp_path)
    forbid(monkeypatch, running, "pretrain")
    second = sslkit.run(small(pretrain="budget", protocols=("linear",)), out=tmp_path)
    assert first.key != second.key
    assert encoder_files(tmp_path) == [first.encoder_file] == [second.encoder_file]


@pytest.mark.parametrize(
    "changed", ["draw", "seed", "pretraining seed", "method", "lr"]
)
def test_what_decides_pretraining_makes_another_one(
    changed: str, undisturbed: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def instead(*_: Any, **__: Any) -> None:
        raise Stop

    start = small()
    one = {
        "draw": replace(start, draw=1),
        "seed": small(seed=1),
        "pretraining seed": replace(start, pretraining_seed=1),
        "method": small("rotnet-jitter"),
        "lr": replace(start, pretraining=replace(start.pretraining, lr=1e-4)),
    }[changed]
    encoder = undisturbed.encoder_file
    assert encoder is not None
    shutil.copytree(encoder.parent, tmp_path / "encoders")
    monkeypatch.setattr(running, "pretrain", instead)
    for shares in (replace(start, protocols=("knn",)), replace(start, seed=1)):
        sslkit.run(shares, out=tmp_path)  # no Stop
    with pytest.raises(Stop):
        sslkit.run(one, out=tmp_path)


# ---------------------------------------------------------------- on everything


def test_one_pretraining_on_everything_serves_every_share_draw_and_seed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = {"limit": 40, "pretrain": "everything", "protocols": ("knn",)}
    first = sslkit.run(small(**start), out=tmp_path)
    forbid(monkeypatch, running, "pretrain")
    others = [
        sslkit.run(small(**{**start, **changes}), out=tmp_path)
        for changes in (
            {"draw": 1},
            {"seed": 3},
            {"fraction": 0.25, "draw": 2, "seed": 2},
            {"fraction": 1.0},
            {"labels": 1},
            {"labels": 12, "draw": 5},
        )
    ]
    assert len({run.key for run in (first, *others)}) == 7
    assert {run.encoder_file for run in others} == {first.encoder_file}
    assert encoder_files(tmp_path) == [first.encoder_file]
    for run in others:
        pd.testing.assert_frame_equal(run.history, first.history)


def test_two_pretraining_seeds_share_no_pretraining_on_everything(
    tmp_path: Path,
) -> None:
    start = {"pretrain": "everything", "protocols": ("knn",)}
    one, other = (
        sslkit.run(small(pretraining_seed=seed, **start), out=tmp_path)
        for seed in (0, 1)
    )
    assert len(encoder_files(tmp_path)) == 2
    with pytest.raises(AssertionError, match="not equal"):
        assert_same_weights(one.encoder_file, other.encoder_file)


def test_draws_share_no_pretraining_on_all_images_of_the_pool(tmp_path: Path) -> None:
    for draw in (0, 1):
        recipe = small(pretrain="all", draw=draw, seed=0, protocols=("knn",))
        sslkit.run(recipe, out=tmp_path)
    assert len(encoder_files(tmp_path)) == 2


def test_everything_is_every_image_but_the_test_part_balanced_or_not(
    folder: Path, tmp_path: Path
) -> None:
    uneven = shutil.copytree(folder, tmp_path / "uneven")
    for i in range(4):
        (uneven / "train" / "bark" / f"{i}.png").unlink()
    (uneven / "unlabelled").mkdir()
    for i in range(3):
        shutil.copy(folder / "train" / "moss" / f"{i}.png", uneven / "unlabelled")
    recipe = on_folder(uneven, "rotnet", pretrain="everything", labels=2)
    images = inputs.load_images(recipe.data)
    rows = inputs.split_of(recipe, images)
    learnt, watched = keys.pretraining_rows(recipe, images, rows)
    assert watched is None
    test = set(images.rows("test").tolist())
    assert len(rows.pool) == 12 < 16  # the pool is balanced
    assert sorted(learnt.tolist()) == sorted({*range(len(images))} - test)
    assert len(learnt) == 6 + 10 + 3


# ------------------------------------------------------- which images pretrain


@pytest.mark.parametrize("pretrain", ["budget", "all", "everything", "extra"])
def test_pretraining_sees_the_images_it_is_told_to_and_no_test_image(
    pretrain: Any, folder: Path
) -> None:
    recipe = replace(
        on_folder(folder),
        pretrain=pretrain,
        extra_unlabelled=Data(name="shapes", limit=4),
    )
    images = inputs.load_images(recipe.data, recipe.extra_unlabelled)
    rows = split(images, recipe.fraction)
    learnt, watched = keys.pretraining_rows(recipe, images, rows)
    extra = set(images.rows("extra").tolist())
    own = {
        "budget": set(rows.train.tolist()),
        "all": set(rows.unlabelled.tolist()),
        "everything": set(images.rows("train").tolist()),
        "extra": set(),
    }[pretrain]
    looked_at = set() if watched is None else set(watched.tolist())
    assert len(extra) == 12 + 12  # of training and unlabelled, four a class
    assert set(learnt.tolist()) == own | extra
    assert bool(looked_at) == (pretrain != "everything")
    assert not extra & looked_at
    assert not set(learnt.tolist()) & looked_at
    assert not set(rows.test.tolist()) & {*learnt.tolist(), *looked_at}


def test_below_ten_labels_a_class_a_pretraining_on_the_budget_watches_nothing(
    folder: Path,
) -> None:
    recipe = on_folder(folder, "rotnet", labels=9, pretrain="budget")
    images = inputs.load_images(recipe.data)
    rows = inputs.split_of(recipe, images)
    learnt, watched = keys.pretraining_rows(recipe, images, rows)
    assert len(learnt) == 18
    assert watched is not None
    assert not len(watched)


def test_extra_images_need_a_source() -> None:
    with pytest.raises(ValueError, match="extra_unlabelled"):
        replace(small(), pretrain="extra")


def test_a_recipe_with_extra_images_survives_its_record(
    folder: Path, tmp_path: Path
) -> None:
    recipe = replace(
        on_folder(folder),
        extra_unlabelled=Data(name="shapes", limit=4),
        precision="32-true",
    )
    done = sslkit.run(recipe, out=tmp_path)
    assert done.recipe == recipe
    assert running.recorded(recipe, out=tmp_path) is not None
    frame = tables.table([done])
    assert frame["pretrain"].tolist() == ["none"]  # a random encoder

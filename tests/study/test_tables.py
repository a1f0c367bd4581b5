"""Tables: a row a score, intervals as scipy has them, differences within pairs."""

from __future__ import annotations

import io
from dataclasses import replace

import pandas as pd
import pytest
from made_runs import done, of

import sslkit
from sslkit.runs import codec
from sslkit.runs.recipes import Recipe
from sslkit.study import tables
from sslkit.study.images import ARMS

# DESIGN.md, "Public face", in its order.
COLUMNS = (
    "data, profile, settings, method, schedule, init, pretrain, fraction, protocol, "
    "draw, seed, backbone, image_size, epochs, n_train, n_test, loss, accuracy, low, "
    "high, seconds, commit, machine"
).split(", ")


# ---------------------------------------------------------------- a row a score


def test_a_table_has_the_columns_of_the_design_and_a_row_a_score() -> None:
    runs = [done("rotnet", {"linear": 0.6, "finetune": 0.7}), done("supervised", 0.5)]
    frame = tables.table(runs)
    assert len(frame) == 3
    assert [name for name in frame if name in COLUMNS] == COLUMNS
    assert not frame.isna().any(axis=None)


def test_a_row_says_what_the_recipe_and_the_score_say() -> None:
    run = done(
        "simclr",
        {"finetune": 0.7},
        draw=3,
        seed=4,
        fraction=0.25,
        data="a/folder",
        image_size=48,
        backbone="resnet18",
        epochs=7,
        pretrain="budget",
    )
    (row,) = tables.table([run]).to_dict("records")
    expected = {
        "data": "folder",  # however it was given
        "profile": "smoke",
        "variant": "base",
        "method": "simclr",
        "schedule": "cosine",
        "init": "random",
        "pretrain": "budget",
        "pretraining_seed": 4,
        "fraction": 0.25,
        "labels": 15,
        "protocol": "finetune",
        "draw": 3,
        "seed": 4,
        "backbone": "resnet18",
        "image_size": 48,
        "test": "given",
        "epochs": 7,
        "n_train": 8,
        "n_test": 100,
        "loss": 0.7,
        "accuracy": 0.7,
        "low": pytest.approx(0.6),
        "high": pytest.approx(0.8),
        "macro_recall": pytest.approx(0.7),
        "majority": 0.5,
        "last_accuracy": pytest.approx(0.68),
        "last_loss": 0.8,
        "val_accuracy": 0.75,
        "val_loss": 0.6,
        "pretraining_seconds": 10.0,
        "seconds": 14.0,
        "commit": "0123456789ab+",
        "machine": "a machine, 2 threads",
    }
    assert len(row.pop("settings")) >= 8
    assert row == expected


def test_without_pretraining_a_row_is_called_supervised_or_random() -> None:
    frame = tables.table([done("supervised", 0.5), done("random", 0.3)])
    assert frame["method"].tolist() == ["random", "supervised"]
    assert frame["pretrain"].tolist() == ["none", "none"]
    warm = sslkit.recipe("random", profile="smoke", init="warm.safetensors")
    (row,) = tables.table([of(warm, {"knn": 0.4})]).to_dict("records")
    assert (row["method"], row["init"]) == ("start", "warm")
    assert frame["seconds"].tolist() == [1.0, 4.0]
    supervised = sslkit.recipe("supervised", profile="smoke")
    assert frame["epochs"][1] == supervised.downstream.epochs


def test_a_table_is_sorted_by_what_is_compared_whatever_the_order_of_the_runs() -> None:
    runs = [
        done(method, 0.5, draw=draw, fraction=fraction)
        for method in reversed(ARMS)
        for draw in (1, 0)
        for fraction in (0.25, 0.05)
    ]
    frame = tables.table(runs)
    pd.testing.assert_frame_equal(frame, tables.table(reversed(runs)))
    assert frame["fraction"].is_monotonic_increasing
    few = frame[frame["fraction"] == 0.05]
    assert list(few["method"].unique()) == [
        "random",
        "supervised-plain",
        "supervised",
        "rotnet",
        "rotnet-jitter",
        "simclr",
    ]
    assert few[few["method"] == "supervised"]["draw"].tolist() == [0, 1]
    assert frame.index.tolist() == list(range(len(frame)))


def test_a_table_survives_csv() -> None:
    frame = tables.table([done("rotnet", 0.6), done("supervised", 0.5)])
    text = frame.to_csv(index=False)
    back = pd.read_csv(io.StringIO(text), dtype={"settings": str})
    pd.testing.assert_frame_equal(back, frame, check_dtype=False)


def test_a_run_given_twice_counts_once() -> None:
    run, other = done("rotnet", 0.6), done("rotnet", 0.6, draw=1)
    frame = tables.table([run, other, run])
    pd.testing.assert_frame_equal(frame, tables.table([run, other]))


def test_no_runs_are_no_rows() -> None:
    assert tables.table([]).empty


# --------------------------------------------------------------------- settings


def settings(recipe: Recipe) -> str:
    frame = tables.table([of(recipe, {"linear": 0.5})])
    return str(frame["settings"].item())


def test_settings_are_the_same_for_what_other_columns_tell_apart() -> None:
    start = sslkit.recipe("rotnet", profile="smoke")
    for other in (
        replace(start, fraction=0.5),
        replace(start, draw=1),
        replace(start, seed=1),
        replace(start, profile="quick"),
        replace(start, protocols=("linear",)),
        replace(start, data=replace(start.data, name="a/folder", limit=3)),
    ):
        assert settings(other) == settings(start)


def test_settings_differ_for_what_no_other_column_tells_apart() -> None:
    start = sslkit.recipe("rotnet", profile="smoke")
    others = [
        replace(start, pretraining=replace(start.pretraining, lr=1e-4)),
        replace(start, downstream=replace(start.downstream, weight_decay=0.1)),
        replace(start, probe=replace(start.probe, schedule="constant")),
        replace(start, augmentation=replace(start.augmentation, blur=0.5)),
        replace(start, encoder=replace(start.encoder, backbone="resnet18")),
        replace(start, method=replace(start.method, shuffled=True)),  # type: ignore[type-var]
    ]
    assert len({settings(one) for one in (start, *others)}) == len(others) + 1


def test_settings_are_the_same_in_the_precision_of_another_machine() -> None:
    start = sslkit.recipe("rotnet", profile="smoke")
    assert settings(replace(start, precision="32-true")) == settings(start)


def test_settings_do_not_change_on_the_way_through_a_record() -> None:
    start = sslkit.recipe("simclr", profile="study")
    back = codec.from_dict(codec.to_dict(start))
    assert settings(back) == settings(start)


def test_settings_are_the_same_for_a_whole_number_and_the_same_float() -> None:
    start = sslkit.recipe("rotnet", profile="smoke")
    one, other = (
        replace(start, augmentation=replace(start.augmentation, flip=flip))
        for flip in (1, 1.0)
    )
    assert settings(one) == settings(other)

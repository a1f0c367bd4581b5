"""The grid of few labels: what is run, in which order, from which images."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import sslkit
from sslkit.runs import inputs, keys
from sslkit.runs.recipes import Recipe
from sslkit.study import few_labels

FEW = 0.05


def grid(name: str, real_images: Path) -> list[Recipe]:
    if not (real_images / name).is_dir():
        pytest.skip(f"SSLKIT_DATA has no folder {name}")
    return list(few_labels.few_labels(name))


def test_every_encoder_is_judged_with_every_budget_and_draw() -> None:
    found = Counter(
        (one.arm, one.pretraining_seed, one.protocols[0], one.draw)
        for one in few_labels.encoders("blood8")
    )
    for arm in ("simclr", "rotnet"):
        for seed in range(3):
            frozen = [found[arm, seed, "linear", draw] for draw in range(10, 15)]
            tuned = [found[arm, seed, "finetune", draw] for draw in range(10, 15)]
            assert frozen == [11, 11, 11, 7, 7]
            assert tuned == [4, 4, 4, 3, 3]
    assert found.total() == 2 * 3 * (47 + 18)


def test_two_encoders_are_judged_side_by_side_and_then_no_more() -> None:
    order = [(one.arm, one.pretraining_seed) for one in few_labels.encoders("colon3")]
    seen = list(dict.fromkeys(order))
    assert len(seen) == 9
    for first in range(0, 8, 2):
        pair = seen[first : first + 2]
        places = [i for i, each in enumerate(order) if each in pair]
        assert places == list(range(places[0], places[-1] + 1))
        assert order[places[0] : places[0] + 4] == pair * 2


def test_draws_and_settings_are_the_plans() -> None:
    for one in few_labels.encoders("cifar10"):
        assert 10 <= one.draw <= 14
        assert one.seed == one.draw
        assert one.pretrain == "everything"
        assert one.encoder.backbone == "small"
        assert one.pretraining.steps == 6000
        views = {"simclr": 2, "rotnet": 4}[one.arm]
        assert views * one.pretraining.batch_size == 512
        assert (one.labels is None) != (one.fraction is None)
    assert {one.pretraining.steps for one in few_labels.encoders("blood8")} == {3000}


def test_labels_train_for_as_long_as_was_tuned_on_each_set() -> None:
    plan = few_labels.SETS["colon3"]
    for arm, steps in (
        ("simclr", plan.finetune),
        ("rotnet-jitter", plan.finetune),
        ("supervised", plan.supervised),
        ("supervised-plain", plan.supervised),
        ("selftrain", plan.supervised),
    ):
        one = few_labels.one("colon3", arm, few_labels.TWENTIETH, 10)
        assert one.downstream.steps == steps
    assert plan.finetune != plan.supervised


def test_the_ladder_has_a_rung_for_updates_and_one_for_labelled_images() -> None:
    updates, labelled = list(few_labels.ladder("colon3"))[:2]
    last = few_labels.one("colon3", "simclr", few_labels.TWENTIETH, 10)
    assert updates.method is None
    assert updates.downstream.steps == 3000 + (last.downstream.steps or 0)
    assert labelled.pretrain == "labelled"
    assert labelled.pretraining == last.pretraining
    assert labelled.downstream == last.downstream
    assert labelled.method == last.method


def test_the_surface_shares_its_far_corner_with_the_base() -> None:
    every = list(few_labels.surface("cifar10"))
    seeds = Counter((one.variant, one.pretraining_seed) for one in every)
    assert set(seeds.values()) == {10}  # two shares, five draws
    assert len(seeds) == 9 + 2 * 4
    corner = [one for one in every if one.variant == "50000 images, 6000 steps"]
    base = few_labels.one("cifar10", "simclr", few_labels.TWENTIETH, 10)
    assert {one.pretraining for one in corner} == {base.pretraining}
    assert {one.pretrain_images for one in corner} == {50000}


def test_supervised_training_passes_often_enough_over_many_images(
    real_images: Path,
) -> None:
    every = grid("blood8", real_images)
    alone = {
        (one.fraction, one.labels): one.downstream
        for one in every
        if (one.arm, one.variant) == ("supervised", "base")
    }
    usual = alone[FEW, None].steps
    assert alone[None, 1].steps == usual
    whole = alone[1.0, None]
    assert (whole.steps or 0) * whole.batch_size >= 20 * 6208 > 0
    longer = [one for one in every if one.variant == "as many updates"]
    assert all((one.downstream.steps or 0) > 3000 for one in longer)


@pytest.mark.parametrize("name", ["colon3", "blood8"])
def test_no_recipe_of_a_set_is_there_twice(name: str, real_images: Path) -> None:
    every = grid(name, real_images)
    assert len(set(every)) == len(every)
    assert len(every) == {"colon3": 780, "blood8": 556}[name]


@pytest.mark.parametrize(("asked", "expected"), [(None, 3000), (50, 50), (9999, 3000)])
def test_pretraining_sees_as_many_images_as_it_is_told(
    asked: int | None, expected: int
) -> None:
    start = sslkit.recipe("simclr", pretrain="everything")
    recipe = replace(start, pretrain_images=asked)
    images = inputs.load_images(recipe.data)
    rows = inputs.split_of(recipe, images)
    learnt, watched = keys.pretraining_rows(recipe, images, rows)
    everything, _ = keys.pretraining_rows(start, images, rows)
    assert watched is None
    assert len(learnt) == min(expected, len(everything))
    assert torch.isin(learnt, everything).all()
    assert torch.equal(learnt, learnt.unique())

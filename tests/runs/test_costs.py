"""Costs: what is counted; how long a step takes is the machine's affair."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import sslkit
from sslkit.runs import costs
from sslkit.runs.recipes import Recipe


@pytest.fixture
def rehearsed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """A second an image of pretraining, a hundredth of one with labels."""
    asked = []

    def instead(one: Recipe, training: Any, *, pretext: bool) -> float:
        asked.append((one.arm, pretext))
        return 1.0 if pretext else 0.01

    monkeypatch.setattr(costs, "_rehearse", instead)
    return asked


def small(method: str, **changes: Any) -> Recipe:
    one = sslkit.recipe(method, profile="smoke", fraction=0.5, limit=100, **changes)
    return replace(
        one,
        pretraining=replace(one.pretraining, steps=None, epochs=3, batch_size=32),
        downstream=replace(one.downstream, steps=None, epochs=2, batch_size=32),
    )


def test_images_of_all_steps_are_counted_and_watched_ones_for_a_third(
    rehearsed: list[tuple[str, bool]],
) -> None:
    # 300 scenes: 150 labels are 120 to learn from and 30 to watch; the pool's other
    # images and 300 more are unlabelled: 300 - 60 + 300, watched on 60.
    found = costs.predict([small("rotnet")])
    pretraining = 3 * -(-540 // 32) * 32 + 3 * 60 / 3
    labels = 2 * 4 * 32 + 2 * 30 / 3
    assert found == pytest.approx(pretraining + 0.01 * labels)
    assert rehearsed == [("rotnet", True), ("rotnet", False)]


def test_a_shared_pretraining_and_each_kind_of_step_count_once(
    rehearsed: list[tuple[str, bool]],
) -> None:
    one = small("rotnet", protocols=("linear",))
    assert costs.predict([one]) == costs.predict(
        [one, replace(one, protocols=("knn",))]
    )
    both = [one, small("rotnet", protocols=("linear",), draw=1)]
    assert costs.predict(both) == pytest.approx(2 * costs.predict([one]))
    assert rehearsed == [("rotnet", True)] * 4


def test_one_pretraining_on_everything_counts_once_for_all_shares_and_draws(
    rehearsed: list[tuple[str, bool]],
) -> None:
    start = small("simclr", protocols=("linear",), pretrain="everything")
    others = [
        small("simclr", protocols=("linear",), pretrain="everything", draw=3, seed=2),
        replace(start, fraction=None, labels=5),
    ]
    # 300 training images and 300 unlabelled ones; none is watched.
    expected = pytest.approx(3 * -(-600 // 32) * 32)
    assert costs.predict([start]) == expected
    assert costs.predict([start, *others]) == expected
    seeds = [start, replace(start, pretraining_seed=1)]
    assert costs.predict(seeds) == pytest.approx(2 * 3 * -(-600 // 32) * 32)


def test_self_training_costs_the_steps_of_fine_tuning_beside_it(
    rehearsed: list[tuple[str, bool]],
) -> None:
    one, both = (
        small("rotnet", protocols=protocols)
        for protocols in (("selftrain",), ("finetune", "selftrain", "linear"))
    )
    pretraining = costs.predict([small("rotnet", protocols=("linear",))])
    alone = costs.predict([one]) - pretraining
    assert alone == pytest.approx(0.01 * (2 * 4 * 32 + 2 * 30 / 3))
    assert costs.predict([both]) == pytest.approx(pretraining + 2 * alone)


def test_frozen_heads_of_a_random_encoder_cost_nothing_worth_saying() -> None:
    assert costs.predict([small("random")]) == 0


def test_a_rehearsal_takes_some_time_an_image_and_shows_no_bar(
    capfd: pytest.CaptureFixture[str],
) -> None:
    one = small("simclr")
    for pretext in (True, False):
        assert 1e-7 < costs._rehearse(one, one.downstream, pretext=pretext) < 10
    assert capfd.readouterr().err == ""


def test_a_rehearsal_takes_views_of_all_sizes_that_grow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(costs, "fit", lambda *_, training, **__: asked.append(training))
    one = sslkit.recipe("simclr", profile="few-labels", data="shapes", limit=20)
    costs.predict([replace(one, protocols=("linear",))])
    grown = one.pretraining.sizes
    assert len(set(grown)) == 3
    assert {training.sizes for training in asked} == {grown}
    for training in asked:
        seen = {training.size(s, training.steps) for s in range(training.steps)}
        assert seen == set(grown)

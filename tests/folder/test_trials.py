"""Trials: in a fixed order, as long as they fit, found again."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_runs import of

from sslkit.folder import trials
from sslkit.folder.trials import Plan
from sslkit.runs import costs, running
from sslkit.runs.recipes import Data, Recipe, arm_name
from sslkit.runs.records import Run

PLAN = Plan(
    data=Data(name="photos", image_size=24, balance=False, groups="(.*)_"),
    backbone="small",
    methods=("simclr", "rotnet"),
    steps=700,
    labelled_steps=300,
)


def test_what_a_verdict_needs_comes_first_then_more_draws_then_the_curve() -> None:
    todo = list(trials.recipes(PLAN, unlabelled=True))
    arms = [(one.arm, one.draw, one.fraction) for one in todo]
    assert len(set(arms)) == len(arms)
    needed = ["histogram", "random", "supervised", "simclr", "rotnet"]
    assert arms[:15] == [(arm, draw, 1.0) for draw in range(3) for arm in needed]
    assert {arm for arm, *_ in arms[15:21]} == {"supervised-plain", "selftrain"}
    assert {draw for _, draw, _ in arms[21:35]} == {3, 4}
    assert {fraction for *_, fraction in arms[35:]} == {0.5, 0.25}
    assert {arm for arm, *_ in arms[35:]} == {"supervised", "simclr", "rotnet"}
    fewer = {one.arm for one in trials.recipes(PLAN, unlabelled=False)}
    assert "selftrain" not in fewer


def test_trials_are_of_the_plan_and_share_one_encoder_a_method() -> None:
    for one in trials.recipes(PLAN, unlabelled=True):
        assert one.data == PLAN.data
        assert one.encoder.backbone in ("small", "histogram")
        assert (one.downstream.steps or 0) <= 300
        assert (one.pretraining.steps, one.pretraining_seed) == (700, 0)
        assert one.pretrain == "everything"
        assert one.seed == one.draw


def test_a_frozen_start_has_the_backbone_whose_weights_are_there() -> None:
    plan = Plan(**{**vars(PLAN), "start": "resnet18"})
    (start, *_) = [
        r for r in trials.recipes(plan, unlabelled=False) if r.arm == "start"
    ]
    assert (start.encoder.backbone, start.encoder.init) == ("resnet18", "imagenet")
    assert start.protocols == ("linear",)


def test_views_grow_to_the_size_of_the_images() -> None:
    assert trials.sizes_of_views(32)[-1] == 32
    assert trials.sizes_of_views(64)[-1] == 64
    assert trials.sizes_of_views(24) == ()  # nothing to save


def test_half_the_time_for_labels_is_enough_for_the_first_draws() -> None:
    steps = trials.labelled_steps(600, image=0.001)
    assert 3 * 2 * 64 * steps * 0.001 == pytest.approx(200, rel=0.01)
    assert trials.labelled_steps(1e-9, image=1) == 1


SECONDS = {"pretrain": 10.0, "linear": 1.0, "finetune": 4.0}


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> dict[Recipe, Run]:
    """What is recorded; every trial takes the ``SECONDS`` of its phases."""
    kept: dict[Recipe, Run] = {}

    def run(one: Recipe, *, out: Path) -> Run:
        made = of(one, dict.fromkeys(one.protocols, 0.5))
        made.about["pretraining_key"] = one.arm if one.method else None
        made.about["seconds"] = {
            phase: seconds
            for phase, seconds in SECONDS.items()
            if phase in one.protocols or (phase == "pretrain" and one.method)
        }
        return kept.setdefault(one, made)

    monkeypatch.setattr(running, "run", run)
    monkeypatch.setattr(running, "recorded", lambda one, out: kept.get(one))
    monkeypatch.setattr(costs, "predict", lambda todo: 5.0)
    return kept


def test_trials_are_done_while_they_fit_and_a_pretraining_counts_once(
    store: dict[Recipe, Run], tmp_path: Path
) -> None:
    todo = list(trials.recipes(PLAN, unlabelled=False))
    said: list[str] = []
    # histogram 1, random 1, supervised 4, two methods of 10 + 5 = 36; then 16 a draw.
    done = list(trials.within(todo, seconds=52, out=tmp_path, say=said.append))
    assert [one.recipe for one in done] == todo[:10]
    assert said[-1].startswith("the time is used: histogram")
    assert len(said) == 11
    assert (
        said[2]
        == "supervised, 100 % of the labels, draw 0: finetune 75 % in validation"
    )
    # Continued, it ends at the same place, and with more time it goes on from there.
    again = list(trials.within(todo, seconds=52, out=tmp_path, say=said.append))
    assert [one.recipe for one in again] == todo[:10]
    more = list(trials.within(todo, seconds=68, out=tmp_path, say=said.append))
    assert [one.recipe for one in more] == todo[:15]
    assert {arm_name(one, one.protocols[0]) for one in store} == {
        "histogram", "random", "supervised", "simclr", "rotnet",
    }  # fmt: skip


def test_what_was_never_done_is_predicted_before_it_is_begun(
    store: dict[Recipe, Run], tmp_path: Path
) -> None:
    todo = list(trials.recipes(PLAN, unlabelled=False))
    done = list(trials.within(todo, seconds=6.5, out=tmp_path, say=lambda line: None))
    assert len(done) == 2, "5 predicted seconds on top of 2 do not fit"

"""The verdict: chosen by validation, decided by the test, open where it must be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from made_runs import of

import sslkit
from sslkit.folder import verdict
from sslkit.runs.records import Run

DRAWS = 5


def labels_of(*counts: int) -> np.ndarray:
    return np.repeat(np.arange(len(counts)), counts)


def made(
    method: str,
    right: np.ndarray,
    labels: np.ndarray,
    *,
    draw: int = 0,
    validation: float | None = 0.5,
    protocol: str | None = None,
) -> Run:
    """A run whose predictions are right where it is said."""
    recipe = sslkit.recipe(method, profile="smoke", draw=draw)
    protocol = protocol or recipe.protocols[0]
    run = of(replace(recipe, protocols=(protocol,)), {protocol: 0.5})
    wrong = (labels + 1) % (labels.max() + 1)
    predicted = tuple(np.where(right, labels, wrong).tolist())
    score = run.scores[protocol]
    score = replace(score, predicted=predicted, val_accuracy=validation)
    return replace(run, scores={protocol: score})


def several(
    method: str, share: float, labels: np.ndarray, *, seed: int = 0, **more: Any
) -> list[Run]:
    """Runs of several draws, right about so often, mostly on the same images."""
    rng = np.random.default_rng(seed)
    hard = rng.random(len(labels))
    return [
        made(method, hard + 0.1 * rng.normal(size=len(labels)) < share, labels,
             draw=draw, **more)
        for draw in range(DRAWS)
    ]  # fmt: skip


def test_ways_are_ordered_by_validation_and_scored_by_the_mean_over_classes() -> None:
    labels = labels_of(8, 2)
    right = np.array([True] * 8 + [False, True])
    runs = [
        made("simclr", right, labels, validation=0.6, protocol="linear"),
        made("supervised", ~right, labels, validation=0.9),
        made("histogram", right, labels, validation=None),
    ]
    first, second, third = verdict.options(runs, labels)
    assert (first.method, second.method) == ("supervised", "simclr")
    assert (second.validation, second.protocol) == (60, "linear")
    assert (second.accuracy, first.accuracy) == pytest.approx((75, 25))
    assert np.isnan(third.validation)
    assert (second.pretrained, first.pretrained) == (True, False)


@pytest.mark.parametrize(
    ("share", "side"), [(0.9, "higher"), (0.5, "lower"), (0.71, "open")]
)
def test_the_verdict_is_about_the_best_ways_by_validation(
    share: float, side: str
) -> None:
    labels = labels_of(100, 100)
    runs = [
        *several("supervised", 0.7, labels, validation=0.7),
        *several("simclr", share, labels, validation=0.8, protocol="linear"),
        # Better in the test, worse in validation: nobody may know.
        *several("histogram", 0.99, labels, validation=0.4),
    ]
    found = verdict.decide(verdict.options(runs, labels), labels)
    assert found.side == side
    assert (found.option.method, found.against.method) == ("simclr", "supervised")
    assert found.low < found.mean < found.high
    assert found.mean == pytest.approx(found.option.accuracy - found.against.accuracy)
    assert (found.draws, found.units, found.unit) == (DRAWS, 200, "images")
    assert not found.reasons


def test_a_verdict_without_a_difference_is_open_most_of_the_time() -> None:
    labels = labels_of(60, 60)
    sides = []
    for seed in range(40):
        runs = several("supervised", 0.7, labels, seed=2 * seed)
        runs += several("simclr", 0.7, labels, seed=2 * seed + 1, protocol="linear")
        sides.append(verdict.decide(verdict.options(runs, labels), labels).side)
    assert sides.count("open") >= 34  # of 40, where 38 are expected


def test_images_of_a_group_count_as_one_case() -> None:
    labels = labels_of(100, 100)
    groups = np.arange(200) // 10  # twenty, each right or wrong as a whole
    flips = np.repeat(np.random.default_rng(1).random(20) < 0.25, 10)
    runs = []
    for draw in range(DRAWS):
        runs.append(made("supervised", np.full(200, True), labels, draw=draw))
        simclr = made("simclr", ~flips, labels, draw=draw, protocol="linear")
        runs.append(simclr)
    ways = verdict.options(runs, labels)
    alone = verdict.decide(ways, labels)
    together = verdict.decide(ways, labels, groups=groups)
    assert together.mean == pytest.approx(alone.mean)
    assert together.high - together.low > 2 * (alone.high - alone.low)
    assert (together.units, together.unit) == (20, "groups")


def test_doubts_few_draws_and_few_test_images_leave_it_open_and_say_so() -> None:
    labels = labels_of(100, 100)
    runs = several("supervised", 0.3, labels)
    runs += several("simclr", 0.9, labels, protocol="linear")
    ways = verdict.options(runs, labels)
    assert verdict.decide(ways, labels).side == "higher"
    doubted = verdict.decide(ways, labels, doubts=["a patient is on both sides"])
    assert (doubted.side, doubted.reasons) == ("open", ("a patient is on both sides",))
    two = [run for run in runs if run.recipe.draw < 2]
    found = verdict.decide(verdict.options(two, labels), labels)
    assert (found.side, found.draws) == ("open", 2)
    assert found.reasons == ("a verdict takes 3 draws of labels; so far: 2",)
    few = labels_of(9, 10)
    runs = several("supervised", 0.1, few)
    runs += several("simclr", 1.0, few, protocol="linear")
    found = verdict.decide(verdict.options(runs, few), few)
    assert found.side == "open"
    assert found.reasons == ("a verdict takes 20 test images; here: 19",)


def test_what_settles_an_open_verdict_would_do_so() -> None:
    labels = labels_of(60, 60)
    runs = several("supervised", 0.70, labels)
    runs += several("simclr", 0.75, labels, seed=1, protocol="linear")
    found = verdict.decide(verdict.options(runs, labels), labels)
    assert found.side == "open"
    said = found.settles[-1]
    needed = int(said.split()[1].replace(",", ""))
    assert said == f"about {needed:,} test images in place of 120"
    # The half of an interval falls with the root of the images.
    half = (found.high - found.low) / 2
    assert half * (120 / needed) ** 0.5 == pytest.approx(abs(found.mean), rel=0.3)


def test_what_cannot_be_compared_is_named() -> None:
    labels = labels_of(10, 10)
    only = several("supervised", 0.5, labels)
    with pytest.raises(ValueError, match="no run with pretraining"):
        verdict.decide(verdict.options(only, labels), labels)
    with pytest.raises(ValueError, match="20 predictions, and there are 6 test images"):
        verdict.options(only, labels_of(3, 3))


@pytest.mark.parametrize(
    ("method", "protocol", "said"),
    [
        ("supervised", "finetune", "supervised"),
        ("selftrain", "selftrain", "self-training"),
        ("histogram", "linear", "colour histogram with a linear probe"),
        ("simclr", "finetune", "SimCLR, then fine-tuning"),
    ],
)
def test_a_way_is_named_in_words(method: str, protocol: str, said: str) -> None:
    labels = labels_of(4, 4)
    found = several(method, 0.5, labels, protocol=protocol)
    (option,) = verdict.options(found, labels)
    assert verdict.named(option) == said


def test_the_verdict_is_a_sentence_with_its_interval_and_says_why_it_is_open() -> None:
    labels = labels_of(100, 100)
    low = several("supervised", 0.3, labels, validation=0.5)
    high = several("simclr", 0.9, labels, validation=0.5, protocol="linear")
    found = verdict.decide(verdict.options(low + high, labels), labels)
    said = verdict.in_words(found)
    assert said == (
        "Pretraining pays here: SimCLR, then a linear probe gets "
        f"{found.option.accuracy:.1f} % right, {found.mean:.1f} points more than the "
        f"best without it, supervised (95 % interval +{found.low:.1f} to "
        f"+{found.high:.1f})."
    )
    worse = replace(found, side="lower", mean=-3.0, low=-5.0, high=-1.0)
    assert "does not pay here" in verdict.in_words(worse)
    assert "3.0 points less than" in verdict.in_words(worse)
    assert "(95 % interval −5.0 to −1.0)" in verdict.in_words(worse)
    unsure = replace(found, side="open", mean=0.5, low=-1.0)
    assert "open whether pretraining pays here, because the interval holds zero" in (
        verdict.in_words(unsure)
    )
    doubted = replace(found, side="open", reasons=("a slide is on both sides",))
    assert "because a slide is on both sides: SimCLR" in verdict.in_words(doubted)

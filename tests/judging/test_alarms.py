"""Alarms as functions of what was watched: each at its threshold, and what it says."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest

from sslkit.judging import alarms
from sslkit.judging.alarms import CHECKS, Alarm, check, summary
from sslkit.judging.watched import Watched, in_a_line

# A SimCLR that learns, after half of its training.
HEALTHY: dict[str, dict[int, float]] = {
    "train_loss": {10: 5.5, 20: 5.2, 30: 5.0, 40: 4.9, 50: 4.9},
    "train_accuracy": {10: 0.01, 20: 0.1, 30: 0.2, 40: 0.3, 50: 0.3},
    "deviation": {10: 0.6, 30: 0.7, 50: 0.7},
    "rank": {10: 18.0, 30: 25.0, 50: 27.0},
    "gradient": {10: 0.4, 30: 0.5, 50: 0.3},
    "noise_accuracy": {10: 0.02, 30: 0.1, 50: 0.1},
    "neighbours": {10: 0.4, 30: 0.5, 50: 0.55},
}


def watched(**changes: Any) -> Watched:
    """A healthy training, with other values of some metrics, or other facts."""
    facts = {"steps": 100, "chance": 5.5, "labelled": 100, "by_chance": 0.33}
    facts |= {name: changes.pop(name) for name in list(changes) if name in facts}
    return Watched({**HEALTHY, **changes}, **facts)


def names(seen: Watched) -> list[str]:
    return [alarm.name for alarm in check(seen)]


def test_health_gives_no_alarm_at_any_time() -> None:
    assert alarms.alarms(watched()) == []


@pytest.mark.parametrize(
    ("name", "broken", "healthy"),
    [
        ("collapse", {"deviation": {50: 0.04}}, {"deviation": {50: 0.06}}),
        ("collapse", {"train_deviation": {50: 0.1}}, {"train_deviation": {50: 0.2}}),
        ("few directions", {"rank": {50: 3.9}}, {"rank": {50: 4.1}}),
        ("rate too high", {"train_loss": {50: 11.1}}, {"train_loss": {50: 7.0}}),
        (
            "rate too high",
            {"train_loss": {10: 5.5, 40: 3.0, 50: 4.5}},
            {"train_loss": {10: 5.5, 40: 3.0, 50: 4.3}},
        ),
        (
            "rate too high",
            {"gradient": {10: 0.1, 20: 9.0, 30: 1.0, 50: 101.0}},
            {"gradient": {10: 0.1, 20: 9.0, 30: 1.0, 50: 99.0}},
        ),
        ("rate too high", {"gradient": {50: math.inf}}, {"gradient": {50: 1e6}}),
        ("stuck", {"gradient": {50: 0.005}}, {"gradient": {50: 0.006}}),
        (
            "stuck",
            {"gradient": {50: 1e-9}, "train_loss": {50: 0.6}},
            {"gradient": {50: 1e-9}, "train_loss": {50: 0.5}},
        ),
        ("at chance", {"train_loss": {75: 5.4}}, {"train_loss": {75: 5.3}}),
        ("at chance", {"train_loss": {75: 5.4}}, {"train_loss": {74: 5.4}}),
        (
            "solved early",
            {"train_accuracy": {49: 0.996}, "train_loss": {49: 4.9}},
            {"train_accuracy": {49: 0.99}, "train_loss": {49: 4.9}},
        ),
        ("shortcut", {"noise_accuracy": {50: 0.75}}, {"noise_accuracy": {50: 0.74}}),
        (
            "neighbours at chance",
            {"neighbours": {50: 0.30}},
            {"neighbours": {50: 0.32}},
        ),
        (
            "neighbours at chance",
            {"neighbours": {50: 0.36}, "labelled": 2500},
            {"neighbours": {50: 0.36}, "labelled": 100},
        ),
        (
            "forgetting",
            {"neighbours": {10: 0.7, 50: 0.49}},
            {"neighbours": {10: 0.7, 50: 0.51}},
        ),
    ],
)
def test_an_alarm_is_given_on_one_side_of_its_threshold_alone(
    name: str, broken: dict[str, Any], healthy: dict[str, Any]
) -> None:
    cut = {k: {s: v for s, v in seen.items() if s < 49} for k, seen in HEALTHY.items()}
    on_time = {} if 49 not in next(iter(broken.values())) else cut
    assert names(watched(**{**on_time, **broken})) == [name]
    late = {} if 49 not in next(iter(healthy.values())) else cut
    assert names(watched(**{**late, **healthy})) == []


def test_every_check_is_tried_above() -> None:
    found = {one.__name__ for one in CHECKS}
    assert found == set(
        "collapse dimensions rate stuck chance solved shortcut neighbours "
        "forgetting".split()
    )


@pytest.mark.parametrize("metric", [*HEALTHY, "chance"])
def test_what_is_not_measured_gives_no_alarm(metric: str) -> None:
    rest = {name: seen for name, seen in HEALTHY.items() if name != metric}
    chance = None if metric == "chance" else 5.5
    assert check(Watched(rest, 100, chance)) == []


def test_a_guess_that_costs_nothing_is_no_measure() -> None:
    """VICReg without its variance term: a collapse has loss 0."""
    assert names(watched(chance=0.0)) == []


def test_one_look_at_neighbours_may_be_bad_luck() -> None:
    looks = {10: 0.4, 30: 0.45, 40: 0.3}
    assert names(watched(neighbours={**looks, 50: 0.36})) == []
    assert names(watched(neighbours={**looks, 50: 0.29})) == ["neighbours at chance"]


def test_few_directions_are_usual_in_the_beginning() -> None:
    assert names(Watched({"rank": {20: 2.0}}, 100)) == []
    assert names(Watched({"rank": {21: 2.0}}, 100)) == ["few directions"]


def test_alarms_are_given_where_they_were_first_seen_each_once() -> None:
    seen = watched(deviation={10: 0.6, 20: 0.03, 30: 0.01, 50: 0.6})
    (found,) = alarms.alarms(seen)
    assert (found.name, found.step) == ("collapse", 20)
    assert "0.03" in found.seen
    assert check(seen) == [], "it has recovered"


def test_a_task_that_is_begun_late_is_no_alarm() -> None:
    late = {25: 5.5, 50: 5.49, 60: 5.42, 74: 5.4, 100: 5.2}
    assert alarms.alarms(watched(train_loss=late)) == []
    never = late | {100: 5.45}
    assert [one.step for one in alarms.alarms(watched(train_loss=never))] == [100]


def test_what_was_watched_grows_step_by_step() -> None:
    whole = watched()
    steps = []
    for then in whole.growing():
        steps.append(then.step)
        assert then.done == then.step / 100
        assert (then.steps, then.chance, then.labelled) == (100, 5.5, 100)
        assert dict(then.values) == {
            metric: known
            for metric, seen in whole.values.items()
            if (known := {at: value for at, value in seen.items() if at <= then.step})
        }
        if then.step == 30:
            assert then.last("train_loss") == 5.0
            assert then.seen("rank") == [18.0, 25.0]
            assert math.isnan(then.last("nothing"))
    assert steps == sorted({at for seen in whole.values.values() for at in seen})
    assert then == whole


def test_every_value_of_a_long_training_is_taken_once() -> None:
    class Counted(dict[int, float]):
        taken = 0

        def items(self) -> Any:
            for item in super().items():
                self.taken += 1
                yield item

    losses = Counted({step: 5.0 - step / 1000 for step in range(1, 401)})
    assert alarms.alarms(Watched({"train_loss": losses}, 400, chance=5.5)) == []
    assert losses.taken == 400


def test_an_alarm_takes_two_lines_what_was_seen_and_what_it_means() -> None:
    alarm = Alarm("collapse", 20, "all alike", "one answer", "a lower lr")
    assert str(alarm) == "collapse, step 20: all alike.\n  One answer; try a lower lr."


def test_words_of_every_alarm_are_plain_and_hold_their_numbers() -> None:
    broken = watched(
        train_loss={10: 5.5, 80: 5.45},
        train_deviation={50: 0.021},
        rank={50: 1.25},
        noise_accuracy={50: 0.93},
        neighbours={10: 0.64, 40: 0.25, 50: 0.25},
    )
    said = {alarm.name: str(alarm) for alarm in check(broken)}
    assert "spread by 0.021" in said["collapse"]
    assert "use 1.2 directions" in said["few directions"]
    assert "after 80% of the training the loss is 5.45" in said["at chance"]
    assert "93% of the answers" in said["shortcut"]
    assert "for 25%, by chance for 33%" in said["neighbours at chance"]
    assert "for 25%, and was for 64%" in said["forgetting"]
    for text in said.values():
        assert text.count("\n") == 1
        assert re.search(r"; try \w", text)
        assert not re.search(r"nan|\.\.|\S  ", text)


def test_the_line_says_what_was_measured_beside_what_a_guess_gives() -> None:
    assert in_a_line(watched()) == (
        "loss 4.9 (by chance 5.5), accuracy 30% (on noise 10%), 27 directions, nearest "
        "of 100 labelled images of the same class for 55% (by chance 33%)"
    )
    assert in_a_line(Watched({"train_loss": {5: 0.25}}, 9)) == "loss 0.25"
    few = Watched({"train_loss": {5: 0.25}}, 9)
    assert summary(few, []) == "learning: loss 0.25"
    alarm = Alarm("collapse", 5, "", "", "")
    assert summary(few, [alarm]) == "in doubt (collapse): loss 0.25"

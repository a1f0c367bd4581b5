"""Recipes: what they refuse, and what tables call them."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from typing import Any

import pytest

from sslkit.learning.encoders import EncoderSettings
from sslkit.learning.training import Training
from sslkit.methods import rotnet
from sslkit.runs.from_profile import recipe
from sslkit.runs.recipes import Data, Recipe, arm_name, budget, describe


def test_a_recipe_cannot_be_changed() -> None:
    one = recipe("rotnet")
    for inside, name in ((one, "seed"), (one.data, "name"), (one.pretraining, "lr")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(inside, name, 1)


@pytest.mark.parametrize(
    ("method", "protocol", "name"),
    [
        ("supervised", "finetune", "supervised"),
        ("supervised-plain", "finetune", "supervised-plain"),
        ("selftrain", "selftrain", "selftrain"),
        ("random", "linear", "random"),
        ("random", "knn", "random"),
        ("rotnet", "finetune", "rotnet"),
        ("rotnet-jitter", "linear", "rotnet-jitter"),
        ("simclr", "knn", "simclr"),
        ("simclr", "selftrain", "simclr"),
    ],
)
def test_tables_call_each_arm_by_its_name(
    method: str, protocol: str, name: str
) -> None:
    assert arm_name(recipe(method), protocol) == name


def test_an_encoder_that_starts_warm_and_never_learns_is_no_random_one() -> None:
    warm = recipe("random", init="warm.safetensors")
    assert arm_name(warm, "linear") == "start"
    assert arm_name(recipe("supervised", init="warm.safetensors"), "finetune") == (
        "supervised"
    )


def test_a_recipe_by_hand_is_called_by_its_method_or_by_what_labels_train() -> None:
    by_hand = Recipe(method=rotnet.Settings(), fraction=0.5)
    assert arm_name(by_hand, "linear") == "rotnet"
    jittered = replace(by_hand, method=rotnet.Settings(after=rotnet.STILL))
    assert arm_name(jittered, "linear") == "rotnet-jitter"
    assert arm_name(replace(jittered, arm="my own"), "linear") == "my own"
    nothing = replace(by_hand, method=None)
    assert arm_name(nothing, "finetune") == "supervised"
    assert arm_name(replace(nothing, arm="supervised"), "selftrain") == "selftrain"
    assert arm_name(nothing, "knn") == "random"


def test_a_recipe_in_a_few_words() -> None:
    one = recipe("rotnet-jitter", fraction=0.025, draw=3)
    assert describe(one) == "rotnet-jitter, 2.5 % of the labels, draw 3"
    few = recipe("random", labels=10, variant="warm")
    assert describe(few) == "random (warm), 10 labels a class, draw 0"
    assert budget(recipe("simclr", fraction=1)) == "100 % of the labels"


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"fraction": None}, "fraction is None and labels is None"),
        ({"labels": 3}, "fraction is 0.5 and labels is 3"),
        ({"protocols": ()}, "protocols is empty"),
        ({"protocols": ("linear", "svm")}, "protocol 'svm' is not one of linear, mlp"),
        (
            {"pretrain": "some"},
            "pretrain 'some' is not one of budget, labelled, all, everything",
        ),
        ({"pretrain": "extra"}, "needs extra_unlabelled"),
        ({"selection": "lats"}, "did you mean 'last'"),
        ({"seed": -1}, "seed is -1; it must be from 0"),
        ({"draw": 2**63}, "draw is 9223372036854775808; it must be from 0 to"),
    ],
)
def test_values_that_no_recipe_has_are_an_error(
    values: dict[str, Any], named: str
) -> None:
    start = Recipe(method=None, fraction=0.5)
    with pytest.raises(ValueError, match=named):
        replace(start, **values)


@pytest.mark.parametrize(
    ("kind", "field", "value", "nearest"),
    [
        (Data, "test", "groupp", "group"),
        (Data, "on_error", "skpi", "skip"),
        (Training, "schedule", "constnat", "constant"),
        (Training, "optimiser", "adams", "adam"),
        (EncoderSettings, "backbone", "resnet-18", "resnet18"),
        (EncoderSettings, "stem", "smaal", "small"),
    ],
)
def test_of_a_choice_that_was_mistyped_the_nearest_is_offered(
    kind: Any, field: str, value: str, nearest: str
) -> None:
    with pytest.raises(
        ValueError, match=f"{field} '{value}' is not one of .*did you mean '{nearest}'"
    ):
        kind(**{field: value})

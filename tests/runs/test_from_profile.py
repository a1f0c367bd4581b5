"""Recipes from profiles: what a name, a profile and overrides become."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from sslkit.judging.protocols import PROTOCOLS
from sslkit.learning.training import Training
from sslkit.methods import METHODS, simclr
from sslkit.runs.from_profile import BASELINES, recipe
from sslkit.runs.profiles import PROFILES
from sslkit.study.images import ARMS as STUDIED


def step_count(training: Training, images: int) -> int:
    """Optimiser steps of a training, counted from its documentation."""
    if training.steps:
        return math.ceil(training.steps / training.epochs) * training.epochs
    return math.ceil(images / training.batch_size) * training.epochs


@pytest.mark.parametrize("method", ["supervised", "supervised-plain", "selftrain"])
@pytest.mark.parametrize("profile", ["smoke", "quick"])
def test_supervised_training_gets_the_steps_of_pretraining_on_top(
    profile: str, method: str
) -> None:
    own = recipe("rotnet", profile=profile)
    supervised = recipe(method, profile=profile)
    expected = step_count(own.pretraining, 0) + step_count(own.downstream, 0)
    assert own.pretraining.steps is not None
    assert step_count(supervised.downstream, 0) == expected
    assert supervised.method is None
    protocol = "selftrain" if method == "selftrain" else "finetune"
    assert supervised.protocols == (protocol,)


@pytest.mark.parametrize("images", [12, 240, 1000])
@pytest.mark.parametrize("profile", ["study-small", "study"])
def test_where_passes_count_supervised_training_gets_the_passes_of_pretraining(
    profile: str, images: int
) -> None:
    own = recipe("simclr", profile=profile)
    supervised = recipe("supervised", profile=profile)
    assert own.pretraining.steps is own.downstream.steps is None
    assert own.pretrain == "budget"  # so both learn from the same number of images
    expected = step_count(own.pretraining, images) + step_count(own.downstream, images)
    assert step_count(supervised.downstream, images) == expected


def test_supervised_training_is_fine_tuning_for_longer() -> None:
    own, supervised = recipe("rotnet"), recipe("supervised")
    assert replace(supervised.downstream, steps=own.downstream.steps) == own.downstream
    assert supervised.augmentation == own.augmentation
    assert supervised.encoder == own.encoder


@pytest.mark.parametrize("profile", PROFILES)
def test_self_training_differs_from_supervised_training_in_the_protocol_alone(
    profile: str,
) -> None:
    values: dict[str, Any] = {"profile": profile, "draw": 3, "seed": 4}
    own, supervised = recipe("selftrain", **values), recipe("supervised", **values)
    expected = replace(supervised, protocols=("selftrain",), arm="selftrain")
    assert own == expected


@pytest.mark.parametrize("profile", PROFILES)
def test_labels_train_every_arm_in_the_views_of_simclr_but_the_plain_one(
    profile: str,
) -> None:
    method = recipe("simclr", profile=profile).method
    assert isinstance(method, simclr.Settings)
    for arm in set(STUDIED) - {"supervised-plain"}:
        assert recipe(arm, profile=profile).augmentation == method.augmentation
    plain = recipe("supervised-plain", profile=profile)
    assert not plain.augmentation.jitter
    assert not plain.augmentation.greyscale
    told = recipe("supervised", profile=profile)
    assert replace(plain, augmentation=told.augmentation, arm="supervised") == told


def test_all_methods_of_a_profile_learn_for_the_same_number_of_steps() -> None:
    for profile in PROFILES:
        each = [recipe(method, profile=profile) for method in METHODS]
        # Rate, batch and decay are each method's own where they were tuned.
        own: Any = {"lr": 1.0, "batch_size": 1, "weight_decay": 0.0}
        alike = {replace(one.pretraining, **own) for one in each}
        assert len(alike) == 1
        assert len({one.downstream for one in each}) == 1
        assert len({one.probe for one in each}) == 1


@pytest.mark.parametrize("method", METHODS)
def test_the_rates_of_a_tiny_encoder_are_not_those_of_a_resnet(method: str) -> None:
    tiny = recipe(method, profile="quick", backbone="tiny")
    assert tiny == recipe(method, profile="quick")
    assert tiny.pretraining.lr > 3e-4
    large = recipe(method, backbone="resnet18")
    assert large.pretraining.lr == large.downstream.lr == 3e-4
    assert recipe(method, backbone="small").downstream == tiny.downstream
    assert recipe(method, profile="study").pretraining.lr == 3e-4


def test_rates_that_sgd_was_tuned_to_stay_with_another_encoder() -> None:
    few = {"profile": "few-labels", "data": "shapes"}
    for method in METHODS:
        small = recipe(method, **few)
        large = recipe(method, **few, backbone="resnet18")
        assert large.pretraining == small.pretraining
        assert large.pretraining.lr > 3e-2
        assert large.method == small.method


def test_views_grow_with_the_images() -> None:
    def sizes(side: int) -> tuple[int, ...]:
        made = recipe("simclr", profile="few-labels", data="shapes", image_size=side)
        return made.pretraining.sizes

    assert sizes(32) == (16, 16, 16, 24, 24, 32)
    assert sizes(96) == (48, 48, 48, 72, 72, 96)
    assert sizes(24) == ()
    assert recipe("simclr", image_size=96).pretraining.sizes == ()


def test_the_random_floor_is_never_fine_tuned() -> None:
    one = recipe("random", protocols=("linear", "finetune", "selftrain", "knn"))
    assert one.method is None
    assert one.protocols == ("linear", "knn")
    assert "finetune" not in recipe("random").protocols


def test_fine_tuning_alone_is_no_protocol_for_the_random_floor() -> None:
    # It would be supervised training with fewer steps than supervised training has.
    for protocol in ("finetune", "selftrain"):
        with pytest.raises(ValueError, match="protocols"):
            recipe("random", protocols=(protocol,))


@pytest.mark.parametrize(
    "argument",
    "method profile protocols pretrain schedule backbone test on_error".split(),
)
def test_an_unknown_name_is_an_error_that_names_it_and_the_known_ones(
    argument: str,
) -> None:
    known = {
        "method": (*BASELINES, *METHODS),
        "profile": tuple(PROFILES),
        "protocols": PROTOCOLS,
        "pretrain": ("budget", "all", "everything"),
        "schedule": ("cosine", "constant"),
        "backbone": ("tiny", "resnet18", "resnet34", "resnet50"),
        "test": ("given", "image", "group"),
        "on_error": ("raise", "skip"),
    }
    values = {"method": "rotnet", argument: "moco"}
    if argument == "protocols":
        values[argument] = ("moco",)  # type: ignore[assignment]
    with pytest.raises(ValueError, match="moco") as caught:
        recipe(**values)  # type: ignore[arg-type]
    for name in known[argument]:
        assert name in str(caught.value)


@pytest.mark.parametrize("fraction", [0.0, -0.1, 1.01, 5])
def test_a_fraction_out_of_range_is_an_error(fraction: float) -> None:
    with pytest.raises(ValueError, match="fraction"):
        recipe("rotnet", fraction=fraction)


@pytest.mark.parametrize("name", ["epochs", "batch_size"])
def test_a_length_of_nothing_is_an_error(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        recipe("rotnet", **{name: 0})


@pytest.mark.parametrize("name", ["limit", "image_size"])
def test_a_zero_is_not_taken_for_the_value_of_the_profile(name: str) -> None:
    # sslkit.load refuses it, and says why.
    assert getattr(recipe("rotnet", profile="smoke", **{name: 0}).data, name) == 0


def test_overrides_change_what_they_name_and_nothing_else() -> None:
    start = recipe("rotnet", profile="smoke", data="elsewhere")
    changed = recipe(
        "rotnet", profile="smoke", data="folder", limit=7, seed=5, epochs=9
    )
    assert (
        replace(
            changed,
            data=start.data,
            seed=start.seed,
            pretraining_seed=start.pretraining_seed,
            pretraining=start.pretraining,
            downstream=start.downstream,
        )
        == start
    )
    assert changed.data == replace(start.data, name="folder", limit=7)
    for training, before in (
        (changed.pretraining, start.pretraining),
        (changed.downstream, start.downstream),
    ):
        assert (training.epochs, training.steps) == (9, None)  # passes, not steps
        assert replace(training, epochs=before.epochs, steps=before.steps) == before


@pytest.mark.parametrize(
    ("size", "init", "stem"),
    [
        (32, None, "small"),
        (64, None, "small"),
        (65, None, "image"),
        (32, "imagenet", "image"),
    ],
)
def test_the_stem_fits_the_size_of_the_images(
    size: int, init: str | None, stem: str
) -> None:
    one = recipe("rotnet", image_size=size, backbone="resnet18", init=init)
    assert one.encoder.stem == stem


def test_a_profile_is_a_label_and_starting_values_for_each_of_them() -> None:
    for name in PROFILES:
        assert recipe("rotnet", profile=name).profile == name
    quick, smoke = recipe("rotnet"), recipe("rotnet", profile="smoke")
    assert quick.profile == "quick"
    assert smoke.pretraining.steps < quick.pretraining.steps


@pytest.mark.parametrize(
    ("argument", "value", "nearest"),
    [
        ("method", "rotnet-jiter", "rotnet-jitter"),
        ("method", "simlcr", "simclr"),
        ("method", "supervized", "supervised"),
        ("profile", "study-smal", "study-small"),
        ("schedule", "constnat", "constant"),
        ("test", "groupp", "group"),
        ("on_error", "skpi", "skip"),
        ("backbone", "resnet-50", "resnet50"),
        ("pretrain", "everything!", "everything"),
        ("protocols", ("liner",), "linear"),
    ],
)
def test_of_a_word_that_was_mistyped_the_nearest_is_offered(
    argument: str, value: Any, nearest: str
) -> None:
    values: dict[str, Any] = {"method": "rotnet", argument: value}
    with pytest.raises(ValueError, match=f"did you mean '{nearest}'"):
        recipe(**values)


# ------------------------------------------------------------- labels and seeds


def test_without_a_share_or_a_count_five_percent_of_the_labels_are_used() -> None:
    assert (recipe("rotnet").fraction, recipe("rotnet").labels) == (0.05, None)
    assert recipe("rotnet", labels=20).fraction is None


def test_a_share_and_a_count_of_labels_together_are_an_error() -> None:
    with pytest.raises(ValueError, match="fraction is 0.5 and labels is 20"):
        recipe("rotnet", fraction=0.5, labels=20)


@pytest.mark.parametrize(
    ("labels", "selection"),
    [(1, "last"), (9, "last"), (10, "validation"), (50, "validation")],
)
def test_below_ten_labels_a_class_the_last_epoch_is_tested(
    labels: int, selection: str
) -> None:
    assert recipe("simclr", labels=labels).selection == selection


@pytest.mark.parametrize(
    ("pretrain", "given", "expected"),
    [
        ("all", None, 5),
        ("budget", None, 5),
        ("everything", None, 0),
        ("all", 2, 2),
        ("everything", 2, 2),
        ("all", 0, 0),
    ],
)
def test_pretraining_has_the_seed_of_the_run_but_where_all_runs_share_it(
    pretrain: Any, given: int | None, expected: int
) -> None:
    one = recipe("rotnet", seed=5, pretrain=pretrain, pretraining_seed=given)
    assert one.seed == 5
    assert one.pretraining_seed == expected


def test_a_recipe_is_labelled_with_its_arm_and_its_variant() -> None:
    for arm in {*BASELINES, *METHODS} - {"start"}:
        assert recipe(arm, variant="warm").arm == arm
    assert recipe("start", init="weights.safetensors").arm == "start"
    assert recipe("rotnet", variant="warm").variant == "warm"
    assert recipe("rotnet").variant == "base"

"""Recipes: what a name, a profile and overrides become, and the way through JSON."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import replace

import pytest

from sslkit.judging.evaluate import PROTOCOLS
from sslkit.methods import METHODS, rotnet, simclr
from sslkit.runs import recipes
from sslkit.runs.profiles import PROFILES
from sslkit.runs.recipes import ARMS, Recipe, from_dict, recipe, to_dict
from sslkit.views.augment import Augmentation


def through_json(one: Recipe) -> Recipe:
    return from_dict(json.loads(json.dumps(to_dict(one))))


def step_count(training: recipes.Training, images: int) -> int:
    """Optimiser steps of a training, counted from its documentation."""
    if training.steps:
        return math.ceil(training.steps / training.epochs) * training.epochs
    return math.ceil(images / training.batch_size) * training.epochs


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("method", ARMS)
def test_a_recipe_comes_back_from_json_equal(method: str, profile: str) -> None:
    one = recipe(method, profile=profile, fraction=0.25, draw=3, seed=7)
    back = through_json(one)
    assert back == one
    assert hash(back) == hash(one)  # lists that stayed lists could not be hashed


def test_a_recipe_with_every_value_changed_comes_back_equal() -> None:
    views = Augmentation(crop=None, ratio=(0.9, 1.1), blur=0.5, hue=0.5)
    one = recipe(
        "simclr",
        profile="study",
        data="some/folder",
        fraction=1.0,
        image_size=96,
        classes=("dog", "cat"),
        groups=r"(\w+)/g\d+",
        test="group",
        limit=5,
        on_error="skip",
        backbone="resnet18",
        init="imagenet",
        epochs=3,
        batch_size=7,
        pretrain="all",
        protocols=("knn",),
    )
    one = replace(
        one,
        method=simclr.Settings(augmentation=views, temperature=0.1, hidden=9),
        augmentation=views,
        data=replace(one.data, balance=False),
        precision="32-true",
    )
    assert through_json(one) == one


def test_json_keeps_apart_what_a_turn_is_preceded_and_followed_by() -> None:
    before = Augmentation(crop=(0.3, 0.6), flip=0.25, jitter=0.0, greyscale=0.0)
    after = Augmentation(crop=None, flip=0.0, jitter=0.5, greyscale=0.5)
    method = rotnet.Settings(before=before, jitter=True, after=after, shuffled=True)
    one = replace(recipe("rotnet"), method=method)
    assert through_json(one).method == method


def test_no_field_is_lost_on_the_way_to_json() -> None:
    def fields(value: object) -> dict[str, object]:
        return {
            field.name: fields(getattr(value, field.name))
            if dataclasses.is_dataclass(getattr(value, field.name))
            else None
            for field in dataclasses.fields(value)  # type: ignore[arg-type]
        }

    def keys(plain: dict[str, object]) -> dict[str, object]:
        return {k: keys(v) if isinstance(v, dict) else None for k, v in plain.items()}

    one = recipe("rotnet-jitter")
    plain = keys(to_dict(one))
    assert plain["method"].pop("file", "absent") is None  # type: ignore[union-attr]
    assert plain == fields(one)


@pytest.mark.parametrize(
    ("place", "named"),
    [
        ((), "Recipe has no field colour"),
        (("data",), "Data has no field colour"),
        (("pretraining",), "Training has no field colour"),
        (("method",), "Settings has no field colour"),
        (("method", "before"), "Augmentation has no field colour"),
    ],
)
def test_a_field_that_no_recipe_has_is_an_error_that_names_it(
    place: tuple[str, ...], named: str
) -> None:
    plain = to_dict(recipe("rotnet"))
    inside = plain
    for name in place:
        inside = inside[name]
    inside["colour"] = 1
    with pytest.raises(TypeError, match=named):
        from_dict(plain)


@pytest.mark.parametrize("name", ["fraction", "method"])
def test_a_recipe_without_a_field_that_decides_is_an_error(name: str) -> None:
    plain = to_dict(recipe("rotnet"))
    del plain[name]
    with pytest.raises(TypeError, match=name):
        from_dict(plain)


def test_from_dict_leaves_its_argument_as_it_was() -> None:
    plain = to_dict(recipe("simclr"))
    copy = json.loads(json.dumps(plain))
    from_dict(plain)
    assert json.loads(json.dumps(plain)) == copy


def test_a_recipe_cannot_be_changed() -> None:
    one = recipe("rotnet")
    for inside, name in ((one, "seed"), (one.data, "name"), (one.pretraining, "lr")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(inside, name, 1)


@pytest.mark.parametrize("method", ["supervised", "supervised-plain"])
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
    assert supervised.protocols == ("finetune",)


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
def test_labels_train_every_arm_in_the_views_of_simclr_but_the_plain_one(
    profile: str,
) -> None:
    method = recipe("simclr", profile=profile).method
    assert isinstance(method, simclr.Settings)
    for arm in set(ARMS) - {"supervised-plain"}:
        assert recipe(arm, profile=profile).augmentation == method.augmentation
    plain = recipe("supervised-plain", profile=profile)
    assert not plain.augmentation.jitter
    assert not plain.augmentation.greyscale
    told = recipe("supervised", profile=profile)
    assert replace(plain, augmentation=told.augmentation) == told


def test_all_methods_of_a_profile_learn_for_the_same_number_of_steps() -> None:
    for profile in PROFILES:
        each = [recipe(method, profile=profile) for method in METHODS]
        # The rate is each method's own where it was tuned.
        assert len({replace(one.pretraining, lr=1.0) for one in each}) == 1
        assert len({one.downstream for one in each}) == 1
        assert len({one.probe for one in each}) == 1


@pytest.mark.parametrize("method", METHODS)
def test_the_rates_of_a_tiny_encoder_are_not_those_of_a_resnet(method: str) -> None:
    tiny = recipe(method, profile="quick", backbone="tiny")
    assert tiny == recipe(method, profile="quick")
    assert tiny.pretraining.lr > 3e-4
    assert recipe(method, backbone="resnet18").pretraining.lr == 3e-4
    assert recipe(method, profile="study").pretraining.lr == 3e-4


def test_the_random_floor_is_never_fine_tuned() -> None:
    one = recipe("random", protocols=("linear", "finetune", "knn"))
    assert one.method is None
    assert one.protocols == ("linear", "knn")
    assert "finetune" not in recipe("random").protocols


def test_fine_tuning_alone_is_no_protocol_for_the_random_floor() -> None:
    # It would be supervised training with fewer steps than supervised training has.
    with pytest.raises(ValueError, match="protocols"):
        recipe("random", protocols=("finetune",))


@pytest.mark.parametrize(
    ("method", "protocol", "name"),
    [
        ("supervised", "finetune", "supervised"),
        ("supervised-plain", "finetune", "supervised-plain"),
        ("random", "linear", "random"),
        ("random", "knn", "random"),
        ("rotnet", "finetune", "rotnet"),
        ("rotnet-jitter", "linear", "rotnet-jitter"),
        ("simclr", "knn", "simclr"),
    ],
)
def test_tables_call_each_arm_by_its_name(
    method: str, protocol: str, name: str
) -> None:
    assert recipes.method_name(recipe(method), protocol) == name


@pytest.mark.parametrize("argument", ["method", "profile", "protocols", "pretrain"])
def test_an_unknown_name_is_an_error_that_names_it_and_the_known_ones(
    argument: str,
) -> None:
    known = {
        "method": ARMS,
        "profile": tuple(PROFILES),
        "protocols": PROTOCOLS,
        "pretrain": ("budget", "all"),
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

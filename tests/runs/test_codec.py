"""Recipes as plain values: through JSON and back, with no field lost."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import replace
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from sslkit.judging.protocols import PROTOCOLS
from sslkit.learning.encoders import EncoderSettings
from sslkit.learning.training import Training
from sslkit.methods import rotnet, simclr
from sslkit.runs.codec import UnknownName, from_dict, to_dict
from sslkit.runs.from_profile import recipe
from sslkit.runs.profiles import PROFILES
from sslkit.runs.recipes import Data, Recipe
from sslkit.study.images import ARMS as STUDIED
from sslkit.views.augment import Augmentation


def through_json(one: Recipe) -> Recipe:
    return from_dict(json.loads(json.dumps(to_dict(one))))


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("method", STUDIED)
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
    method = rotnet.Settings(before=before, after=after, shuffled=True)
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
    assert plain["method"].pop("tag", "absent") is None  # type: ignore[union-attr]
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
    with pytest.raises(UnknownName, match=named):
        from_dict(plain)


@pytest.mark.parametrize(
    ("name", "told"), [("fraction", ValueError), ("method", TypeError)]
)
def test_a_recipe_without_a_field_that_decides_is_an_error(
    name: str, told: type[Exception]
) -> None:
    plain = to_dict(recipe("rotnet"))
    del plain[name]
    with pytest.raises(told, match=name):
        from_dict(plain)


def test_from_dict_leaves_its_argument_as_it_was() -> None:
    plain = to_dict(recipe("simclr"))
    copy = json.loads(json.dumps(plain))
    from_dict(plain)
    assert json.loads(json.dumps(plain)) == copy


# ------------------------------------------------------------- any recipe at all

positive = st.floats(1e-6, 1e6)
share = st.floats(0, 1)
count = st.integers(1, 10**9)


@st.composite
def ordered(draw: st.DrawFn, low: float, high: float) -> tuple[float, float]:
    both = [draw(st.floats(low, high)) for _ in range(2)]
    return min(both), max(both)


views = st.builds(
    Augmentation,
    crop=st.none() | ordered(1e-3, 1),
    ratio=ordered(0.1, 10),
    flip=share,
    jitter=share,
    brightness=positive,
    contrast=positive,
    saturation=positive,
    hue=st.floats(0, 0.5),
    greyscale=share,
    blur=share,
)
trainings = st.builds(
    Training,
    optimiser=st.sampled_from(["adam", "adamw", "sgd"]),
    lr=positive,
    schedule=st.sampled_from(["cosine", "constant"]),
    warmup=st.floats(0, 1, exclude_max=True),
    epochs=count,
    steps=st.none() | count,
    batch_size=count,
    weight_decay=positive | st.just(0),
)
data = st.builds(
    Data,
    name=st.text(),
    image_size=count,
    classes=st.none() | st.lists(st.text(), min_size=1).map(tuple),
    groups=st.none() | st.text(),
    test=st.sampled_from(["given", "image", "group"]),
    limit=st.none() | count,
    balance=st.booleans(),
    on_error=st.sampled_from(["raise", "skip"]),
)
methods = st.one_of(
    st.none(),
    st.builds(
        rotnet.Settings,
        before=views,
        after=st.none() | views.map(lambda one: one.colours),
        shuffled=st.booleans(),
    ),
    st.builds(
        simclr.Settings,
        augmentation=views,
        second=st.none() | views,
        temperature=positive,
        hidden=st.none() | count,
        embedding=count,
    ),
)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "data": data,
    "method": methods,
    "encoder": st.builds(
        EncoderSettings,
        backbone=st.sampled_from(["tiny", "resnet18", "resnet34", "resnet50"]),
        stem=st.sampled_from(["small", "image"]),
        init=st.text(),
    ),
    "pretraining": trainings,
    "downstream": trainings,
    "probe": trainings,
    "augmentation": views,
    "fraction": st.floats(0, 1),
    "labels": count,
    "draw": st.integers(),
    "seed": st.integers(),
    "pretraining_seed": st.integers(),
    "pretrain": st.sampled_from(["budget", "labelled", "all", "everything", "extra"]),
    "pretrain_images": st.none() | count,
    "extra_unlabelled": st.none() | data,
    "selection": st.sampled_from(["validation", "last"]),
    "protocols": st.lists(st.sampled_from([*PROTOCOLS]), min_size=1).map(tuple),
    "precision": st.text(),
    "arm": st.text(),
    "profile": st.text(),
    "variant": st.text(),
}


@st.composite
def any_recipe(draw: st.DrawFn) -> Recipe:
    values = draw(st.fixed_dictionaries(FIELDS))
    values[draw(st.sampled_from(["fraction", "labels"]))] = None
    if values["pretrain"] == "extra" and values["extra_unlabelled"] is None:
        values["pretrain"] = "everything"
    return Recipe(**values)


@settings(max_examples=60, deadline=None)
@given(any_recipe())
def test_any_recipe_comes_back_from_json_equal(one: Recipe) -> None:
    back = through_json(one)
    assert back == one
    assert hash(back) == hash(one)
    assert type(back.method) is type(one.method)


def test_every_field_of_a_recipe_is_drawn() -> None:
    assert set(FIELDS) == {field.name for field in dataclasses.fields(Recipe)}

"""Recipes as plain values: through JSON and back, with no field lost."""

from __future__ import annotations

import dataclasses
import json
import typing
from dataclasses import replace

import pytest
from hypothesis import given, settings
from runs.any_recipes import FIELDS, any_recipe

from sslkit.methods import rotnet, simclr
from sslkit.runs import codec
from sslkit.runs.codec import UnknownName, from_dict, to_dict
from sslkit.runs.from_profile import recipe
from sslkit.runs.profiles import PROFILES
from sslkit.runs.recipes import Recipe
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


def test_of_many_recipes_each_type_is_looked_up_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kinds: list[type] = []
    look = typing.get_type_hints
    monkeypatch.setattr(
        typing, "get_type_hints", lambda kind: kinds.append(kind) or look(kind)
    )
    codec._hints.cache_clear()
    for seed in range(3):
        through_json(recipe("simclr", profile="smoke", seed=seed))
    assert Recipe in kinds
    assert len(kinds) == len(set(kinds))


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


@settings(max_examples=60, deadline=None)
@given(any_recipe())
def test_any_recipe_comes_back_from_json_equal(one: Recipe) -> None:
    back = through_json(one)
    assert back == one
    assert hash(back) == hash(one)
    assert type(back.method) is type(one.method)


def test_every_field_of_a_recipe_is_drawn() -> None:
    assert set(FIELDS) == {field.name for field in dataclasses.fields(Recipe)}

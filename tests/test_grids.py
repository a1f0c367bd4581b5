"""Grids: which recipes, and in which order."""

from __future__ import annotations

from collections import Counter

import pytest

from sslkit import grids, recipes


def test_every_arm_is_there_for_every_fraction_and_draw_and_no_recipe_twice() -> None:
    todo = list(grids.arms(fractions=(0.05, 0.25), curve=(0.25, 1.0), draws=3))
    names = [recipes.describe(one) for one in todo]
    arms = [
        f"{arm}, fraction {fraction}, draw {draw}"
        for draw in range(3)
        for fraction in (0.05, 0.25)
        for arm in recipes.ARMS
    ]
    curve = [f"supervised, fraction 1, draw {draw}" for draw in range(3)]
    assert Counter(names) == Counter(arms + curve)
    assert len(set(todo)) == len(todo)


def test_every_draw_has_a_seed_of_its_own_and_ends_before_the_next_begins() -> None:
    todo = list(grids.arms(draws=4))
    assert [one.draw for one in todo] == [one.seed for one in todo]
    assert [one.draw for one in todo] == sorted(one.draw for one in todo)
    assert set(Counter(one.draw for one in todo).values()) == {len(todo) // 4}


def test_what_a_grid_is_told_reaches_its_recipes() -> None:
    one, *_ = grids.arms(
        profile="smoke",
        data="a/folder",
        fractions=(0.5,),
        curve=(),
        draws=1,
        image_size=48,
        groups=r"(\w+)/g\d+_",
        test="group",
        limit=7,
    )
    assert one == recipes.recipe(
        recipes.ARMS[0],
        profile="smoke",
        data="a/folder",
        fraction=0.5,
        image_size=48,
        groups=r"(\w+)/g\d+_",
        test="group",
        limit=7,
    )


def test_every_grid_makes_recipes_from_its_defaults() -> None:
    for grid in grids.GRIDS.values():
        assert all(isinstance(one, recipes.Recipe) for one in grid())


def test_a_value_out_of_range_is_an_error() -> None:
    with pytest.raises(ValueError, match="fraction is 2"):
        list(grids.arms(curve=(2,)))

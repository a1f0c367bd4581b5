"""Fixed choices: what is none of them is refused, with the nearest."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import pytest

from sslkit.learning.choices import check_choice, check_choices


@dataclass(frozen=True)
class Meal:
    dish: Literal["soup", "salad", "stew"] = "soup"
    cups: Literal[1, 2] = 1
    guest: str = "anyone"

    def __post_init__(self) -> None:
        check_choices(self)


@pytest.mark.parametrize("dish", ["soup", "salad", "stew"])
def test_every_named_value_is_allowed_and_other_fields_are_free(dish: str) -> None:
    meal = Meal(dish=dish, cups=2, guest="salda")
    assert (meal.dish, meal.cups, meal.guest) == (dish, 2, "salda")


def test_a_value_that_is_not_named_is_refused_with_the_nearest() -> None:
    with pytest.raises(
        ValueError,
        match=r"^dish 'salda' is not one of soup, salad, stew; did you mean 'salad'\?$",
    ):
        Meal(dish="salda")
    with pytest.raises(ValueError, match="cups '3' is not one of 1, 2$"):
        Meal(cups=3)
    with pytest.raises(ValueError, match="did you mean 'stew'"):
        replace(Meal(), dish="stwe")


def test_a_value_like_none_of_them_is_refused_without_a_guess() -> None:
    with pytest.raises(ValueError, match="^dish 'x' is not one of soup, salad, stew$"):
        Meal(dish="x")


def test_a_number_is_not_its_own_name() -> None:
    with pytest.raises(ValueError, match="cups '1' is not one of 1, 2; did you mean"):
        Meal(cups="1")


def test_one_choice_is_checked_among_the_names_of_anything() -> None:
    known = {"linear": 1, "mlp": 2}
    check_choice("protocol", "mlp", known)
    with pytest.raises(
        ValueError,
        match=r"^protocol 'liner' is not one of linear, mlp; did you mean 'linear'\?$",
    ):
        check_choice("protocol", "liner", known)
    with pytest.raises(ValueError, match="^n '5' is not one of 1, 2$"):
        check_choice("n", 5, iter([1, 2]))

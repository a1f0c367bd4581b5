"""Keys of any recipe: one name for equal recipes, another for each that differs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import hypothesis.strategies as st
import torch
from hypothesis import assume, given, settings
from runs.any_recipes import FIELDS, any_recipe

import sslkit
from sslkit.runs import keys
from sslkit.runs.codec import from_dict, to_dict
from sslkit.runs.recipes import Recipe

PRECISIONS = st.sampled_from(["32-true", "64-true", "16-mixed", "bf16-mixed"])
OF_BOTH = ("method", "encoder", "precision")
OF_PRETRAINING = ("pretraining", "pretraining_seed")
OF_THE_RUN = (
    "downstream probe augmentation budget draw seed selection protocols".split()
)
LABELS = ("arm", "profile", "variant")
BY_IMAGES = {"data", "pretrain", "pretrain_images", "extra_unlabelled"}
IMAGES = sslkit.ImageSet.of(
    torch.zeros(36, 3, 1, 1, dtype=torch.uint8), torch.arange(36) % 3
)
ROWS = sslkit.split(IMAGES, 0.5)

# The same examples every time, so that nobody meets another's failure.
same_examples = settings(derandomize=True, deadline=None, max_examples=100)


def named(one: Recipe) -> tuple[str | None, str]:
    """The names of its encoder and of its run, on images and rows that stay."""
    pretraining = keys.pretraining_key(one, IMAGES, ROWS)
    return pretraining, keys.run_key(one, IMAGES, ROWS)


@st.composite
def keyed(draw: st.DrawFn) -> Recipe:
    """Any recipe from random weights and at a known precision."""
    one = draw(any_recipe())
    encoder = replace(one.encoder, init="random")
    return replace(one, encoder=encoder, precision=draw(PRECISIONS))


@st.composite
def changed(draw: st.DrawFn, one: Recipe, name: str) -> Recipe:
    """The recipe with another value of one field."""
    if name == "precision":
        values: Any = {name: draw(PRECISIONS)}
    elif name == "encoder":
        values = {name: replace(draw(FIELDS[name]), init="random")}
    elif name == "budget":  # a share of the labels, or their number
        kind = draw(st.sampled_from(["fraction", "labels"]))
        values = {"fraction": None, "labels": None} | {kind: draw(FIELDS[kind])}
    else:
        values = {name: draw(FIELDS[name])}
    other = replace(one, **values)
    assume(other != one)
    return other


@same_examples
@given(keyed(), st.sampled_from([*OF_BOTH, *OF_PRETRAINING, *OF_THE_RUN]), st.data())
def test_a_field_that_decides_a_result_gives_it_another_name(
    one: Recipe, name: str, data: st.DataObject
) -> None:
    other = data.draw(changed(one, name))
    (encoder, run), (other_encoder, other_run) = named(one), named(other)
    pretrained = (one.method, other.method) != (None, None)
    assert (encoder != other_encoder) == (name not in OF_THE_RUN and pretrained)
    assert (run != other_run) == (name not in OF_PRETRAINING or pretrained)


@same_examples
@given(keyed(), st.sampled_from(LABELS), st.data())
def test_equal_recipes_have_one_name_whatever_they_are_called(
    one: Recipe, name: str, data: st.DataObject
) -> None:
    again = from_dict(to_dict(one))
    assert named(again) == named(one)
    assert named(data.draw(changed(one, name))) == named(one)


def test_every_field_of_a_recipe_decides_or_is_a_label_or_counts_by_the_images() -> (
    None
):
    budget = {"fraction", "labels"}
    known = {*OF_BOTH, *OF_PRETRAINING, *OF_THE_RUN, *LABELS, *BY_IMAGES, *budget}
    assert known - {"budget"} == FIELDS.keys()


def test_seeds_that_are_one_as_floating_point_numbers_are_two() -> None:
    one = sslkit.recipe("random", profile="smoke", seed=2**53)
    assert named(one) != named(replace(one, seed=2**53 + 1))

"""Advice: each rule on made-up looks, at both sides of where it turns."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from folder.looked import SUGGESTED, files, looked, machine, told

from sslkit.folder import advise, names
from sslkit.folder.advice import MEASURED, RULE, Advice, percent
from sslkit.folder.doubles import Doubles
from sslkit.folder.recorded import Finding
from sslkit.folder.words import of_advice

RECORDED = (
    Finding("simclr", "colon3", 0.08, 0.01, 0.15, 5),
    Finding("rotnet", "colon3", -0.01, -0.1, 0.1, 5),
    Finding("jitter", "colon3", 0.1, 0.04, 0.16, 10),
    Finding("labels", "colon3", 0.48, 0.12, math.inf, 5),
    Finding("blocks", "colon3", 0.91, 0.9, 0.93, 900),
)


def of(found: Advice | None) -> Advice:
    assert found is not None
    return found


# -------------------------------------------------------------- what is compared


@pytest.mark.parametrize(
    ("turn", "light", "value"),
    [
        (0.7, 0.3, "yes"),
        (0.3, 0.26, "no"),
        (0.42, 0.26, "open"),
        (0.7, 0.6, "open"),
        (0.7, 0.47, "yes"),
    ],
)
def test_rotnet_wants_an_up_that_is_not_mostly_light(
    turn: float, light: float, value: str
) -> None:
    look = looked(turn=told(turn), light=told(light))
    assert advise.rotnet(look, ()).value == value


def test_rotnet_is_not_for_too_few_images_to_tell() -> None:
    found = advise.rotnet(looked(turn=None, light=None), RECORDED)
    assert (found.value, found.basis) == ("no", RULE)


def test_light_from_one_side_may_be_a_sky_or_a_lamp_which_only_the_reader_knows() -> (
    None
):
    found = advise.rotnet(looked(light=told(0.6)), RECORDED)
    assert "which is it?" in found.why
    assert "which is it?" not in advise.rotnet(looked(), RECORDED).why


@pytest.mark.parametrize(
    ("values", "warned"),
    [
        ({"size": 96, "files": files(96)}, True),
        ({"size": 32, "files": files(96)}, False),
        ({"size": 96, "files": files(96, "PNG")}, False),
        ({"size": 90, "files": files(90)}, False),
        ({"files": None}, False),
    ],
)
def test_rotnet_is_warned_of_the_blocks_of_jpeg_files_as_they_are(
    values: dict[str, Any], warned: bool
) -> None:
    found = advise.rotnet(looked(**values), RECORDED)
    assert ("their blocks" in found.why) == warned
    assert "their blocks" not in advise.rotnet(looked(**values), ()).why


@pytest.mark.parametrize(
    ("colour", "value"),
    [(None, "both"), (0.53, "yes"), (0.6, "yes"), (0.74, "yes"), (0.76, "both")],
)
def test_jitter_is_compared_where_colour_tells_more_than_half(
    colour: float | None, value: str
) -> None:
    """The commonest class is half of the images, so 0.75 is half of what is left."""
    look = looked(colour=None if colour is None else told(colour, 0.5))
    assert of(advise.jitter(look, ())).value == value


def test_without_labels_colours_and_labels_are_not_spoken_of() -> None:
    bare = looked(counts={}, unlabelled=400, colour=None, budget=0)
    assert advise.jitter(bare, RECORDED) is None
    assert advise.labels(bare, RECORDED) is None
    assert advise.balance(bare) is None
    given = [one.what for one in advise.advise(bare, machine(), recorded=RECORDED)]
    assert given == ["backbone", "steps", "memory", "simclr", "rotnet", "weights"]


def test_what_records_say_is_quoted_and_named_as_such() -> None:
    found = advise.simclr(looked(), RECORDED)
    assert found.basis == "recorded on colon3"
    assert "added +8.0 points (95 % interval +1.0 to +15.0, 5 pairs) on colon3" in (
        found.why
    )
    assert advise.simclr(looked(), ()).basis == RULE
    both = (*RECORDED, Finding("simclr", "cifar3", 0.0, -0.01, 0.01, 5))
    assert advise.simclr(looked(), both).basis == "recorded on colon3 and cifar3"


def test_few_images_have_no_record_to_go_by() -> None:
    few = looked(counts={"a": {"train": 24, "test": 6}})
    found = advise.simclr(few, RECORDED)
    assert found.basis == RULE
    assert "learnt from fewer than 192" in found.why


def test_a_label_costs_what_records_say_that_computing_saves() -> None:
    found = of(advise.labels(looked(), RECORDED))
    assert "48 % of them (12 % to more than all) on colon3" in found.why
    assert found.why.startswith("40 labels may be read here")
    assert advise.labels(looked(), ()) is None


# ------------------------------------------------------------ what is to be mended


def test_test_images_that_training_sees_are_to_be_taken_out() -> None:
    found = of(advise.doubles(looked(doubles=Doubles(9, 9, 2, 3, 0, 0, ()))))
    assert found.value == 5
    assert found.why.startswith("5 test images")
    assert advise.doubles(looked(doubles=Doubles(9, 9, 0, 0, 0, 0, ()))) is None


@pytest.mark.parametrize("share", [0.56, 0.9])
def test_groups_that_look_their_own_are_to_be_kept_together(share: float) -> None:
    look = looked(suggested=(SUGGESTED,), own_group=told(share))
    found = of(advise.groups(look))
    assert (found.value, found.basis) == (SUGGESTED.pattern, MEASURED)
    assert "12 of 100 test images" in found.why
    assert "start again" not in found.why


def test_groups_that_look_like_others_are_no_leak() -> None:
    look = looked(suggested=(SUGGESTED,), own_group=told(0.54))
    assert of(advise.groups(look)).value is None
    assert advise.groups(looked()) is None


def test_numbers_of_groups_that_may_start_again_get_a_pattern_with_the_class() -> None:
    mixed = replace(SUGGESTED, mixed=30)
    found = of(advise.groups(looked(suggested=(mixed,), own_group=told(0.9))))
    pattern = found.why.rsplit(" is ", 1)[1]
    named = names.of(["a/p1_2.png", "b/p1_3.png", "a/p1_4.png"], pattern)
    assert list(named) == ["a/p1", "b/p1", "a/p1"]


@pytest.mark.parametrize(("least", "basis"), [(9, RULE), (10, MEASURED)])
def test_few_slides_are_few_however_many_images(least: int, basis: str) -> None:
    look = looked(groups={"cat": least, "dog": 30}, own_group=told(0.9))
    found = of(advise.groups(look))
    assert (found.value, found.basis) == (None, basis)
    assert ("'cat' has 9 groups" in found.why) == (least == 9)


@pytest.mark.parametrize(("small", "said"), [(12, True), (99, True), (101, False)])
def test_classes_of_very_different_sizes_are_spoken_of(small: int, said: bool) -> None:
    counts = {"a": {"train": 200, "test": 5}, "b": {"train": small, "test": 5}}
    found = advise.balance(looked(counts=counts))
    assert (found is not None) == said
    if found:
        assert found.value == small


# ------------------------------------------------------------------------ together


def test_all_advice_has_a_value_or_says_why_not_and_on_what_it_rests() -> None:
    given = advise.advise(looked(), machine(), recorded=RECORDED)
    assert len({one.what for one in given}) == len(given)
    for one in given:
        assert one.basis in (MEASURED, RULE, "recorded on colon3")
        assert one.why.endswith(".")
        assert "  " not in one.why
    by_name = {one.what: one.value for one in given}
    assert by_name["backbone"] == "small"
    assert by_name["steps"] == 3515
    text = of_advice(given)
    assert "- backbone = small: 2,000 steps" in text
    assert max(map(len, text.splitlines())) <= 88


def test_no_time_is_refused() -> None:
    with pytest.raises(ValueError, match="minutes is 0"):
        advise.advise(looked(), machine(), minutes=0)


@pytest.mark.parametrize(
    ("share", "said"),
    [(0.5, "50 %"), (0.004, "0.4 %"), (math.inf, "more than all"), (1.0, "100 %")],
)
def test_shares_are_said_in_per_cent(share: float, said: str) -> None:
    assert percent(share) == said

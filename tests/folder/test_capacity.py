"""Capacity: what fits into the time, by hand."""

from __future__ import annotations

import pytest
from folder.looked import files, looked, machine

from sslkit.folder import capacity
from sslkit.folder.advice import MEASURED, RULE


@pytest.mark.parametrize(
    ("side", "gpu", "size", "basis"),
    [
        (96, False, 32, RULE),
        (28, False, 28, MEASURED),
        (96, True, 96, MEASURED),
        (512, True, 96, RULE),
    ],
)
def test_images_are_read_at_their_own_size_or_at_the_most_that_is_advised(
    side: int, gpu: bool, size: int, basis: str
) -> None:
    found = capacity.image_size(files(side), gpu=gpu)
    assert (found.value, found.basis) == (size, basis)
    assert f"{side} pixels" in found.why


def test_what_shrinking_costs_is_said() -> None:
    why = capacity.image_size(files(96), gpu=False).why
    assert "9 times less" in why
    assert "smaller than 6 pixels" in why
    assert capacity.image_size(None, gpu=False).value == 32


@pytest.mark.parametrize(
    ("minutes", "name"),
    [(60, "small"), (34, "tiny"), (35, "small"), (7, "tiny"), (1, "tiny")],
)
def test_the_largest_network_is_taken_that_learns_for_long_enough(
    minutes: float, name: str
) -> None:
    """2,000 steps of 256 images take small 17 minutes and tiny 3.4."""
    found = capacity.backbone(machine(), minutes)
    assert (found.value, found.basis) == (name, MEASURED)
    assert ("Nothing here is smaller" in found.why) == (minutes < 6.8)


def test_steps_are_those_of_half_of_the_time() -> None:
    found = capacity.steps(looked(), machine(), "small", 60)
    assert found.value == 30 * 60 // (256 * 0.002)
    assert "2250 passes over 400 images" in found.why  # 3515 * 256 / 400
    assert "short" not in found.why


def test_steps_are_no_more_than_enough_and_few_are_called_short() -> None:
    assert capacity.steps(looked(), machine(), "tiny", 600).value == capacity.ENOUGH
    few = capacity.steps(looked(), machine(), "small", 10)
    assert few.value == 585
    assert "That is short" in few.why


def test_a_step_holds_no_more_images_than_there_are() -> None:
    look = looked(counts={"a": {"train": 10, "test": 5}, "b": {"train": 14, "test": 5}})
    found = capacity.steps(look, machine(), "small", 2)
    assert found.value == int(60 / (24 * 0.002))


def test_memory_is_said_where_the_system_says_it() -> None:
    found = capacity.memory(machine())
    assert found is not None
    assert (found.value, found.why[:30]) == (1.2, "1.2 GiB of this machine's 16 w")
    assert capacity.memory(machine(used=None)) is None


def test_weights_are_here_or_the_way_to_them_is_said() -> None:
    assert capacity.weights(machine(weights=("resnet18",))).value == ("resnet18",)
    none = capacity.weights(machine())
    assert none.value is None
    assert "bring the file" in none.why

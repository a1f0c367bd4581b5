"""Where the memory does not suffice, a batch that does fit is said."""

from __future__ import annotations

import weakref

import pytest
import torch
from learning.made import Probe, Table, run

from sslkit.learning import memory
from sslkit.learning.training import Training

CPU = "[enforce fail at alloc_cpu.cpp:118] . DefaultCPUAllocator: can't allocate memory"
SHORT = [
    RuntimeError(CPU),
    torch.OutOfMemoryError("CUDA out of memory."),
    MemoryError(),
]


TRAINING = Training(epochs=1, batch_size=20)


class Limited(Probe):
    """A softmax regression that finds no memory for more than so many images."""

    def __init__(self, most: int, error: Exception) -> None:
        super().__init__()
        self.most, self.error = most, error
        self.tried: list[int] = []
        self.held: weakref.ref[torch.Tensor] | None = None

    def forward(
        self, views: list[torch.Tensor], labels: torch.Tensor | None = None
    ) -> dict[str, torch.Tensor]:
        assert self.held is None or self.held() is None, "the last try is still held"
        self.tried.append(len(views[0]))
        if len(views[0]) > self.most:
            large = torch.zeros(9)
            self.held = weakref.ref(large)
            raise self.error
        return super().forward(views, labels)


@pytest.mark.parametrize("error", SHORT, ids=lambda error: type(error).__name__)
def test_the_largest_half_that_fits_is_said_with_the_option(error: Exception) -> None:
    limited = Limited(6, error)
    with pytest.raises(
        MemoryError,
        match=r"trial: batches of 20 images .*; batches of 5 do: try batch_size=5, sm",
    ) as said:
        run(limited, Table(), torch.arange(40), TRAINING)
    assert limited.tried == [20, 10, 5]
    assert said.value.__cause__ is error


def test_where_nothing_fits_there_is_no_batch_to_try() -> None:
    with pytest.raises(
        MemoryError, match=r"; nor do smaller ones: try smaller images \(image_size=\)"
    ):
        run(Limited(0, MemoryError()), Table(), torch.arange(40), TRAINING)


@pytest.mark.parametrize("size", [1, 3])
def test_what_has_no_half_to_learn_from_is_not_tried(size: int) -> None:
    with (
        pytest.raises(MemoryError, match=r"memory; try smaller images"),
        memory.told("x", size, attempt=None),
    ):
        raise MemoryError


def test_what_was_not_tried_is_said_to_be_unknown() -> None:
    def odd(size: int) -> None:
        raise ValueError(f"{size} is no multiple of 32")

    for attempt, said in (
        (None, "whether smaller ones do was not tried: try batch_size=24, smaller"),
        (odd, r"smaller ones failed \(24 is no multiple .*\): try batch_size=24, sm"),
    ):
        with (
            pytest.raises(MemoryError, match=said),
            memory.told("x", 48, attempt=attempt),
        ):
            raise MemoryError


def test_any_other_error_passes_as_it_is() -> None:
    error = RuntimeError("shapes cannot be multiplied")
    with pytest.raises(RuntimeError) as told, memory.told("x", 8, attempt=None):
        raise error
    assert told.value is error
    assert not memory.is_short(error)


def test_a_step_that_no_machine_can_do_ends_a_training_with_it() -> None:
    class Large(Probe):
        def forward(self, *args: object, **values: object) -> dict[str, torch.Tensor]:
            torch.empty(2**55, dtype=torch.uint8)
            raise AssertionError

    with pytest.raises(MemoryError, match="batches of 20 .*nor do smaller ones"):
        run(Large(), Table(), torch.arange(40), TRAINING)

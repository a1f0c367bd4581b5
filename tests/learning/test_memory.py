"""Where the memory does not suffice, the batch to try is said."""

from __future__ import annotations

from pathlib import Path

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


@pytest.mark.parametrize("error", SHORT, ids=lambda error: type(error).__name__)
def test_half_the_batch_is_said_with_the_option(error: Exception) -> None:
    with (
        pytest.raises(
            MemoryError, match=r"pretrain x: batches of 48 images .*try batch_size=24, "
        ) as told,
        memory.told("pretrain x", 48),
    ):
        raise error
    assert told.value.__cause__ is error


def test_of_a_batch_of_one_there_is_no_half() -> None:
    with (
        pytest.raises(MemoryError, match=r"try smaller images \(image_size=\)"),
        memory.told("x", 1),
    ):
        raise MemoryError


def test_any_other_error_passes_as_it_is() -> None:
    error = RuntimeError("shapes cannot be multiplied")
    with pytest.raises(RuntimeError) as told, memory.told("x", 8):
        raise error
    assert told.value is error
    assert not memory.is_short(error)


def test_a_step_that_does_not_fit_ends_a_training_with_it(tmp_path: Path) -> None:
    class Large(Probe):
        def forward(self, *args: object, **values: object) -> dict[str, torch.Tensor]:
            torch.empty(2**55, dtype=torch.uint8)  # no machine has it
            raise AssertionError

    with pytest.raises(MemoryError, match="batches of 20 .*batch_size=10"):
        run(Large(), Table(), torch.arange(40), Training(epochs=1, batch_size=20))

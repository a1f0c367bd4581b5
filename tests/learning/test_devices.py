from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from sslkit.images.devices import to_device
from sslkit.learning import devices

# Takes and gives back 40 MB a step, as a training does; prints the pages fetched.
CHURN = """
import resource
import torch
from sslkit.learning.devices import keep_freed_memory

{call}

def pages():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

for step in range(40):
    if step == 30:  # until then the heap grows to what is wanted
        before = pages()
    torch.ones(10_000_000)
print(pages() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="of glibc")
def test_a_step_does_not_fetch_its_memory_anew() -> None:
    def pages(call: str) -> int:
        code = CHURN.format(call=call)
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        return int(done.stdout)

    assert pages("keep_freed_memory()") < 1000 < pages("")


def test_what_is_there_is_not_copied() -> None:
    values = torch.rand(3)
    assert to_device(values, torch.device("cpu")) is values
    assert to_device(values, torch.device("meta")).device.type == "meta"


@pytest.mark.parametrize(
    ("gpu", "cpu", "wanted"),
    [
        (True, {}, "bf16-mixed"),
        (False, {}, "32-true"),
        (False, {"avx512_bf16": False, "amx_bf16": False}, "32-true"),
        (False, {"avx512_bf16": True}, "bf16-mixed"),
        (False, {"amx_bf16": True}, "bf16-mixed"),
    ],
)
def test_precision_is_lightnings_name_or_what_the_device_computes_in(
    monkeypatch: pytest.MonkeyPatch, gpu: bool, cpu: dict[str, bool], wanted: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: cpu)
    assert devices.precision("auto") == wanted
    assert devices.precision("64-true") == "64-true"


def test_a_precision_that_there_is_not_is_refused_with_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"precision 'bf16-mixd' .*mean 'bf16-mixed'"):
        devices.precision("bf16-mixd")


def test_a_torch_that_cannot_say_what_a_cpu_can_takes_32_bits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert devices.precision("auto") == "32-true"


@pytest.mark.skipif(torch.cuda.is_available(), reason="of machines without a GPU")
def test_without_a_gpu_and_without_torchrun_one_cpu_is_launched() -> None:
    fabric = devices.launch()
    assert (fabric.device.type, fabric.world_size) == ("cpu", 1)
    doubled = devices.launch("64-true").setup(torch.nn.Linear(2, 1))
    assert doubled(torch.rand(3, 2)).dtype == torch.float32  # given back as it came
    assert doubled.weight.dtype == torch.float64


def test_launching_says_nothing_of_the_precision() -> None:
    # In a process of its own: Lightning writes where stderr was when it was imported.
    code = "from sslkit.learning.devices import launch; launch('bf16-mixed')"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")

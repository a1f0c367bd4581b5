from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from sslkit.images.devices import to_device

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

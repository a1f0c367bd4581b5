"""Where the project and real images are."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

# A shell that runs the tests in the background has them, and what they start, ignore
# Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def real_images() -> Path:
    """The folder of real image sets, or a skip that says how to give one."""
    folder = os.environ.get("SSLKIT_DATA")
    if not folder:
        pytest.skip("SSLKIT_DATA is unset: it names the folder of real image sets")
    return Path(folder)


@pytest.fixture
def full_disk() -> Callable[[Path], None]:
    """Let the system refuse, for want of room, what is written in a file's place."""
    device = Path("/dev/full")
    if not device.is_char_device():
        pytest.skip("needs Linux's /dev/full, a disk that is always full")

    def fill(file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.with_name(f".{file.name}.partial").symlink_to(device)

    return fill


@pytest.fixture
def nothing_left_behind() -> Iterator[None]:
    """Figures are closed and matplotlib's settings restored, or the test fails."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    before = dict(mpl.rcParams)
    yield
    assert plt.get_fignums() == []
    assert dict(mpl.rcParams) == before

"""Where the project and real images are."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
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
def nothing_left_behind() -> Iterator[None]:
    """Figures are closed and matplotlib's settings restored, or the test fails."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    before = dict(mpl.rcParams)
    yield
    assert plt.get_fignums() == []
    assert dict(mpl.rcParams) == before

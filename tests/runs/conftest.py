"""A run that nothing stopped, its store, and a folder of images."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_runs import noise, small

import sslkit
from sslkit.runs.records import Run


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("undisturbed")


@pytest.fixture(scope="session")
def undisturbed(store: Path) -> Run:
    """A run that nothing stopped."""
    return sslkit.run(small(), out=store)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of 10 training and 5 test images of noise."""
    return noise(tmp_path_factory.mktemp("noise"))

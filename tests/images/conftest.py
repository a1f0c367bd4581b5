"""Folders of images."""

from __future__ import annotations

from pathlib import Path

import pytest
from images.made import fill


@pytest.fixture(autouse=True)
def no_data_folder_of_the_user(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if "real_images" not in request.fixturenames:
        monkeypatch.setenv("SSLKIT_DATA", str(tmp_path))


@pytest.fixture
def small(tmp_path: Path) -> Path:
    counts = {"train/cat": 6, "train/dog": 5, "test/cat": 3, "test/dog": 2}
    return fill(tmp_path / "small", counts)


@pytest.fixture
def grouped(tmp_path: Path) -> Path:
    """12 patients in each of two classes, of 1 to 12 images; ids restart by class."""
    folder = tmp_path / "grouped"
    for name in ("a", "b"):
        for patient in range(12):
            fill(folder, {name: patient + 1}, f"p{patient:02d}_{{i}}.png")
    return folder

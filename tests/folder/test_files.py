"""Files by their headers."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from images.made import colour, save

from sslkit.folder.files import headers


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for i in range(3):
        save(colour(1, 2, 3, size=(20, 12)), tmp_path / f"{i}.png")
    save(colour(1, 2, 3, size=(30, 40)).convert("L"), tmp_path / "grey.jpg")
    return tmp_path


def test_formats_modes_and_sizes_are_counted(folder: Path) -> None:
    found = headers(folder, ["0.png", "1.png", "2.png", "grey.jpg"])
    assert found.formats == {"PNG": 3, "JPEG": 1}
    assert found.modes == {"RGB": 3, "L": 1}
    assert (found.count, found.sizes, found.longest) == (4, 2, 40)
    assert found.sides == (12, 12, 30)
    assert found.native is None
    assert found.unreadable == {}


def test_files_that_are_no_images_are_named_with_the_reason(folder: Path) -> None:
    (folder / "empty.png").touch()
    (folder / "text.jpg").write_text("no image at all")
    whole = io.BytesIO()
    colour(1, 2, 3).save(whole, "PNG")
    (folder / "cut.png").write_bytes(whole.getvalue()[:20])
    names = ["empty.png", "0.png", "text.jpg", "cut.png", "gone.png"]
    found = headers(folder, names)
    assert (found.count, [*found.unreadable]) == (1, [names[0], *names[2:]])
    assert "cannot identify" in found.unreadable["text.jpg"]
    assert found.unreadable["gone.png"].startswith("FileNotFoundError")


def test_squares_of_one_size_have_a_size_of_their_own(tmp_path: Path) -> None:
    save(colour(1, 2, 3, size=(16, 16)), tmp_path / "0.png")
    assert headers(tmp_path, ["0.png"]).native == 16
    assert headers(tmp_path, []).sides == (0, 0, 0)
    assert headers(tmp_path, []).native is None

"""Files that are written whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sslkit.images.files import remove, whole


def test_a_file_is_there_when_it_is_whole(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "er" / "x.txt"
    with whole(file) as partial:
        partial.write_text("half")
        assert not file.exists()
    assert file.read_text() == "half"
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt])
def test_what_stops_the_writing_passes_and_leaves_the_old_file(
    kind: type[BaseException], tmp_path: Path
) -> None:
    file = tmp_path / "x.txt"
    file.write_text("old")

    def write() -> None:
        with whole(file) as partial:
            partial.write_text("half")
            raise kind("why")

    with pytest.raises(kind, match="why"):
        write()
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_full_disk_is_told_with_the_file_and_the_way_out(
    tmp_path: Path, full_disk: Callable[[Path], None]
) -> None:
    file = tmp_path / "x.txt"
    full_disk(file)
    with (
        pytest.raises(
            OSError, match=r"x\.txt' cannot be written \(No space .*make room"
        ),
        whole(file) as partial,
    ):
        partial.write_text("half")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("place", "said"), [("file/x", "File exists"), ("dir", "Is a dir")]
)
def test_a_place_where_no_file_can_be_is_told(
    place: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "dir").mkdir()
    with (
        pytest.raises(OSError, match=rf"{place}' cannot be written \({said}"),
        whole(tmp_path / place) as partial,
    ):
        partial.touch()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dir", "file"]


def test_a_file_goes_with_what_a_killed_process_left_beside_it(tmp_path: Path) -> None:
    file, other = tmp_path / "x.txt", tmp_path / "y.txt"
    for path in (file, other, tmp_path / ".x.txt.partial"):
        path.touch()
    remove(file)
    remove(file)  # it need not be there
    assert list(tmp_path.iterdir()) == [other]

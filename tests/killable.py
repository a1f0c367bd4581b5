"""Works to be killed, one of which writes as nobody should, for children to import."""

from __future__ import annotations

import time
from pathlib import Path

from sslkit.images.files import whole
from tools.kill_work import Work

TEXT = "a line of a file\n" * 40


def begin(folder: Path) -> None:
    (folder / "out").mkdir()
    (folder / "out" / "a.txt").write_text("what was there before")


def _slowly(file: Path, text: str) -> None:
    with file.open("w") as lines:
        for line in text.splitlines(keepends=True):
            lines.write(line)
            lines.flush()
            time.sleep(0.005)


def write_whole(folder: Path) -> None:
    with whole(folder / "out" / "a.txt") as partial:
        _slowly(partial, TEXT)


def write_in_place(folder: Path) -> None:
    _slowly(folder / "out" / "a.txt", TEXT)


def write_and_remember(folder: Path) -> None:
    """Leave a line for every time that it was begun."""
    with (folder / "out" / "begun.txt").open("a") as mark:
        mark.write("begun\n")
    write_whole(folder)


def fail(folder: Path) -> None:
    raise ValueError("it cannot be done")


GOOD = Work("out", begin, write_whole)
IN_PLACE = Work("out", begin, write_in_place)
REMEMBERS = Work("out", begin, write_and_remember)
FAILS = Work("out", begin, fail)

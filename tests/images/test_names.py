"""Names: the nearest, and any of them on one line of a terminal."""

from __future__ import annotations

import os

import pytest

from sslkit.images.names import first_line, nearest, printable


def test_the_nearest_name_is_asked_for_and_a_strange_one_is_not() -> None:
    assert nearest("simlcr", ["rotnet", "simclr"]) == "; did you mean 'simclr'?"
    assert nearest("x", ["rotnet", "simclr"]) == ""
    assert nearest(12, iter([1, 3, 122])) == "; did you mean '122'?"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain <b> $(x) \"y\" 'z'", "plain <b> $(x) \"y\" 'z'"),
        ("two\nlines\r\n", r"two\nlines\r\n"),
        ("\x1b[2Jgone", r"\x1b[2Jgone"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("خلايا 🧫 ß", "خلايا 🧫 ß"),
        (os.fsdecode(b"\xff.png"), r"\udcff.png"),
    ],
)
def test_any_name_is_shown_on_one_line(text: str, shown: str) -> None:
    assert printable(text) == shown
    shown.encode()


def test_the_first_line_of_an_error_or_else_its_kind() -> None:
    assert first_line(ValueError("\n one\n two")) == "one"
    assert first_line(EOFError()) == "EOFError"

"""Names: the nearest, and any of them on one line of a terminal."""

from __future__ import annotations

import os

import pytest

from sslkit.images.names import as_typed, first_line, nearest, printable


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


OPTIONS = """
    on_error limit image_size test classes batch_size lr groups data init seed
""".split()


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ('leave them out with on_error="skip"', "leave them out with --on-error skip"),
        ("fewer images (limit=, image_size=)", "fewer images (--limit, --image-size)"),
        ('use test="image" (or test="group")', "use --test image (or --test group)"),
        ("name them with classes=(...)", "name them with --classes ..."),
        ("try batch_size=32, or", "try --batch-size 32, or"),
        ("lr=0.01.", "--lr 0.01."),
        (r"groups='(\\w+' is no pattern", r"--groups '(\w+' is no pattern"),
        ("data='my photos'", "--data 'my photos'"),
        ("init=FILE, or init='random'", "--init FILE, or --init random"),
        ("there is no folder /a/test=1/seed=2", "there is no folder /a/test=1/seed=2"),
        ("precision='32-true', root=", "precision='32-true', root="),
    ],
)
def test_what_python_calls_an_argument_is_an_option_on_the_command_line(
    text: str, typed: str
) -> None:
    assert as_typed(text, OPTIONS) == typed

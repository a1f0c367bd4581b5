"""Names: the nearest of those that are known, and how any name is shown in a line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: object, known: Iterable[object]) -> str:
    """A question at the end of a message, as ``"; did you mean 'simclr'?"``.

    Empty if no known name is like it.
    """
    near = difflib.get_close_matches(str(name), map(str, known), n=1)
    return f"; did you mean '{near[0]}'?" if near else ""


def printable(text: str) -> str:
    """A text for a terminal, on one line.

    A file may be called anything: line breaks, commands to a terminal, marks that turn
    the direction of writing and bytes that are no text are shown as Python writes them.
    """
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


def first_line(error: BaseException) -> str:
    """The first line of what an error says, or its kind; some go on for pages."""
    return str(error).strip().partition("\n")[0] or type(error).__name__

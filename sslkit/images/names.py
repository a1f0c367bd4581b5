"""Names: the nearest of those that are known, and how any is told to who reads it."""

from __future__ import annotations

import ast
import difflib
import re
import shlex
from collections.abc import Iterable

# What a message gives an argument: something in quotes, (...) for a list, a number or
# a word; or nothing.
_VALUE = r"""('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\(\.\.\.\)|[\w.]*\w)?"""


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


def as_typed(text: str, options: Iterable[str]) -> str:
    """A message with arguments of Python as options of the command line.

    ``on_error="skip"`` becomes ``--on-error skip``, and ``limit=`` becomes ``--limit``.
    What has another sign before it, as in a path, stays.

    Args:
        text: The message.
        options: The arguments that are options, by their names in Python.
    """
    return re.sub(rf"(?<![^\s(])({'|'.join(options)})={_VALUE}", _option, text)


def _option(found: re.Match[str]) -> str:
    option, value = f"--{found[1].replace('_', '-')}", found[2]
    if not value:
        return option
    if value[0] in "'\"":
        value = shlex.quote(ast.literal_eval(value))
    return f"{option} {value.strip('()')}"

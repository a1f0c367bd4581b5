"""Fixed choices: a setting that may take only some values, checked when made."""

from __future__ import annotations

import typing
from collections.abc import Iterable
from functools import cache
from typing import Any, Literal

from sslkit.images.names import nearest


def check_choices(settings: object) -> None:
    """Refuse a field of a dataclass whose type names its values (``Literal``).

    Raises:
        ValueError: If a value is none of them; names the nearest.
    """
    kind: Any = type(settings)  # mypy takes a class for unhashable
    for name, known in _choices(kind).items():
        check_choice(name, getattr(settings, name), known)


def check_choice(name: str, value: Any, known: Iterable[Any]) -> None:
    """Refuse a value that is not one of some.

    Raises:
        ValueError: Names what was meant, the value, the nearest and all of them.
    """
    known = list(known)
    if value in known:
        return
    listed = ", ".join(map(str, known))
    raise ValueError(f"{name} '{value}' is not one of {listed}{nearest(value, known)}")


@cache
def _choices(kind: Any) -> dict[str, tuple[Any, ...]]:
    hints = typing.get_type_hints(kind)
    return {
        name: typing.get_args(hint)
        for name, hint in hints.items()
        if typing.get_origin(hint) is Literal
    }

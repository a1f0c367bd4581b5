"""Recipes as plain values, for JSON and for other processes, and back."""

from __future__ import annotations

import dataclasses
import typing
from functools import cache
from typing import Any

from sslkit.methods import METHODS
from sslkit.runs.recipes import Recipe


class UnknownName(ValueError):
    """A method or a field that this version of ``sslkit``, or this process, lacks."""


def to_dict(recipe: Recipe) -> dict[str, Any]:
    """The recipe as plain values for JSON; ``from_dict`` reads it back."""
    plain: dict[str, Any] = _lists(dataclasses.asdict(recipe))
    if recipe.method is not None:
        plain["method"] = {"tag": recipe.method.tag, **plain["method"]}
    return plain


def _lists(value: Any) -> Any:
    """Values as JSON gives them back: lists for tuples."""
    if isinstance(value, dict):
        return {name: _lists(inner) for name, inner in value.items()}
    return list(map(_lists, value)) if isinstance(value, (list, tuple)) else value


def from_dict(plain: dict[str, Any]) -> Recipe:
    """A recipe from the plain values of ``to_dict``, of this or an earlier version.

    Raises:
        UnknownName: If a method or a field is not known here; names it.
        ValueError: If a value is out of range.
    """
    plain = _upgraded(plain)
    settings = plain.get("method")
    if settings is not None:
        kinds = {known.tag: type(known) for known in METHODS.values()}
        fields = dict(settings)
        tag = fields.pop("tag")
        if tag not in kinds:
            raise UnknownName(
                f"method '{tag}' is not in METHODS here ({', '.join(kinds)}); import "
                "the module that puts it there"
            )
        plain = plain | {"method": decode(kinds[tag], fields)}
    made: Recipe = decode(Recipe, plain)
    return made


def decode(kind: Any, value: Any) -> Any:
    """A value of the declared type: dataclasses from dicts, tuples from lists.

    Raises:
        UnknownName: If a dataclass has no field of such a name.
        TypeError: If it is to be made of anything but a dict.
    """
    if isinstance(value, dict):
        # Of "Data | None", the one that can be made from a dict.
        kind = next(filter(dataclasses.is_dataclass, typing.get_args(kind)), kind)
        hints = _hints(kind)
        known = {field.name for field in dataclasses.fields(kind)}
        if unknown := sorted(set(value) - known):
            raise UnknownName(f"{kind.__name__} has no field {', '.join(unknown)}")
        return kind(**{name: decode(hints[name], v) for name, v in value.items()})
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        raise TypeError(f"there is {value!r} where a {kind.__name__} should be")
    # JSON has lists alone; a field that is declared as one keeps it.
    wants_list = typing.get_origin(kind) is list
    return tuple(value) if isinstance(value, list) and not wants_list else value


@cache
def _hints(kind: type) -> dict[str, Any]:
    """The types of a dataclass's fields, which cost far more to find than to use."""
    return typing.get_type_hints(kind)


def _upgraded(plain: dict[str, Any]) -> dict[str, Any]:
    """The values of a recipe of results version 2 in today's words.

    There a method was named by its file, RotNet had a flag beside its colours, the
    arm was told by the colours, four stages were four protocols, and one seed was both.
    """
    if "pretraining_seed" in plain:
        return plain
    method = plain["method"]
    if method is not None:
        method = dict(method)
        method["tag"] = method.pop("file")
        if method["tag"] == "rotnet" and not method.pop("jitter"):
            method["after"] = None
        arm = "rotnet-jitter" if method.get("after") else method["tag"]
    elif "finetune" in plain["protocols"]:
        arm = "supervised" if plain["augmentation"]["jitter"] else "supervised-plain"
    else:
        arm = "random"
    protocols = dict.fromkeys(
        "layers" if name.startswith("layer") else name for name in plain["protocols"]
    )
    return plain | {
        "method": method,
        "arm": arm,
        "protocols": list(protocols),
        "pretraining_seed": plain["seed"],
    }

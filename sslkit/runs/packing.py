"""Packing: many records in little text, a line each, what most share said once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

Plain = dict[str, Any]


def pack(records: Sequence[Plain]) -> tuple[Plain, list[Plain]]:
    """What records share, and what is left of each; ``merge`` joins them again.

    Shared is the commonest value of every entry that all of them have.

    Args:
        records: Plain values, as of JSON.
    """
    if len(records) < 2:
        return {}, list(records)
    leaves = [dict(_leaves(record)) for record in records]
    common = set(leaves[0]).intersection(*leaves[1:])
    shared: Plain = {}
    for path in sorted(common - {("key",)}):
        texts = Counter(_text(own[path]) for own in leaves)
        text, count = texts.most_common(1)[0]
        if count > 1:
            _put(shared, path, json.loads(text))
    known = {path: _text(value) for path, value in _leaves(shared)}
    rest: list[Plain] = []
    for own in leaves:
        record: Plain = {}
        for path, value in own.items():
            if known.get(path) != _text(value):  # not 1 for True or 1.0
                _put(record, path, value)
        rest.append(record)
    return shared, rest


def merge(shared: Plain, record: Plain) -> Plain:
    """A record with what it shares; what it says itself counts."""
    merged = dict(shared)
    for name, value in record.items():
        both = isinstance(value, dict) and isinstance(merged.get(name), dict)
        merged[name] = merge(merged[name], value) if both else value
    return merged


def _leaves(value: Plain, path: tuple[str, ...] = ()) -> Iterator[tuple[Any, Any]]:
    """Path and value of everything that is not itself a dict with entries."""
    for name, inner in value.items():
        if isinstance(inner, dict) and inner:
            yield from _leaves(inner, (*path, name))
        else:
            yield (*path, name), inner


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _put(record: Plain, path: tuple[str, ...], value: Any) -> None:
    *folders, name = path
    for folder in folders:
        record = record.setdefault(folder, {})
    record[name] = value

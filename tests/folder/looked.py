"""Looks at images that there are not, for tests of what follows from them."""

from __future__ import annotations

from typing import Any

from sslkit.folder.cues import Told
from sslkit.folder.doubles import Doubles
from sslkit.folder.files import Files
from sslkit.folder.look import Look
from sslkit.folder.machine import Machine
from sslkit.folder.names import Grouping


def told(share: float, chance: float = 0.25) -> Told:
    """With an interval of five points either way."""
    return Told(share, share - 0.05, share + 0.05, chance, 400)


def files(side: int = 96, kind: str = "JPEG") -> Files:
    return Files(500, {kind: 500}, {"RGB": 500}, 1, (side, side, side), side, {})


SUGGESTED = Grouping(r"/([^\W_]+)[ _.-][^/]*$", 40, 9, 0, 12, "a/p1_2.png", "p1")


def looked(**values: Any) -> Look:
    """At 400 photographs of two classes, but for what differs."""
    usual: dict[str, Any] = {
        "name": "made",
        "size": 32,
        "counts": {name: {"train": 200, "test": 50} for name in ("cat", "dog")},
        "unlabelled": 0,
        "budget": 40,
        "groups": None,
        "suggested": (),
        "files": files(),
        "doubles": Doubles(0, 0, 0, 0, 0, 0, ()),
        "own_group": None,
        "colour": told(0.6, 0.5),
        "turn": told(0.7),
        "light": told(0.3),
        "shown": {"cat": (0, 1), "dog": (2, 3)},
    }
    return Look(**(usual | values))


def machine(**values: Any) -> Machine:
    """A CPU that takes 0.4 ms an image of a step with tiny, and 2 ms with small."""
    usual: dict[str, Any] = {
        "gpu": False,
        "seconds": {"tiny": 0.0004, "small": 0.002},
        "labelled": {"tiny": 0.0003, "small": 0.0015},
        "used": 1.25,
        "memory": 16.0,
        "weights": (),
    }
    return Machine(**(usual | values))

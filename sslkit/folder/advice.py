"""Advice: one thing to do, why, and what that rests on."""

from __future__ import annotations

import math
from dataclasses import dataclass

MEASURED, RULE = "measured here", "rule of thumb"


@dataclass(frozen=True)
class Advice:
    """One thing to do.

    Attributes:
        what: It is about; the name by which programs find it.
        value: What is advised: a number of the unit that ``why`` says, a name, several
            names, or a pattern; ``None`` where there is nothing to do.
        why: In plain sentences.
        basis: ``"measured here"``, ``"recorded on X"`` or ``"rule of thumb"``.
    """

    what: str
    value: str | int | float | tuple[str, ...] | None
    why: str
    basis: str


def percent(share: float) -> str:
    """A share as a sentence says it; one beyond all that was tried is infinite."""
    if math.isinf(share):
        return "more than all" if share > 0 else "less than was tried"
    return f"{100 * share:.1f} %" if share < 0.095 else f"{100 * share:.0f} %"

"""Times in words."""

from __future__ import annotations


def in_time(seconds: float) -> str:
    """A time as one says it: ``"40 seconds"``, ``"1.5 hours"``, ``"12 days"``."""
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if (count := seconds / size) >= 1.5:
            return f"{count:.0f} {unit}" if count >= 10 else f"{count:.2g} {unit}"
    return f"{seconds:.0f} seconds" if seconds >= 1.5 else "a second"

"""Times in words."""

from __future__ import annotations

import pytest

from sslkit.runs.durations import in_time


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.4, "a second"), (1, "a second"), (2, "2 seconds"), (59.6, "60 seconds"),
        (89, "89 seconds"), (90, "1.5 minutes"), (600, "10 minutes"),
        (4000, "67 minutes"), (5400, "1.5 hours"), (86400, "24 hours"),
        (129600, "1.5 days"), (1e7, "116 days"),
    ],
)  # fmt: skip
def test_a_time_is_told_as_one_says_it(seconds: float, said: str) -> None:
    assert in_time(seconds) == said

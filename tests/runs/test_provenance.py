"""By what a result is to be traced."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sslkit.runs import provenance

# Without the cache, for what it reads changes here.
COMMIT: Callable[[], str | None] = provenance._commit.__wrapped__


def test_a_copy_without_its_history_is_told_the_commit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSLKIT_COMMIT", "0123456789ab")
    assert COMMIT() == "0123456789ab"


def test_without_git_there_is_no_commit_and_no_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("SSLKIT_COMMIT", raising=False)
    monkeypatch.setenv("PATH", "")
    assert COMMIT() is None

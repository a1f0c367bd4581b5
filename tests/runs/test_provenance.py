"""By what a result is to be traced."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

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


def a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One of somebody's, in which a copy of the package lies that is not tracked."""
    monkeypatch.delenv("SSLKIT_COMMIT", raising=False)
    package = tmp_path / "sslkit"
    for room in ("runs", "images"):
        (package / room).mkdir(parents=True)
        (package / room / "loading.py").touch()
    copied = shutil.copy(provenance.__file__, package / "runs")
    monkeypatch.setattr(provenance, "__file__", str(copied))
    (tmp_path / "theirs.txt").touch()
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "theirs.txt")
    commit(tmp_path)
    return tmp_path


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    command = ["git", *who, *words]
    return subprocess.run(
        command, cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


def commit(folder: Path) -> str:
    git(folder, "commit", "-q", "-m", "a commit")
    return git(folder, "rev-parse", "--short=12", "HEAD")


def test_an_edit_in_any_room_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = a_repository(tmp_path, monkeypatch)
    git(repository, "add", "sslkit")
    clean = commit(repository)
    (repository / "theirs.txt").write_text("of no result")
    assert COMMIT() == clean
    (repository / "sslkit" / "images" / "loading.py").write_text("edited = 1")
    assert COMMIT() == f"{clean}+"


def test_a_package_installed_in_a_repository_of_somebody_else_has_no_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_repository(tmp_path, monkeypatch)
    assert COMMIT() is None

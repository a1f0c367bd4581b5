"""Commands, for tests of the command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sslkit import __main__ as cli

ROOT = Path(__file__).resolve().parents[1]
SMALL = ["--profile", "smoke", "--limit", "20", "--fraction", "0.5"]
NAMES = {"profile": "smoke", "limit": 20, "fraction": 0.5}


def python(*words: str, **settings: Any) -> subprocess.CompletedProcess[str]:
    """A process of its own."""
    command = [sys.executable, *words]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=300, **settings
    )


def fails(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> tuple[int, str]:
    """Exit status and standard error of a command that cannot be done."""
    monkeypatch.setattr(sys, "argv", ["sslkit", *words])
    with pytest.raises(SystemExit) as stopped:
        cli._entry()
    said = capsys.readouterr()
    assert said.out == ""
    return int(stopped.value.code or 0), said.err

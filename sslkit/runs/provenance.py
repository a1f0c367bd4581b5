"""Provenance: by what a result is to be traced."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import time
from functools import cache
from pathlib import Path
from typing import Any

import torch


def provenance() -> dict[str, Any]:
    """What a result is to be traced by: date, commit, machine, versions."""
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "commit": _commit(),
        "machine": _machine(),
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
    }


@cache
def _commit() -> str | None:
    """The commit of the source, with ``+`` if files of the package differ from it.

    None if the package is installed, be it inside a repository of somebody else's: its
    files must be tracked. A copy of the source without its history takes the commit
    from the environment variable ``SSLKIT_COMMIT``.
    """
    if given := os.environ.get("SSLKIT_COMMIT"):
        return given
    if shutil.which("git") is None:
        return None
    file = Path(__file__).resolve()
    package = file.parents[1]

    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", *words], cwd=package, capture_output=True, text=True
        )
        return done.stdout.strip() if done.returncode == 0 else ""

    if not git("ls-files", "--", str(file)):
        return None
    commit = git("rev-parse", "--short=12", "HEAD")
    return commit + "+" * bool(git("status", "--porcelain", "--", ".")) or None


@cache
def _machine() -> str:
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    info = Path("/proc/cpuinfo")
    names = (
        [x for x in info.read_text().splitlines() if x.startswith("model name")]
        if info.exists()
        else []
    )
    name = names[0].split(":", 1)[1].strip() if names else platform.processor()
    return f"{name}, {torch.get_num_threads()} threads"

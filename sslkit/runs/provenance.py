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
    """The commit of the source, with ``+`` if files differ; none if installed.

    A copy of the source without its history takes it from the environment variable
    ``SSLKIT_COMMIT``.
    """
    if given := os.environ.get("SSLKIT_COMMIT"):
        return given
    if shutil.which("git") is None:
        return None

    def git(*words: str) -> str:
        here = Path(__file__).parent
        done = subprocess.run(["git", *words], cwd=here, capture_output=True, text=True)
        return done.stdout.strip() if done.returncode == 0 else ""

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

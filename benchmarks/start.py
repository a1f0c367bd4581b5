"""Seconds until code can run, beside torch's own: ``python -m benchmarks.start``.

Each in a new process, in turns; the median counts.
"""

from __future__ import annotations

import subprocess
import sys

import click

from benchmarks import kept

CODE = {
    "torch and torchvision": "import torch, torchvision",
    "and sslkit": "import torch, torchvision, sslkit",
    "and images, split and recipe": (
        "import torch, torchvision, sslkit; sslkit.load, sslkit.split, sslkit.recipe"
    ),
    "and a run": "import torch, torchvision, sslkit; sslkit.run",
    "sslkit --help": "import runpy, sys; sys.argv[1:] = ['--help']; "
    "runpy.run_module('sslkit', run_name='__main__')",
}


@click.command()
@click.option("--keep", is_flag=True, help=f"write the seconds to {kept.FILE}")
def main(keep: bool) -> None:
    """Measure how long imports take."""

    def start(code: str) -> None:
        subprocess.run(
            [sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL
        )

    times = kept.side_by_side(
        {name: lambda code=code: start(code) for name, code in CODE.items()},
        at_least=0,
    )
    for name, value in times.items():
        click.echo(f"{name:30} {value:6.2f} s")
    if keep:
        kept.keep("start", "a new process", "s", times)


if __name__ == "__main__":
    main()

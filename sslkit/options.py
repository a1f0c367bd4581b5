"""The options that several commands of the command line share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click


def reading(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say how images are read and divided."""
    for option in (
        click.option(
            "--on-error", default="raise", help="unreadable files: raise or skip"
        ),
        click.option(
            "--bits", type=int, help="of values in 16-bit files, if guessed wrongly"
        ),
        click.option(
            "--test", default="given", help="test images: given, image or group"
        ),
        click.option("--groups", help="pattern on class/name, or file.csv:path:group"),
        click.option("--image-size", type=int, help="side in pixels"),
    ):
        command = option(command)
    return command


def shared(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say which images, how, and where to."""
    for option in (
        click.option(
            "--out", default="runs", type=click.Path(path_type=Path), help="the store"
        ),
        reading,
        click.option("--limit", type=int, help="at most this many images a class"),
        click.option("--profile", default="quick", help="where other values start"),
        click.option(
            "--data",
            help="shapes, cifar10, stl10, fashionmnist, bloodmnist, pathmnist "
            "or an image folder",
        ),
    ):
        command = option(command)
    return command


def several(text: str | None) -> tuple[str, ...] | None:
    """The words of an option that takes some, separated by commas."""
    return tuple(part.strip() for part in text.split(",")) if text else None

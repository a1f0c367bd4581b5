"""Room on the disk for pixels that are too many for the memory.

The system maps the file: a page of it is in memory while it is used. It is kept, so
that the next process has the images at once, and all processes of a machine share one
copy. Of a folder's images in one size the newest copy alone is kept.
"""

from __future__ import annotations

import hashlib
import math
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import torch
from filelock import FileLock
from torch import Tensor

from sslkit.images.files import remove


@contextmanager
def space(
    paths: Sequence[Path], shape: tuple[int, ...], how: str
) -> Iterator[tuple[Tensor, Path]]:
    """Give the pixels of some files, as far as a process before this one read them.

    Within it no other process reads images of the same folder in the same size.

    Args:
        paths: The files, as they are now.
        shape: Of their pixels.
        how: In which way they are read, in any words.

    Yields:
        A tensor of this shape, uint8, that is a file below the folder ``SSLKIT_CACHE``
        (an environment variable; ``~/.cache/sslkit`` if unset); and the path of a note
        on what it holds, which the caller writes. Without a note it holds nothing.

    Raises:
        OSError: If the disk has no room for it.
    """
    cache = Path(os.environ.get("SSLKIT_CACHE") or "~/.cache/sslkit").expanduser()
    folder = cache / "decoded"
    folder.mkdir(parents=True, exist_ok=True)
    source = _source(paths, shape)
    file = folder / f"{source}-{_version(paths, shape, how)}.uint8"
    note = file.with_suffix(".json")
    with FileLock(folder / f"{source}.lock"):
        if not (file.exists() and note.exists()):
            for old in folder.glob(f"{source}-*"):
                with suppress(PermissionError):  # Windows keeps what is still mapped
                    remove(old)
            _check_room(folder, math.prod(shape))
        flat = torch.from_file(
            str(file), shared=True, size=math.prod(shape), dtype=torch.uint8
        )
        yield flat.view(shape), note


def _source(paths: Sequence[Path], shape: tuple[int, ...]) -> str:
    """Of the folder that all files are in, and the size that they are read in."""
    folder = os.path.commonpath([path.absolute() for path in paths])
    return hashlib.sha256(os.fsencode(folder)).hexdigest()[:16] + f"-{shape[-1]}"


def _version(paths: Sequence[Path], shape: tuple[int, ...], how: str) -> str:
    """Of the files as they are now, and of how they are read."""
    digest = hashlib.sha256(f"{how} {shape}".encode())
    for path in paths:
        about = path.stat()
        digest.update(os.fsencode(path.resolve()))  # a name need not be text
        digest.update(f" {about.st_size} {about.st_mtime_ns}".encode())
    return digest.hexdigest()[:16]


def _check_room(folder: Path, size: int) -> None:
    """A mapped page that finds no room on the disk would kill the process."""
    free = shutil.disk_usage(folder).free
    if free < size:
        raise OSError(
            f"the images take {size / 2**30:.1f} GiB, and {folder} has "
            f"{free / 2**30:.1f} GiB of room; free some, let the environment variable "
            "SSLKIT_CACHE name another folder, or take fewer or smaller images "
            "(limit=, image_size=)"
        )

"""Image files into pixels: of any format and mode, all of one size.

Images too many for the memory are read into a file, which the system maps: a page of it
is in memory while it is used. The file is kept, so that the next process has the images
at once, and all processes of a machine share one copy.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import PIL
import torch
from filelock import FileLock
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor
from tqdm.std import tqdm

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF")
READING = 1  # raise with every change to the pixels that a file is read as
IN_MEMORY = 2 * 2**30  # bytes of pixels; more than that are mapped from a file
_BATCH = 32  # files read by one task of a thread: a task a file would cost more
_TASKS = 32  # tasks at once: what is decoded and not yet put away stays bounded


def read_images(
    paths: Sequence[Path], image_size: int, *, skip: bool = False
) -> tuple[Tensor, dict[int, str]]:
    """Read files side by side into images of one size.

    Args:
        paths: The files.
        image_size: Side S of the images in pixels.
        skip: Go on when a file cannot be read.

    Returns:
        The images ``(N, 3, S, S)`` uint8 of all files that could be read, in order, and
        the reason for each position of ``paths`` whose file could not. Images of more
        than ``IN_MEMORY`` bytes lie in a file below the folder ``SSLKIT_CACHE`` (an
        environment variable; ``~/.cache/sslkit`` if unset) and must not be written to.

    Raises:
        ValueError: At the first file that cannot be read, unless ``skip``.
        OSError: If the disk has no room for images that are to be mapped.
    """
    shape = (len(paths), 3, image_size, image_size)
    if math.prod(shape) > IN_MEMORY:
        return _mapped(paths, shape, skip)
    images = torch.empty(shape, dtype=torch.uint8)
    failed: dict[int, str] = {}
    _read_into(images, paths, failed, skip)
    return images[: len(paths) - len(failed)], failed


def _mapped(
    paths: Sequence[Path], shape: tuple[int, ...], skip: bool
) -> tuple[Tensor, dict[int, str]]:
    """Read into a file, from where an interrupted process got to; or find it done."""
    cache = os.environ.get("SSLKIT_CACHE") or "~/.cache/sslkit"
    file = Path(cache).expanduser() / "decoded" / f"{_digest(paths, shape)}.uint8"
    file.parent.mkdir(parents=True, exist_ok=True)
    note = file.with_suffix(".json")
    with FileLock(file.with_suffix(".lock")):
        done, failed = 0, {}
        if file.exists() and note.exists():
            kept = json.loads(note.read_text())
            done, failed = kept["done"], {int(i): r for i, r in kept["failed"].items()}
        else:
            _check_room(file, math.prod(shape))
        images = torch.from_file(
            str(file), shared=True, size=math.prod(shape), dtype=torch.uint8
        ).view(shape)

        def keep(done: int) -> None:
            partial = note.with_suffix(".partial")
            partial.write_text(json.dumps({"done": done, "failed": failed}))
            partial.replace(note)

        if failed and not skip:
            raise _unreadable(paths, failed)
        _read_into(images, paths, failed, skip, done, keep)
    return images[: len(paths) - len(failed)], failed


def _digest(paths: Sequence[Path], shape: tuple[int, ...]) -> str:
    """Of the files as they are now, and of how they are read."""
    digest = hashlib.sha256(f"{READING} {PIL.__version__} {shape}".encode())
    for path in paths:
        about = path.stat()
        digest.update(f"{path.resolve()} {about.st_size} {about.st_mtime_ns}".encode())
    return digest.hexdigest()[:16]


def _check_room(file: Path, size: int) -> None:
    """A mapped page that finds no room on the disk would kill the process."""
    free = shutil.disk_usage(file.parent).free
    if free < size:
        raise OSError(
            f"the images take {size / 2**30:.1f} GiB, and {file.parent} has "
            f"{free / 2**30:.1f} GiB of room; free some, let the environment variable "
            "SSLKIT_CACHE name another folder, or take fewer or smaller images "
            "(limit=, image_size=)"
        )


def _read_into(
    images: Tensor,
    paths: Sequence[Path],
    failed: dict[int, str],
    skip: bool,
    done: int = 0,
    keep: Callable[[int], None] = lambda done: None,
) -> None:
    """Read the files from ``done`` on, adding to ``failed``; ``keep`` hears how far."""
    size = images.shape[-1]

    def read(start: int) -> tuple[list[NDArray[np.uint8]], dict[int, str]]:
        read: list[NDArray[np.uint8]] = []
        wrong = {}
        for i in range(start, min(start + _BATCH, len(paths))):
            try:
                read.append(read_image(paths[i], size).transpose(2, 0, 1))
            # A damaged file makes Pillow's decoders raise almost anything; nothing is
            # lost, for every reason is reported with its file.
            except Exception as error:  # noqa: BLE001
                wrong[i] = f"{type(error).__name__}: {error}"
                if not skip:
                    break
        return read, wrong

    pool = ThreadPoolExecutor(os.cpu_count())
    bar = tqdm(
        initial=done,
        total=len(paths),
        desc="reading images",
        unit=" images",
        delay=1.0,
        leave=False,
        # None: in a file or a page
        disable=bool(os.environ.get("TQDM_DISABLE")) or None,
    )
    try:
        while done < len(paths):
            end = min(done + _TASKS * _BATCH, len(paths))
            at = done - len(failed)
            for some, wrong in pool.map(read, range(done, end, _BATCH)):
                failed.update(wrong)
                if wrong and not skip:
                    raise _unreadable(paths, wrong)
                if some:
                    images[at : at + len(some)] = torch.from_numpy(np.stack(some))
                at += len(some)
                bar.update(len(some) + len(wrong))
            done = end
            keep(done)
    finally:
        pool.shutdown(cancel_futures=True)
        bar.close()


def _unreadable(paths: Sequence[Path], failed: dict[int, str]) -> ValueError:
    i, reason = next(iter(failed.items()))
    return ValueError(
        f"{paths[i]} cannot be read ({reason}); repair or remove it, or leave such "
        'files out with on_error="skip"'
    )


def read_image(path: Path, image_size: int) -> NDArray[np.uint8]:
    """Read one file: upright, RGB, cut to the central square and resized.

    Args:
        path: Of the file.
        image_size: Side S in pixels.

    Returns:
        ``(S, S, 3)`` uint8.
    """
    with Image.open(path, formats=FORMATS) as image:
        # JPEG files are decoded at a fraction of their size when that is still at
        # least twice the size asked for: faster, and the cut is a quarter of a
        # resulting pixel off the centre at most.
        image.draft(None, (2 * image_size, 2 * image_size))
        upright = to_rgb(ImageOps.exif_transpose(image))
    width, height = upright.size
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    # Cut first: resize(box=...) would blend in pixels from outside the square.
    square = upright.crop((left, top, left + side, top + side)).resize(
        (image_size, image_size), Image.Resampling.BICUBIC, reducing_gap=3.0
    )
    return np.asarray(square)


def native_size(paths: Sequence[Path]) -> int | None:
    """The shorter side in pixels of files that are all of one size; else none.

    Only their headers are read. A file without one is passed over here.
    """
    sizes: set[tuple[int, ...]] = set()
    for path in paths:
        try:
            with Image.open(path, formats=FORMATS) as image:
                sizes.add(tuple(sorted(image.size)))
        except (OSError, ValueError, Image.DecompressionBombError):
            continue  # whoever reads it says so
        if len(sizes) > 1:
            return None
    return min(*sizes.pop()) if sizes else None


def to_rgb(image: Image.Image) -> Image.Image:
    """An image of any mode as RGB.

    Transparent pixels are laid on white. 16-bit values are divided by 257, so that
    white stays white; float values must lie in [0, 1].

    Raises:
        ValueError: If the values are no brightness of a known range, or Pillow cannot
            convert the mode.
    """
    if image.mode.startswith("I") or image.mode == "F":
        # Pillow's own conversion would clip these to 255 instead of scaling them.
        values: NDArray[Any] = np.asarray(image)
        top = 1.0 if image.mode == "F" else 65535.0
        if not (values.min() >= 0 and values.max() <= top):  # not-a-number fails, too
            raise ValueError(
                f"values from {values.min()} to {values.max()} in mode {image.mode}; "
                "only 16-bit integers and floats in [0, 1] are understood"
            )
        grey = np.round(values.astype(np.float64) * (255.0 / top)).astype(np.uint8)
        return Image.fromarray(grey).convert("RGB")
    if image.has_transparency_data:
        colours = image.convert("RGBA")
        white = Image.new("RGBA", colours.size, "white")
        return Image.alpha_composite(white, colours).convert("RGB")
    return image.convert("RGB")

"""Image files into pixels: of any format and mode, all of one size."""

from __future__ import annotations

import json
import math
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import PIL
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor
from tqdm.std import tqdm

from sslkit.images import mapped
from sslkit.images.damage import reason, tell, warned
from sslkit.images.files import whole
from sslkit.images.modes import FORMATS, depth, to_rgb, unwarned

READING = 2  # raise with every change to the pixels that a file is read as
IN_MEMORY = 2 * 2**30  # bytes of pixels; more than that are mapped from a file
_BATCH = 32  # files read by one task of a thread: a task a file would cost more
_TASKS = 32  # tasks at once: what is decoded and not yet put away stays bounded


class Decoded(NamedTuple):
    """One file as it was read.

    Attributes:
        pixels: ``(S, S, 3)`` uint8.
        size: Width and height of the file in pixels.
        pages: How many pages or frames it has, of which the first was read.
        bits: How many bits its values were taken for, if it holds 16.
    """

    pixels: NDArray[np.uint8]
    size: tuple[int, int]
    pages: int
    bits: int | None


@dataclass
class Account:
    """What a reading of files met, as far as it got.

    Attributes:
        done: How many files were tried.
        failed: The reason for each position whose file could not be read.
        warned: The warning for each position whose file was read with one.
        paged: Positions of files of several pages or frames, of which the first was
            read.
        smallest: Least width and least height of the files in pixels.
        largest: Greatest width and greatest height.
        bits: How many bits the values in files of 16 bits were taken for; ``None`` if
            there were no such files.
    """

    done: int = 0
    failed: dict[int, str] = field(default_factory=dict)
    warned: dict[int, str] = field(default_factory=dict)
    paged: list[int] = field(default_factory=list)
    smallest: tuple[int, int] | None = None
    largest: tuple[int, int] | None = None
    bits: int | None = None

    def add(self, i: int, read: Decoded) -> None:
        """Note a file that was read, by its position."""
        (w, h), (lw, lh) = read.size, self.smallest or read.size
        gw, gh = self.largest or read.size
        self.smallest, self.largest = (min(w, lw), min(h, lh)), (max(w, gw), max(h, gh))
        self.bits = self.bits or read.bits
        if read.pages > 1:
            self.paged.append(i)

    @classmethod
    def from_json(cls, text: str) -> Account:
        """What was written with ``json.dumps(vars(account))``."""
        plain = json.loads(text)
        for name in ("failed", "warned"):
            told = plain.get(name, {})  # notes of older versions have no warnings
            plain[name] = {int(i): why for i, why in told.items()}
        for name in ("smallest", "largest"):
            plain[name] = plain[name] and tuple(plain[name])
        return cls(**plain)


def read_images(
    paths: Sequence[Path],
    image_size: int,
    *,
    skip: bool = False,
    bits: int | None = None,
) -> tuple[Tensor, Account]:
    """Read files side by side into images of one size.

    Args:
        paths: The files.
        image_size: Side S of the images in pixels.
        skip: Go on when a file cannot be read.
        bits: How many bits the values in files of 16 bits use; all if not given.

    Files that may be damaged are read with a warning, which names them.

    Returns:
        The images ``(N, 3, S, S)`` uint8 of all files that could be read, in order, and
        what was met on the way. Images of more than ``IN_MEMORY`` bytes lie in a file
        (``mapped.space``) and must not be written to.

    Raises:
        ValueError: At the first file that cannot be read, unless ``skip``.
        OSError: If the disk has no room for images that are to be mapped.
    """
    shape = (len(paths), 3, image_size, image_size)
    bits = bits or 16
    if math.prod(shape) > IN_MEMORY:
        how = f"{READING} {PIL.__version__} {bits}"
        with mapped.space(paths, shape, how) as (images, note):
            account = _go_on(images, paths, note, skip, bits)
    else:
        images, account = torch.empty(shape, dtype=torch.uint8), Account()
        _read_into(images, paths, account, skip, bits)
    tell(paths, account.warned)
    return images[: len(paths) - len(account.failed)], account


def _go_on(
    images: Tensor, paths: Sequence[Path], note: Path, skip: bool, bits: int
) -> Account:
    """Read what an interrupted process has not read, by its note; perhaps nothing."""
    account = Account.from_json(note.read_text()) if note.exists() else Account()
    if account.failed and not skip:
        raise _unreadable(paths, account)

    def keep() -> None:
        with whole(note) as partial:
            partial.write_text(json.dumps(vars(account)))

    _read_into(images, paths, account, skip, bits, keep)
    return account


def _read_into(
    images: Tensor,
    paths: Sequence[Path],
    account: Account,
    skip: bool,
    bits: int,
    keep: Callable[[], None] = lambda: None,
) -> None:
    """Read the files that the account lacks, adding to it; ``keep`` may note it."""
    size, failed = images.shape[-1], account.failed
    here = threading.local()

    def read(start: int) -> tuple[dict[int, Decoded], dict[int, str]]:
        read: dict[int, Decoded] = {}
        wrong = {}
        for i in range(start, min(start + _BATCH, len(paths))):
            here.position = i
            try:
                read[i] = read_image(paths[i], size, bits)
            # A damaged file makes Pillow's decoders raise almost anything; nothing is
            # lost, for every reason is reported with its file.
            except Exception as error:  # noqa: BLE001
                wrong[i] = reason(paths[i], error)
                account.warned.pop(i, None)
                if not skip:
                    break
        here.position = None
        return read, wrong

    pool = ThreadPoolExecutor(os.cpu_count())
    bar = tqdm(
        initial=account.done,
        total=len(paths),
        desc="reading images",
        unit=" images",
        delay=1.0,
        leave=False,
        # None: in a file or a page
        disable=bool(os.environ.get("TQDM_DISABLE")) or None,
    )
    try:
        with warned(lambda: getattr(here, "position", None), account.warned):
            while account.done < len(paths):
                end = min(account.done + _TASKS * _BATCH, len(paths))
                at = account.done - len(failed)
                for some, wrong in pool.map(read, range(account.done, end, _BATCH)):
                    failed.update(wrong)
                    if wrong and not skip:
                        raise _unreadable(paths, account)
                    if some:
                        planes = [
                            one.pixels.transpose(2, 0, 1) for one in some.values()
                        ]
                        images[at : at + len(some)] = torch.from_numpy(np.stack(planes))
                    for i, one in some.items():
                        account.add(i, one)
                    at += len(some)
                    bar.update(len(some) + len(wrong))
                account.done = end
                keep()
    finally:
        pool.shutdown(cancel_futures=True)
        bar.close()


def _unreadable(paths: Sequence[Path], account: Account) -> ValueError:
    i, why = next(iter(account.failed.items()))
    return ValueError(
        f"{paths[i]} cannot be read ({why}); repair or remove it, or leave such files "
        'out with on_error="skip"'
    )


def read_image(path: Path, image_size: int, bits: int = 16) -> Decoded:
    """Read one file: upright, RGB, cut to the central square and resized.

    Args:
        path: Of the file.
        image_size: Side S in pixels.
        bits: How many bits its values use, if it holds 16.
    """
    with Image.open(path, formats=FORMATS) as image:
        size = image.size
        # Not of a JPEG: a phone puts small previews behind the image.
        paged = image.format in ("TIFF", "PNG", "WEBP")
        pages = getattr(image, "n_frames", 1) if paged else 1
        used = depth(image, bits)
        # JPEG files are decoded at a fraction of their size when that is still at
        # least twice the size asked for: faster, and the cut is a quarter of a
        # resulting pixel off the centre at most.
        image.draft(None, (2 * image_size, 2 * image_size))
        upright = to_rgb(ImageOps.exif_transpose(image), bits)
    width, height = upright.size
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    # Cut first: resize(box=...) would blend in pixels from outside the square.
    square = upright.crop((left, top, left + side, top + side)).resize(
        (image_size, image_size), Image.Resampling.BICUBIC, reducing_gap=3.0
    )
    return Decoded(np.asarray(square), size, pages, used)


def native_size(paths: Sequence[Path]) -> int | None:
    """The shorter side in pixels of files that are all of one size; else none.

    Only their headers are read. A file without one is passed over here.
    """
    sizes: set[tuple[int, ...]] = set()
    with unwarned():
        for path in paths:
            try:
                with Image.open(path, formats=FORMATS) as image:
                    sizes.add(tuple(sorted(image.size)))
            except (OSError, ValueError, Image.DecompressionBombError):
                continue  # whoever reads it says so
            if len(sizes) > 1:
                return None
    return min(*sizes.pop()) if sizes else None

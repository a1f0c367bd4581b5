"""Damage: why a file could not be read, in words that say what it is."""

from __future__ import annotations

import re
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from sslkit.images.modes import FORMATS

_START = 512  # bytes of a file that are looked at
# How files begin that are taken for images, and are none of ``FORMATS``: by the place
# of the bytes in the file.
_MARKS = (
    (0, b"GIF8", "a GIF, whatever its name says: save it as PNG"),
    (128, b"DICM", "a DICOM file: save it as PNG or TIFF"),
    (4, b"ftyphei", "a HEIC file, as phones make: save it as JPEG"),
    (4, b"ftypmif1", "a HEIC file, as phones make: save it as JPEG"),
    (4, b"ftypavif", "an AVIF file: save it as JPEG"),
)


def reason(path: Path, error: Exception) -> str:
    """Why a file could not be read.

    Args:
        path: The file.
        error: What Pillow raised.
    """
    size = re.search(r"(\d+) pixels\) exceeds limit of (\d+)", str(error))
    if size and isinstance(error, Image.DecompressionBombError):
        return (
            f"a scan of {int(size[1]) / 1e6:.0f} million pixels, as of a whole slide; "
            f"an image may have {int(size[2]) / 1e6:.0f} million: cut it into tiles"
        )
    if isinstance(error, UnidentifiedImageError):
        return _kind(path)
    return f"{type(error).__name__}: {error}"


def _kind(path: Path) -> str:
    """What a file is that Pillow does not know."""
    with path.open("rb") as file:
        start = file.read(_START)
    if not start:
        return "it is empty"
    for place, mark, kind in _MARKS:
        if start[place:].startswith(mark):
            return kind
    if start.isascii() and b"\0" not in start:
        return "it is text"
    return f"no image of {', '.join(FORMATS)}, or its beginning is damaged"

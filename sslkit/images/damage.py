"""Damage: why a file could not be read, or not without a warning, in words."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

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


@contextmanager
def warned(reading: Callable[[], int | None], found: dict[int, str]) -> Iterator[None]:
    """Keep what Pillow warns of in a ``with`` block, by file: itself it names none.

    Args:
        reading: Gives the number of the file that the calling thread reads, if any.
        found: Gets the first warning of each file.
    """
    before = warnings.showwarning

    def show(message: Warning | str, *rest: Any, **more: Any) -> None:
        number = reading()
        if number is None:  # of something else that goes on meanwhile
            before(message, *rest, **more)
        else:
            found.setdefault(number, " ".join(str(message).split()))

    with warnings.catch_warnings(action="always"):
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # no attack
        warnings.showwarning = show
        yield


def tell(paths: Sequence[Path], found: Mapping[int, str]) -> None:
    """Warn of the files that were read with a warning, once of each kind.

    Args:
        paths: All files.
        found: From ``warned``, by the number of the file.
    """
    kinds: dict[str, list[int]] = {}
    for number, text in sorted(found.items()):
        kinds.setdefault(text.partition(".")[0], []).append(number)
    for first, *more in kinds.values():
        warnings.warn(
            f"{1 + len(more)} of {len(paths)} files may be damaged, the first of them "
            f"{paths[first]} ({found[first]}); look at it: it may lie on its side, or "
            "lack a part",
            stacklevel=3,
        )


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

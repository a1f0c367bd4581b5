"""Modes: the values of any file as 8-bit RGB, and how many bits deep ones use."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.ImageFile import ImageFile

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF")
DEPTHS = (8, 10, 12, 14, 16)
"""Bits of the values that files of 16 bits hold, as cameras have them."""

_DEEP = (".png", ".tif", ".tiff")  # the others cannot hold 16 bits
_BITS_STORED, _HIGHEST = 258, 281  # TIFF's tags BitsPerSample and MaxSampleValue


def to_rgb(image: Image.Image, bits: int = 16) -> Image.Image:
    """An image of any mode as RGB.

    Transparent pixels are laid on white. Values of 16 bits are divided by 257, so that
    white stays white, and those of fewer bits alike; float values must lie in [0, 1].

    Args:
        image: As opened.
        bits: How many bits the values use, if the file holds 16.

    Raises:
        ValueError: If the values are no brightness of a known range, or Pillow cannot
            convert the mode.
    """
    if image.mode.startswith("I") or image.mode == "F":
        # Pillow's own conversion would clip these to 255 instead of scaling them.
        values: NDArray[Any] = np.asarray(image)
        top = 1.0 if image.mode == "F" else 2.0**bits - 1
        if not (values.min() >= 0 and values.max() <= top):  # not-a-number fails, too
            raise ValueError(
                f"values from {values.min()} to {values.max()} in mode {image.mode}; "
                f"only integers of {bits} bits (bits=) and floats in [0, 1] are "
                "understood"
            )
        grey = np.round(values.astype(np.float64) * (255.0 / top)).astype(np.uint8)
        return Image.fromarray(grey).convert("RGB")
    if image.has_transparency_data:
        colours = image.convert("RGBA")
        white = Image.new("RGBA", colours.size, "white")
        return Image.alpha_composite(white, colours).convert("RGB")
    return image.convert("RGB")


def unwarned() -> warnings.catch_warnings:
    """Look at files in a ``with`` block without the warnings of Pillow.

    A large scan is no attack, and of damage whoever reads the pixels tells, with the
    file (``damage.warned``).
    """
    return warnings.catch_warnings(action="ignore")


def depth(image: ImageFile, bits: int) -> int | None:
    """How many bits the values of a file just opened use; ``None`` if it has but 8.

    Args:
        image: As opened; its header is looked at.
        bits: How many they use, if the file holds 16.

    Raises:
        ValueError: If they are colours of less than 16 bits: Pillow keeps the upper 8.
    """
    if not _is_deep(image):
        return None
    if bits < 16 and not image.mode.startswith("I"):
        raise ValueError(
            f"colours of {bits} bits in a file of 16, of which only the upper 8 can be "
            "had; save it with 8 bits, or say bits=16 if it is as dark as that"
        )
    return bits


def _is_deep(image: ImageFile) -> bool:
    """Whether a file holds integers of more than 8 bits."""
    if image.mode.startswith("I"):
        return True
    return any(";16" in str(part.args) for part in image.tile)  # as "RGB;16B"


def bits_used(paths: Sequence[Path]) -> int | None:
    """How many bits the values of the files of 16 bits use, all of them together.

    The cameras of microscopes give 10, 12 or 14 bits, mostly in files of 16: taken for
    16 bits such an image is almost black. A single image cannot tell, for it may be
    dark; and the brightness of one beside another would be lost. That test images have
    a say, too, favours nothing: it is what the numbers in a file mean.

    Args:
        paths: All files of a set, whichever of them will be read, so that a part of a
            set is read as the whole is. Files that cannot be read are passed over.

    Returns:
        Of ``DEPTHS`` the least that holds every value, or ``None`` if no file is of 16
        bits.
    """
    top = None
    with unwarned():
        for path in (path for path in paths if path.suffix.lower() in _DEEP):
            try:
                with Image.open(path, formats=FORMATS) as image:
                    if _is_deep(image):
                        top = max(top or 0, _highest(image))
            # A damaged file makes Pillow raise almost anything; whoever reads the file
            # says so.
            except Exception:  # noqa: BLE001, S112
                continue
            if top is not None and top >= 2 ** DEPTHS[-2]:
                return DEPTHS[-1]
    if top is None:
        return None
    return next(bits for bits in DEPTHS if top < 2**bits)


def _highest(image: ImageFile) -> int:
    """The highest value in a file of 16 bits, or that could be, if the file says so."""
    if image.mode.startswith("I"):
        seen = int(np.asarray(image).max())
    else:  # of colours Pillow keeps the upper 8 of the 16 bits
        seen = 256 * int(np.asarray(image.convert("RGB")).max()) + 255
    tags = getattr(image, "tag_v2", {})  # of a TIFF
    stored = int(np.min(tags.get(_BITS_STORED, 16)))
    said = 2**stored - 1 if stored < 16 else int(np.max(tags.get(_HIGHEST, 0)))
    return max(seen, said)

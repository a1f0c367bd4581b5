"""Doubles: images that are there more than once, to the pixel, as they are loaded."""

from __future__ import annotations

import hashlib

from sslkit.images.imageset import ImageSet

_AT_ONCE = 1024  # images


def copies(images: ImageSet) -> dict[int, int]:
    """The images that repeat another, and the first with the same pixels.

    An image that training may see is compared with those before it, in the order of
    ``ImageSet.seen``, a test image with all of them; every image is read once, and no
    label.

    Returns:
        By row the row that it repeats; those of test images last.
    """
    first: dict[bytes, int] = {}
    found = {}
    for rows, tested in ((images.seen(), False), (images.rows("test"), True)):
        for some in rows.split(_AT_ONCE):
            pixels = images.take(some)[0].cpu().numpy()
            for row, image in zip(some.tolist(), pixels, strict=True):
                digest = hashlib.blake2b(image.tobytes(), digest_size=16).digest()
                if digest in first:
                    found[row] = first[digest]
                elif not tested:
                    first[digest] = row
    return found

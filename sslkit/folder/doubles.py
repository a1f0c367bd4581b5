"""Images that are there more than once: to the pixel, as loaded, or nearly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import imagehash
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from sslkit.images.doubles import copies
from sslkit.images.imageset import ImageSet

NEAR = 4
"""Bits, of 64, in which the perceptual hashes of two copies of an image may differ.

Copies stored again as JPEG (quality 75 or 30), halved in size, darkened or made grey
differed by 4 at most, 300 of 300 on each of three sets of cells and tissue; lightened
copies did in four of five cases or more. Of 17,074 images of blood cells, centred and
much alike, 2 of 146 million pairs differed by so little. Of 40,000 images of CIFAR-10
146 were so near to another; for 105 of them the pixels, too, correlated above 0.9.

Source:
    That CIFAR-10 holds many: Barz and Denzler, *Do we train on test data?* (2020,
    arXiv:1902.00423).
"""

_BITS = 64  # of a hash
_AT_ONCE = 128  # images compared with all others: 32 MB of differences for 30,000

Hashes = NDArray[np.uint64]


@dataclass(frozen=True)
class Doubles:
    """How many images have a double, and some of them.

    Attributes:
        same: Images that training may see with exactly the pixels of one before them.
        near: Those that are nearly one before them (``NEAR``).
        same_tested: Test images with exactly the pixels of one that training may see.
        near_tested: Test images that are nearly one that training may see.
        differing: Of doubles whose labels are both in the budget, how many have two
            different labels.
        compared: How many doubles have both labels in the budget.
        examples: Some doubles and the images that they repeat, as rows of the set;
            those between test and training first.
    """

    same: int
    near: int
    same_tested: int
    near_tested: int
    differing: int
    compared: int
    examples: tuple[tuple[int, int], ...]


def doubles(images: ImageSet, budget: Tensor | None = None) -> Doubles:
    """Count the doubles of an image set, as ``pairs`` finds them.

    Args:
        images: The set.
        budget: Rows whose labels may be read; no others are.
    """
    table = pairs(images)
    same, tested = table["same"], table["tested"]
    allowed = np.zeros(len(images), dtype=bool)
    if budget is not None:
        allowed[budget.numpy()] = True
    both = table[allowed[table["row"]] & allowed[table["twin"]]]
    labels = images.labels.cpu()
    of_row, of_twin = (
        labels[torch.tensor(both[name].to_numpy())] for name in ("row", "twin")
    )
    first = table.sort_values(["tested", "same"], ascending=False, kind="stable")
    return Doubles(
        same=int((same & ~tested).sum()),
        near=int((~same & ~tested).sum()),
        same_tested=int((same & tested).sum()),
        near_tested=int((~same & tested).sum()),
        differing=int((of_row != of_twin).sum()),
        compared=len(both),
        examples=tuple(zip(first["row"][:8], first["twin"][:8], strict=True)),
    )


def pairs(images: ImageSet) -> pd.DataFrame:
    """Find the images that are doubles of others.

    An image that training may see is compared with those before it, in the order of
    ``ImageSet.seen``, a test image with all that training may see. A copy that was
    turned, mirrored or cut is not found.

    Args:
        images: The set; labels are not read.

    Returns:
        A row a double: columns ``row``; ``twin``, the image that it repeats, of several
        the nearest; ``tested``, whether it is a test image; ``same``, whether all
        pixels are equal; ``bits``, in which the two hashes differ. None is in it twice.
    """
    same, known = copies(images), images.seen()
    order = torch.cat([known, images.rows("test")])
    hashes, rows = _hashes(images, order), order.tolist()
    places = np.arange(len(rows))
    before, asked = places[: len(known)], places[len(known) :]
    near = [
        (rows[place], rows[twin], tested, bits)
        for some, tested in ((before, False), (asked, True))
        for place, twin, bits in _nearest(hashes, some, before, earlier=not tested)
        if bits <= NEAR
    ]
    found = [
        (row, same.get(row, twin), tested, row in same, bits)
        for row, twin, tested, bits in near
    ]
    kinds = {"row": int, "twin": int, "tested": bool, "same": bool, "bits": int}
    return pd.DataFrame(found, columns=list(kinds)).astype(kinds)


def _hashes(images: ImageSet, rows: Tensor) -> Hashes:
    """The perceptual hashes of some images."""
    found = []
    for some in rows.split(256):
        pixels = images.take(some)[0].cpu().permute(0, 2, 3, 1).contiguous().numpy()
        for one in pixels:
            bits = imagehash.phash(Image.fromarray(one)).hash
            found.append(np.packbits(bits).view(np.uint64)[0])
    return np.array(found, dtype=np.uint64)


def _nearest(
    hashes: Hashes, rows: NDArray, among: NDArray, *, earlier: bool
) -> Iterator[tuple[int, int, int]]:
    """Each of ``rows``, the nearest row of ``among``, and how many bits differ.

    Args:
        hashes: Of all images.
        rows: Which to find the nearest of, ascending.
        among: Which to find it among, ascending.
        earlier: Whether only rows before it count; the first has none.
    """
    for start in range(0, len(rows), _AT_ONCE):
        some = rows[start : start + _AT_ONCE]
        known = among[among < some[-1]] if earlier else among
        if not len(known):
            continue
        apart = np.bitwise_count(hashes[some][:, None] ^ hashes[known])
        if earlier:
            apart[known >= some[:, None]] = _BITS + 1
        nearest = apart.argmin(axis=1)
        bits = apart[np.arange(len(some)), nearest]
        found = some.tolist(), known[nearest].tolist(), bits.tolist()
        yield from (each for each in zip(*found, strict=True) if each[2] <= _BITS)

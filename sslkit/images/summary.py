"""A summary: what images and labels are about to be used, in a few lines to check."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from sslkit.images.doubles import copies
from sslkit.images.folders import UNREAD
from sslkit.images.imageset import ImageSet, Origin
from sslkit.images.splits import Split

_CLASSES = 8  # of more, the first are listed


@dataclass(frozen=True)
class Doubles:
    """Images that are the same as another, pixel for pixel, once they are resized.

    Attributes:
        train: Pairs of rows: a training image, and an earlier one like it.
        test: A test image, and one like it that training sees, with or without a label.
        classes: Those of ``train`` whose classes differ.
    """

    train: tuple[tuple[int, int], ...]
    test: tuple[tuple[int, int], ...]
    classes: tuple[tuple[int, int], ...]


def doubles(images: ImageSet) -> Doubles:
    """Find images that are there twice; every image is read once."""
    part, labels = images.part, images.labels.tolist()
    found = copies(images).items()
    train = tuple(pair for pair in found if part[pair[0]] == "train")
    return Doubles(
        train=train,
        test=tuple(pair for pair in found if part[pair[0]] == "test"),
        classes=tuple((i, j) for i, j in train if labels[i] != labels[j]),
    )


def lines(images: ImageSet, budgets: Mapping[str, Split] | None = None) -> list[str]:
    """What is about to be used: three lines, and one for each thing to mend.

    The first line counts images by class and part; the second says how large they are
    and were, in what range their values are, and what was left out or is there twice;
    the third how many labels train and choose the epoch. Further ones start with
    ``"warning: "``.

    Args:
        images: What was loaded.
        budgets: Label budgets, by what to call them.
    """
    found = doubles(images)
    told = [
        f"images: {images.name}: {_counts(images)}",
        f"pixels: {'; '.join([_size(images), *_left_out(images, found)])}",
    ]
    told += [f"labels: {'; '.join(_labels(images, budgets))}"] if budgets else []
    if found.test:
        told.append(
            f"warning: {_many(len(found.test), 'test image')} also among those that "
            f"training sees, as {_pair(images, found.test)}: scores will be too good; "
            "remove one of each"
        )
    if found.classes:
        told.append(
            f"warning: {_many(len(found.classes), 'training image')} in two classes, "
            f"as {_pair(images, found.classes)}: remove the wrong one"
        )
    return told


def _counts(images: ImageSet) -> str:
    """Images by class and part."""
    labels = images.labels.cpu()
    by_part = {
        part: torch.bincount(labels[rows], minlength=len(images.classes)).tolist()
        for part in ("train", "test")
        if len(rows := images.rows(part))
    }
    each = list(zip(*by_part.values(), strict=True))
    told = []
    if len(set(each)) == 1 and len(images.classes) > 1:
        names = _some(images.classes)
        told.append(f"{_by_part(by_part, each[0])} of each class ({names})")
    else:
        told += [
            f"{name} {_by_part(by_part, count)}"
            for name, count in zip(images.classes[:_CLASSES], each, strict=False)
        ]
        if len(images.classes) > _CLASSES:
            told.append(f"{len(images.classes) - _CLASSES} more classes")
    for part in ("unlabelled", "extra"):
        if count := len(images.rows(part)):
            told.append(f"{count} {part}")
    return ", ".join(told)


def _by_part(parts: Iterable[str], counts: Iterable[int]) -> str:
    named = zip(counts, parts, strict=True)
    return " + ".join(f"{count} {part}" for count, part in named)


def _size(images: ImageSet) -> str:
    """The size that is used and what it was, and the range of the values."""
    size = f"{images.size} x {images.size}"
    origin = images.origin
    if origin is None or origin.smallest is None or origin.largest is None:
        return f"{size}, 8 bits a value"
    (width, height), (widest, highest) = origin.smallest, origin.largest
    before = f"{width} x {height}"
    if origin.smallest != origin.largest:
        before += f" to {widest} x {highest}"
    if min(width, height) > images.size:
        size += f", shrunk from {before}"
    elif max(widest, highest) < images.size:
        size += f", enlarged from {before}"
    elif before != size:
        size += f", from {before}"
    if (width, widest) != (height, highest):
        size += " (the square in the middle)"
    if origin.bits is None:
        return f"{size}, 8 bits a value"
    return f"{size}, {origin.bits} bits a value in files of 16 (else say bits=)"


def _left_out(images: ImageSet, found: Doubles) -> list[str]:
    """What is not read, or not wholly, and what is there twice."""
    origin = images.origin or Origin(listed=len(images))
    told = []
    rest = origin.listed - len(images.skipped) - sum(images.part != "extra")
    if rest > 0:
        told.append(f"{rest} of {origin.listed} left out by limit")
    if images.skipped:
        told.append(f"{len(images.skipped)} unreadable, as {images.skipped[0]}")
    for kind, paths in origin.ignored.items():
        hint = "; save them as PNG to use them" if kind in UNREAD else ""
        told.append(f"not read: {kind} ({len(paths)}, as {paths[0]}{hint})")
    if origin.paged:
        told.append(
            f"the first page alone of {len(origin.paged)}, as {origin.paged[0]}"
        )
    if found.train:
        told.append(
            f"{len(found.train)} twice in train, as {_pair(images, found.train)}"
        )
    return told


def _labels(images: ImageSet, budgets: Mapping[str, Split]) -> list[str]:
    """How many labels train and choose the epoch, and what balancing leaves out."""
    told = [
        f"{name}: {len(split.train)} train + {len(split.val)} validation"
        for name, split in budgets.items()
    ]
    counts = next(iter(budgets.values())).counts["pool"]
    labels = images.labels.cpu()[images.rows("train")]
    own = torch.bincount(labels, minlength=len(images.classes)).numpy()
    cut = np.flatnonzero(own > counts.to_numpy())
    told.append(f"drawn from {counts.sum()}")
    if len(cut):
        pairs = [f"{images.classes[i]} from {own[i]} to {counts.iloc[i]}" for i in cut]
        told[-1] += f", as classes are cut to the smallest: {_some(pairs)}"
    return told


def _some(words: Iterable[str]) -> str:
    listed = list(words)
    more = len(listed) - _CLASSES
    return ", ".join(listed[:_CLASSES]) + (f" and {more} more" if more > 0 else "")


def _many(count: int, what: str) -> str:
    return f"{count} {what} is" if count == 1 else f"{count} {what}s are"


def _pair(images: ImageSet, pairs: tuple[tuple[int, int], ...]) -> str:
    """The files of the first pair, and their parts."""
    return " = ".join(
        f"{images.files[row] if images.files else f'row {row}'} ({images.part[row]})"
        for row in pairs[0]
    )

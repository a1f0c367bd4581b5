"""Groups that file names suggest: a patient, a slide, a photographer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sslkit.images.imageset import ImageSet, Strings

LEAST = 3  # groups a class: one to train on, one to validate with, one to test
_WORDS = 5  # of a name, at most, that may tell its group


@dataclass(frozen=True)
class Grouping:
    """Groups that file names suggest.

    Attributes:
        pattern: As ``sslkit.load`` takes it for ``groups``.
        groups: How many there would be.
        largest: Images of the largest.
        mixed: How many groups have images of several classes.
        shared: Test images of a group that training also has, in the same class.
        file: An example, as ``"class/name"``, and
        group: the group that it would be of.
    """

    pattern: str
    groups: int
    largest: int
    mixed: int
    shared: int
    file: str
    group: str


def suggested(images: ImageSet) -> tuple[Grouping, ...]:
    """Which groups the names of files suggest, the coarsest first.

    The folders below a class may be groups, and so may the first words of a name, as in
    ``patient03_slide2_0041.png``: of one patient, or of one slide. They are suggested
    where every name has them, every class has ``LEAST`` groups or more, and a group has
    two images or more of a class, on average. Where numbers start again in every class,
    a group has images of several classes: larger than it need be, but none is divided.
    """
    if images.files is None:
        return ()
    # Unlabelled images may have no group, but count where there are no others.
    rows = np.flatnonzero(images.labels.cpu().numpy() >= 0)
    rows = rows if len(rows) else np.arange(len(images))
    files = [images.files[row] for row in rows]
    folders = np.array([file.split("/")[0] for file in files])
    tested = images.part[rows] == "test"
    patterns = [r"^[^/]+/([^/]+)/"]
    for words in range(1, _WORDS + 1):
        name = r"[ _.-]+".join([r"[^\W_]+"] * words)
        patterns.append(rf"/({name})[ _.-][^/]*$")
    found: dict[int, Grouping] = {}
    for pattern in patterns:
        table = pd.DataFrame({"group": of(files, pattern), "folder": folders})
        sizes = table["group"].value_counts()
        a_class = table.groupby("folder")["group"].nunique()
        single = a_class.sum() > len(files) / 2
        if "" in sizes or a_class.min() < LEAST or single:
            continue
        known = pd.MultiIndex.from_frame(table[~tested])
        one = Grouping(
            pattern=pattern,
            groups=len(sizes),
            largest=int(sizes.max()),
            mixed=int((table.groupby("group")["folder"].nunique() > 1).sum()),
            shared=int(pd.MultiIndex.from_frame(table[tested]).isin(known).sum()),
            file=files[0],
            group=str(table["group"].iloc[0]),
        )
        found.setdefault(len(sizes), one)  # another word that divides no further
    return tuple(found[count] for count in sorted(found))


def of(files: Sequence[str], pattern: str) -> Strings:
    """The group of each file by a pattern, ``""`` where it has none."""
    matches = (re.search(pattern, file) for file in files)
    return np.array([match[1] if match else "" for match in matches])

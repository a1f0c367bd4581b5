"""Parts of a source: a test part set aside, groups kept whole, a limit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sslkit.images.sources import Catalogue

TEST_SHARE = 0.2  # of the labelled images, where a test part is set aside

Rows = NDArray[np.int64]
Strings = NDArray[Any]  # of str; Sphinx takes "str_" for a link


def set_aside(source: Catalogue, *, by_group: bool, seed: int) -> Strings:
    """The part of each image, the labelled ones divided anew into train and test."""
    labels = source.table["label"].to_numpy()
    part = np.where(labels < 0, "unlabelled", "train")
    if by_group:
        groups = source.table["group"].to_numpy(dtype=np.str_)
        chosen = _test_groups(source, labels, groups, seed)
        part[np.isin(groups, chosen) & (labels >= 0)] = "test"
        return part
    for label, name in enumerate(source.classes):
        rows = np.flatnonzero(labels == label)
        if len(rows) < 2:
            raise ValueError(
                f"class {name!r} of {source.name} has {len(rows)} image(s); to set a "
                "test part aside takes at least two"
            )
        count = max(1, round(TEST_SHARE * len(rows)))
        part[np.random.default_rng((seed, label)).permutation(rows)[:count]] = "test"
    return part


def _test_groups(
    source: Catalogue, labels: Rows, groups: Strings, seed: int
) -> Strings:
    """Draw whole groups with about a fifth of the images of every class.

    Groups are taken in a random order, each if it brings the classes nearer to their
    fifth. Groups with unlabelled images stay in train, which sees those images.
    """
    names, member = np.unique(groups[labels >= 0], return_inverse=True)
    sizes = np.zeros((len(names), len(source.classes)), dtype=np.int64)
    np.add.at(sizes, (member, labels[labels >= 0]), 1)
    free = ~np.isin(names, groups[labels < 0])
    wanting = TEST_SHARE * sizes.sum(axis=0)
    chosen = np.zeros(len(names), dtype=bool)
    for group in np.random.default_rng(seed).permutation(np.flatnonzero(free)):
        rest = wanting - sizes[chosen].sum(axis=0)
        if np.abs(rest - sizes[group]).sum() < np.abs(rest).sum():
            chosen[group] = True
    for label in range(len(source.classes)):
        holding = np.flatnonzero(free & (sizes[:, label] > 0))
        if len(holding) and not chosen[holding].any():
            # All groups of the class are large, for a fifth of it: the smallest, then.
            chosen[holding[np.argmin(sizes[holding].sum(axis=1))]] = True
    for label, name in enumerate(source.classes):
        if not sizes[chosen, label].any() or not sizes[~chosen, label].any():
            raise ValueError(
                f"class {name!r} of {source.name} is in {(sizes[:, label] > 0).sum()} "
                "group(s), too few to set whole groups aside as a test part; use "
                'test="image", or leave the class out with classes=(...)'
            )
    return names[chosen]


def check_groups(source: Catalogue) -> None:
    """Refuse a group that is in the test part and in one that training sees."""
    if "group" not in source.table:
        return
    table = source.table[source.table["group"] != ""]
    tested = set(table["group"][table["part"] == "test"])
    seen = table[(table["part"] != "test") & table["group"].isin(tested)]
    if len(seen):
        raise ValueError(
            f"group {seen['group'].iloc[0]!r} of {source.name} is in test and in "
            f"{seen['part'].iloc[0]} ({seen['path'].iloc[0]}), and so are "
            f"{seen['group'].nunique() - 1} other groups: the test would leak; "
            'test="group" divides the images anew by whole groups'
        )


def limited(table: pd.DataFrame, limit: int, seed: int) -> pd.DataFrame:
    """Draw at most ``limit`` rows a class and part."""
    classes = max(1, table["label"].max() + 1)  # without labels, as of one class
    kept = []
    for i, part in enumerate(("train", "test", "unlabelled")):
        labels = table["label"][table["part"] == part]
        for label in labels.unique():
            rng = np.random.default_rng((seed, i, label + 1))
            most = limit if label >= 0 else limit * classes
            kept.append(rng.permutation(labels.index[labels == label])[:most])
    return table.loc[np.sort(np.concatenate(kept))]

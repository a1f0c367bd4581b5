"""What to label next: where a label would tell most."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sslkit.images.files import whole
from sslkit.images.imageset import ImageSet

_OF = 10  # so many unsure images stand for one that is chosen


def unsure(
    features: NDArray[np.float32],
    probabilities: NDArray[np.float64],
    classes: Sequence[str],
    *,
    count: int = 20,
) -> pd.DataFrame:
    """Images that a classifier is unsure of, and that are not all alike.

    Of the images whose two likeliest classes are nearest to each other, ten times as
    many as wanted, those are taken one after another that are farthest from what was
    taken before.

    Args:
        features: ``(N, D)`` of an encoder, of images without labels.
        probabilities: ``(N, classes)`` that the classifier gives them.
        classes: Their names.
        count: How many to choose, at most.

    Returns:
        A row an image, first what to label first: ``row`` of the arguments and
        ``reason``, in words.

    Source:
        Scheffer, Decomain and Wrobel, Active Hidden Markov Models for Information
        Extraction (2001), for the margin; Sener and Savarese, Active Learning for
        Convolutional Neural Networks: A Core-Set Approach (2018), section 4.3, for the
        greedy choice.
    """
    order = np.argsort(-probabilities, axis=1)[:, :2]
    likeliest = np.take_along_axis(probabilities, order, axis=1)
    margin = likeliest[:, 0] - likeliest[:, 1]
    some = np.argsort(margin, kind="stable")[: _OF * count]
    chosen = some[_spread(_unit(features[some]), count)]
    rows = [
        (
            row,
            f"unsure: {classes[order[row, 0]]} {likeliest[row, 0]:.2f}, "
            f"{classes[order[row, 1]]} {likeliest[row, 1]:.2f}",
        )
        for row in chosen
    ]
    return pd.DataFrame(rows, columns=["row", "reason"])


def typical(features: NDArray[np.float32], *, count: int = 20) -> pd.DataFrame:
    """Images that stand for many others: what to label where there are no labels yet.

    Features are divided into as many clusters as images are wanted; of each the image
    nearest to its centre is taken, of the largest cluster first.

    Args:
        features: ``(N, D)`` of an encoder.
        count: How many to choose, at most.

    Returns:
        As ``unsure``.

    Source:
        Hacohen, Dekel and Weinshall, Active Learning on a Budget: Opposite Strategies
        Suit High and Low Budgets (2022), section 3.
    """
    from sklearn.cluster import KMeans

    points = _unit(features)
    count = min(count, len(np.unique(points, axis=0)))
    found = KMeans(count, n_init=1, random_state=0).fit(points)
    sizes = np.bincount(found.labels_, minlength=count)
    far = ((points - found.cluster_centers_[found.labels_]) ** 2).sum(axis=1)
    rows = []
    for cluster in np.argsort(-sizes, kind="stable"):
        own = np.flatnonzero(found.labels_ == cluster)
        nearest = own[far[own].argmin()]
        rows.append((nearest, f"typical of {sizes[cluster]} images"))
    return pd.DataFrame(rows, columns=["row", "reason"])


def write(chosen: pd.DataFrame, images: ImageSet, file: Path) -> pd.DataFrame:
    """Write the names of images and why they are wanted, as CSV.

    Args:
        chosen: As of ``unsure``, with rows of the set.
        images: The set.
        file: Where to.

    Returns:
        The same with a column ``file``: a name, or the row where there are no files.

    Raises:
        OSError: If it cannot be written; names it.
    """
    names = [str(r) if images.files is None else images.files[r] for r in chosen["row"]]
    named = chosen.assign(file=names)
    with whole(file) as partial:
        named[["file", "reason"]].to_csv(partial, index=False)
    return named


def _unit(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Features of length one, so that distances are of directions."""
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    return features / np.maximum(lengths, 1e-12)


def _spread(points: NDArray[np.float32], count: int) -> list[int]:
    """The first point, then always the one farthest from those before."""
    chosen: list[int] = []
    far = np.full(len(points), np.inf)
    while len(chosen) < min(count, len(points)):
        chosen.append(int(far.argmax()))
        far = np.minimum(far, ((points - points[chosen[-1]]) ** 2).sum(axis=1))
        far[chosen] = -1  # of copies, each is taken once
    return chosen

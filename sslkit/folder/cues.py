"""What can be told of images without a network: by colour, by light, by lines.

Handmade features under linear readers, in seconds, of images shrunk to ``SIDE`` pixels.
Every share comes with what guessing gets, and with a 95 % interval over the images
asked (over their groups, where known).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from sslkit.images.imageset import ImageSet
from sslkit.judging.features import BATCH
from sslkit.judging.readout import neighbours
from sslkit.judging.scores import test_set_interval
from sslkit.learning.handmade import Handmade, colours
from sslkit.views import pieces

SIDE = 32  # pixels, at which what an image is of is still seen
LEAST = 8  # pixels, of images too small to have lines
FOLDS = 5
LABELS = 2000  # of which colour is told, at most
TURNED = 800  # images of which turns are told, at most
KNOWN = 5000  # images among which neighbours are looked for, at most,
ASKED = 1000  # and for how many of them
_CELLS = 4  # a side, in which lines are counted
_ANGLES = 8  # kinds of lines, by the direction in which it gets lighter
_PATCHES = 8  # a side, whose mean colours are taken


@dataclass(frozen=True)
class Told:
    """How often something was told right.

    Attributes:
        share: Of the answers, in [0, 1].
        low: Lower end of its 95 % interval, and
        high: the upper one.
        chance: The share that guessing gets.
        images: How many were asked.
    """

    share: float
    low: float
    high: float
    chance: float
    images: int


def by_colour(images: ImageSet, budget: Tensor) -> Told | None:
    """How far colour alone tells the class: held-out images of the label budget.

    A linear reader of the colour histogram, in folds of the budget's images, by whole
    groups where they are known. Guessing is answering the commonest class.

    Args:
        images: The set.
        budget: Rows whose labels may be read; no others are.

    Returns:
        Nothing if a class has a single image, or group, in the budget, or there is but
        one class.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

    rows = _some(budget, LABELS)
    labels = images.labels.cpu()[rows].numpy()
    groups = _groups(images, rows)
    several = pd.DataFrame({"label": labels, "group": groups}).groupby("label")
    count = min(FOLDS, int(several["group"].nunique().min()))
    if count < 2 or len(several) < 2:
        return None
    dealt = StratifiedGroupKFold(count, shuffle=True, random_state=0)
    folds = list(dealt.split(labels, labels, groups))
    if min(len(np.unique(labels[learnt])) for learnt, _ in folds) < 2:
        return None  # large groups: a fold holds all of a class
    shares = colours(_small(images, rows)).numpy()
    answers = cross_val_predict(
        LogisticRegression(max_iter=1000),
        np.sqrt(shares * shares.shape[1]),  # as ``Handmade`` has them
        labels,
        cv=folds,
    )
    commonest = np.bincount(labels).max() / len(labels)
    return _told(answers == labels, groups, float(commonest))


def turns(images: ImageSet) -> tuple[Told, Told] | None:
    """How far lines and colours tell by how many quarters an image was turned.

    Each of some training images is shown in all four turns to a linear reader, which is
    asked of images, and groups, that it has not seen. The second answer is by light
    alone, how bright each quarter of the image is: a sky, or a lamp at one side, which
    tells the turn of images that have no up. No label is read. The blocks of a JPEG
    file, by which a network can tell (``study.cues``), tell this reader nothing.

    Returns:
        By lines and colours, and by light; nothing for fewer than ten images or groups,
        or for tiny images.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rows = _some(images.seen(), TURNED)
    groups = np.tile(_groups(images, rows), 4)
    if len(np.unique(groups)) < 2 * FOLDS or images.size < LEAST:
        return None
    plain = _small(images, rows)
    turned = torch.cat([plain.rot90(turn, (2, 3)) for turn in range(4)])
    right = np.repeat(np.arange(4), len(rows))
    reader = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000))
    whole, light = (
        cross_val_predict(reader, seen, right, groups=groups, cv=GroupKFold(FOLDS))
        == right
        for seen in (_lines_and_colours(turned), _light(turned))
    )
    by_all, by_light = (
        _told(found, groups, 0.25, images=len(rows)) for found in (whole, light)
    )
    return by_all, by_light


def own_group(images: ImageSet) -> Told | None:
    """How often the nearest image, in colour and texture, is of an image's own group.

    If far more often than by chance, images of one group are alike as others are not,
    and a test image whose group was trained on is no new image. Among training images;
    no label is read. Chance is that of an image of the same folder (which has images of
    one class), for images of a class may be alike, too.

    Returns:
        Nothing where no groups are known, none has two of the images, or images are
        tiny.
    """
    if images.groups is None or images.size < LEAST:
        return None
    seen = images.seen()
    rows = _some(seen[torch.from_numpy(images.groups[seen.numpy()] != "")], KNOWN)
    own = images.groups[rows.numpy()]
    files = images.files or [""] * len(images)
    table = pd.DataFrame(
        {"group": own, "folder": [files[row].split("/")[0] for row in rows.tolist()]}
    )
    if table["group"].nunique() < 2 or not table["group"].duplicated().any():
        return None
    together = table.groupby(["group", "folder"])["group"].transform("size")
    folder = table.groupby("folder")["folder"].transform("size")
    chance = ((together - 1) / (folder - 1).clip(lower=1)).to_numpy()
    asked = _some(torch.arange(len(rows)), ASKED)
    small = _small(images, rows).split(BATCH)
    features = torch.cat([Handmade()(some) for some in small])
    nearest = neighbours(features, asked, torch.arange(len(rows)), 1)[:, 0]
    right = own[nearest.numpy()] == own[asked.numpy()]
    return _told(right, own[asked.numpy()], float(chance[asked.numpy()].mean()))


def _told(
    right: NDArray[np.bool_], groups: NDArray, chance: float, images: int | None = None
) -> Told:
    low, high = test_set_interval(right, groups) or (0.0, 1.0)  # of one group: unknown
    return Told(float(right.mean()), low, high, chance, images or len(right))


def _some(rows: Tensor, most: int) -> Tensor:
    """At most so many of some rows, ascending, always the same."""
    if len(rows) <= most:
        return rows
    drawn = np.random.default_rng(0).permutation(len(rows))[:most]
    return rows[torch.from_numpy(np.sort(drawn))]


def _groups(images: ImageSet, rows: Tensor) -> NDArray:
    """What may not be in two folds: the group, or the image where it has none."""
    alone = np.array([f"image {row}" for row in rows.tolist()])
    if images.groups is None:
        return alone
    known = images.groups[rows.numpy()]
    return np.where(known == "", alone, known)


def _small(images: ImageSet, rows: Tensor) -> Tensor:
    """Images ``(B, 3, S, S)`` in [0, 1], on the CPU; larger ones shrunk to ``SIDE``."""
    side = min(images.size, SIDE)
    return torch.cat(
        [
            F.adaptive_avg_pool2d(pieces.to_float(images.take(some)[0].cpu()), side)
            for some in rows.split(BATCH)  # large ones would fill the memory as floats
        ]
    )


def _lines_and_colours(images: Tensor) -> NDArray:
    """Directions of lines by cell, and mean colours by patch: they know up from down.

    Source:
        Dalal and Triggs, Histograms of oriented gradients for human detection (CVPR
        2005), section 6, for the lines; with signed directions, and without blocks.
    """
    light = images.mean(1)
    down = light[:, 2:, 1:-1] - light[:, :-2, 1:-1]
    right = light[:, 1:-1, 2:] - light[:, 1:-1, :-2]
    strength = torch.hypot(down, right)[:, None]
    place = torch.atan2(down, right)[:, None].div(2 * math.pi).mul(_ANGLES) % _ANGLES
    low = place.floor()
    part = place - low
    angles = torch.zeros(len(images), _ANGLES, *down.shape[1:])
    angles.scatter_add_(1, low.long() % _ANGLES, strength * (1 - part))
    angles.scatter_add_(1, (low.long() + 1) % _ANGLES, strength * part)
    lines = F.adaptive_avg_pool2d(angles, _CELLS).sqrt()
    patches = F.adaptive_avg_pool2d(images, _PATCHES)
    return torch.cat([lines.flatten(1), patches.flatten(1)], dim=1).numpy()


def _light(images: Tensor) -> NDArray:
    """How bright each quarter of an image is, ``(B, 4)``."""
    return F.adaptive_avg_pool2d(images.mean(1, keepdim=True), 2).flatten(1).numpy()

"""What encoders know, compared: maps, read-outs, likeness, and one dial of the views.

Features are ``(N, D)``, a row an image of a set; ``train`` and ``test`` are rows of it,
int64. ``layers`` has them by encoder and by layer, first to last, as
``judging.readout.layers`` reads them. All of it only looks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from sslkit.images.imageset import ImageSet
from sslkit.judging import readout

Layers = Mapping[str, Mapping[str, Tensor]]

_BATCH = 256  # images, of which colours are read together


def nearest(
    features: Mapping[Any, Tensor], asked: Tensor, among: Tensor, count: int
) -> dict[Any, Tensor]:
    """The neighbours ``(Q, count)`` of some images, the nearest first, by encoder.

    Args and errors are those of ``readout.neighbours``, with features by encoder.
    """
    return {
        name: readout.neighbours(own, asked, among, count)
        for name, own in features.items()
    }


def shuffled(rows: Tensor, *, seed: int = 0) -> Tensor:
    """The same rows ``(N,)`` in an order of chance."""
    numbers = torch.Generator().manual_seed(seed)
    return rows[torch.randperm(len(rows), generator=numbers)]


def maps(features: Mapping[str, Tensor], rows: Tensor) -> dict[str, NDArray]:
    """Places in the plane for some images, by each encoder: t-SNE by cosine.

    Args:
        features: By encoder.
        rows: ``(M,)`` int64, the images; four or more.

    Returns:
        Places ``(M, 2)`` by encoder, without a unit; equal for equal features.

    Source:
        van der Maaten and Hinton, *Visualizing Data using t-SNE*, JMLR 2008.
    """
    from sklearn.manifold import TSNE

    near = max(2, min(30, len(rows) // 4))
    tsne = TSNE(perplexity=near, metric="cosine", init="random", random_state=0)
    return {
        name: tsne.fit_transform(own[rows].numpy()) for name, own in features.items()
    }


def alikeness(layers: Layers, rows: Tensor) -> pd.DataFrame:
    """CKA of every layer of every encoder with every other, on some images.

    Returns:
        Square, in [0, 1]; rows and columns are encoder and layer, as ``"RotNet 4"``.
    """
    every = _named(layers, rows)
    values = [[readout.cka(x, y) for y in every.values()] for x in every.values()]
    return pd.DataFrame(values, list(every), list(every))


def _named(layers: Layers, rows: Tensor) -> dict[str, Tensor]:
    """Features of some images by encoder and number of the layer."""
    return {
        f"{name} {layer.removeprefix('layer')}": features[rows]
        for name, own in layers.items()
        for layer, features in own.items()
    }


def colours(images: ImageSet) -> NDArray[np.floating[Any]]:
    """The colour of every image as a point ``(N, 2)``, its angle the hue.

    On the unit circle where the hue is known (``ImageSet.factors``); elsewhere that of
    the mean colour, its distance from the middle how strong the colour is.
    """
    if images.factors is not None:
        turn = 2 * np.pi * images.factors["hue"].to_numpy()
        return np.stack([np.cos(turn), np.sin(turn)], axis=1)
    batches = torch.arange(len(images)).split(_BATCH)
    means = [images.take(rows)[0].float().mean((2, 3)) for rows in batches]
    red, green, blue = torch.cat(means).cpu().double().T
    across, up = red - (green + blue) / 2, (green - blue) * 3**0.5 / 2
    return torch.stack([across, up], dim=1).numpy()


def votes(
    features: Tensor, labels: Tensor, train: Tensor, test: Tensor, *, count: int = 10
) -> NDArray[np.float64]:
    """Whether the nearest training images vote for the right class, by test image.

    Args:
        features: ``(N, D)``.
        labels: ``(N,)`` int64.
        train: Rows that vote.
        test: ``(T,)``, rows that are asked for.
        count: How many vote. Of equally many votes the first class wins.

    Returns:
        1 where they are right and 0 elsewhere, ``(T,)``.
    """
    near = readout.neighbours(features, test, train, count)
    counts = F.one_hot(labels[near]).sum(1)
    return (counts.argmax(1) == labels[test]).double().numpy()


def hue_and_class(
    dial: Mapping[float, Tensor], images: ImageSet, train: Tensor, test: Tensor
) -> pd.DataFrame:
    """What encoders with more and more hue jitter know of hue and of class.

    Args:
        dial: Features by hue jitter.
        images: Of which they are the features.
        train: Rows that readers learn from, and that vote.
        test: Rows that are scored.

    Returns:
        A row a jitter: ``hue``, the R² of a linear read-out of ``colours``, and
        ``class``, the accuracy of ``votes``; at most 1.
    """
    wanted, labels = colours(images), images.labels.cpu()
    rows = {
        jitter: {
            "hue": readout.read_out(own, wanted, train, test),
            "class": float(votes(own, labels, train, test).mean()),
        }
        for jitter, own in dial.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("hue jitter")

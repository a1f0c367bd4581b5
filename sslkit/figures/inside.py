"""The figures of what encoders keep: neighbours, maps, read-outs, likeness, a dial."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
import torch
from matplotlib import colormaps
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from sslkit.figures.plots import SMALL, WIDTH, grid, new_figure, pixels
from sslkit.images.imageset import ImageSet

_KINDS = "^ovsDP*X"  # markers of classes


def nearest(images: ImageSet, asked: Tensor, near: Mapping[str, Tensor]) -> Figure:
    """Show images, and below each its neighbours by each encoder.

    Args:
        images: Where they are taken from.
        asked: ``(Q,)`` int64, the rows to start from.
        near: Rows ``(Q, K)`` by encoder, the nearest first.
    """
    rows = {"image": images.take(asked)[0]}
    for name, found in near.items():
        for place, own in enumerate(found.T, start=1):
            rows[f"{name} {place}"] = images.take(own)[0]
    return grid(rows, scale=0.75)


def maps(
    places: Mapping[str, NDArray],
    labels: NDArray[np.integer[Any]],
    classes: Sequence[str],
    *,
    hues: NDArray[np.floating[Any]] | None = None,
) -> Figure:
    """Show where each encoder's map puts images, a panel an encoder.

    Args:
        places: ``(N, 2)`` by encoder.
        labels: ``(N,)``, an index into ``classes``: markers, and colours of a row.
        classes: Their names.
        hues: ``(N,)`` in turns: the colours of a second row, if given.
    """
    shades = colormaps["viridis"](np.linspace(0.0, 0.85, len(classes)))
    colours = [shades[labels]]
    if hues is not None:
        colours.append(colormaps["hsv"](hues))
    figure = Figure((WIDTH, 0.4 + 2 * len(colours)), layout="constrained")
    panels = figure.subplots(len(colours), len(places), squeeze=False)
    cells = [(row, title) for row in range(len(colours)) for title in places]
    for axes, (row, title) in zip(panels.flat, cells, strict=True):
        axes.set(xticks=[], yticks=[], title="" if row else title)
        axes.spines[:].set(visible=True, color="#CCCCCC")
        for label, kind in enumerate(classes):
            own = labels == label
            axes.scatter(
                *places[title][own].T,
                s=26,
                c=colours[row][own],
                marker=_KINDS[label % len(_KINDS)],
                linewidths=0,
                label=kind if axes is panels[0, 0] else None,
            )
    figure.legend(loc="outside lower center", ncols=min(len(classes), 6))
    return figure


def map_of_images(images: Tensor, places: NDArray) -> Figure:
    """Show images where a map puts them.

    Args:
        images: ``(N, 3, S, S)`` uint8; a few hundred.
        places: ``(N, 2)``.
    """
    figure = Figure((WIDTH, WIDTH), layout="constrained")
    axes = figure.subplots()
    low, high = places.min(axis=0), places.max(axis=0)
    half = (high - low) / 44  # of an image, so that a few hundred leave gaps
    for image, (x, y) in zip(images, places, strict=True):
        where = (x - half[0], x + half[0], y - half[1], y + half[1])
        axes.imshow(pixels(image), extent=where, interpolation="none", aspect="auto")
    axes.set(
        xticks=[],
        yticks=[],
        xlim=(low[0] - half[0], high[0] + half[0]),
        ylim=(low[1] - half[1], high[1] + half[1]),
    )
    axes.spines[:].set(visible=True, color="#CCCCCC")
    return figure


def read_outs(scores: pd.DataFrame) -> Figure:
    """Show read-outs by factor and layer in per cent, a panel an encoder.

    Args:
        scores: A row a factor, a column an encoder and layer, at most 1. What is below
            0 is shown as 0.
    """
    encoders = list(scores.columns.get_level_values(0).unique())
    figure = Figure((WIDTH, 4.2), layout="constrained")
    panels = figure.subplots(1, len(encoders), sharey=True, squeeze=False)[0]
    look: Any = {"vmin": 0, "vmax": 100, "cmap": "Blues", "linewidths": 1}
    text: Any = {"fmt": ".0f", "annot_kws": {"size": SMALL}}
    for axes, name in zip(panels, encoders, strict=True):
        shown = 100 * scores[name].clip(lower=0)
        sns.heatmap(shown, ax=axes, annot=True, cbar=False, **text, **look)
        axes.set(title=name, xlabel="layer")
        axes.set_xticklabels([layer.removeprefix("layer") for layer in shown])
        axes.tick_params(length=0, labelrotation=0)
    return figure


def alikeness(alike: pd.DataFrame, *, encoders: int) -> Figure:
    """Show how alike all layers of all encoders are, white lines between encoders.

    Args:
        alike: CKA in [0, 1], square, encoder by encoder.
        encoders: How many there are, each with as many layers.
    """
    figure, axes = new_figure(width=5.6, height=4.9)
    bar = {"label": "CKA", "shrink": 0.8}
    look: Any = {"vmin": 0, "vmax": 1, "cmap": "Blues", "square": True}
    sns.heatmap(alike, ax=axes, cbar_kws=bar, **look)
    depth = len(alike) // encoders
    for edge in range(depth, len(alike), depth):
        axes.axhline(edge, color="white", lw=4)
        axes.axvline(edge, color="white", lw=4)
    axes.tick_params(length=0)
    return figure


def at_position(images: ImageSet, asked: Tensor, near: Tensor) -> dict[Any, Tensor]:
    """The pictures of one position of a dial, for ``diagnostics.hue_dial``.

    Args:
        images: Where they are taken from.
        asked: ``(Q,)`` int64, the images at the left.
        near: ``(Q, K)`` int64, what stands beside each, the nearest first.
    """
    rows = torch.cat([asked[:, None], near], dim=1)
    return {
        (column - 1, row): _picture(images, rows[row, column])
        for column in range(rows.shape[1])
        for row in range(len(rows))
    }


def at_all(
    images: ImageSet, asked: Tensor, near: Iterable[Tensor]
) -> dict[Any, Tensor]:
    """The pictures of all positions of a dial at once, as of ``at_position``.

    Args:
        images: Where they are taken from.
        asked: ``(Q,)`` int64, the images at the left.
        near: By position, ``(Q, 2)`` int64, the two that stand below it.
    """
    pictures = {(-0.85, row): _picture(images, own) for row, own in enumerate(asked)}
    for position, found in enumerate(near):
        for row, pair in enumerate(found):
            for aside, own in zip((-0.23, 0.23), pair, strict=True):
                pictures[position + aside, row] = _picture(images, own)
    return pictures


def _picture(images: ImageSet, row: Tensor) -> Tensor:
    return images.take(row[None])[0][0]

"""The pictures of a report: figures that a page holds in itself."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from io import BytesIO
from typing import NamedTuple

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from sslkit.figures import diagnostics, few_labels, inside, plots
from sslkit.folder.look import Look
from sslkit.folder.verdict import Option, first_run, named
from sslkit.images.imageset import ImageSet
from sslkit.runs.records import Run
from sslkit.study import tables
from sslkit.study.features import maps

_SHOWN = 8  # pairs of doubles; images that are asked for
_FEWEST_MAPPED, _MAPPED = 10, 300  # images of a map


class Picture(NamedTuple):
    """A figure of the report.

    Attributes:
        source: The file, as a ``data:`` address.
        alt: For those who cannot see it.
        caption: Stands alone.
    """

    source: str
    alt: str
    caption: str


@plots.styled()
def of_trials(
    whole: Sequence[Run],
    every: Sequence[Run],
    ways: Sequence[Option],
    classes: Sequence[str],
) -> list[Picture]:
    """The label curve, if there is one, and where the best way errs.

    Args:
        whole: The trials with all labels.
        every: All trials.
        ways: From ``options``.
        classes: Their names.
    """
    found = []
    if len({run.recipe.fraction for run in every}) > 1:
        frame = tables.table(every)
        arms = [
            (way.method, way.protocol)
            for way in ways
            if way.pretrained or way.method == "supervised"
        ]
        curve = few_labels.label_curve(frame, arms=arms, arrow=None)
        found.append(
            _picture(
                curve,
                alt="Test accuracy over the number of labels, a line a way.",
                caption="The label curve: would more labels help, and how much? "
                "Bands are 95 % intervals over draws.",
            )
        )
    if ways:
        best = ways[0]
        run = first_run(whole, best)
        found.append(
            _picture(
                diagnostics.confusion(run.scores[best.protocol], classes),
                alt="Test images by true class and by predicted class.",
                caption=f"What is taken for what by {named(best)}, in the first draw.",
            )
        )
    return found


@plots.styled()
def of_features(images: ImageSet, rows: Tensor, features: NDArray) -> list[Picture]:
    """Some images with those that the encoder finds most alike, and a map of many.

    Args:
        images: The set.
        rows: ``(N,)`` of it.
        features: ``(N, D)`` of these.
    """
    unit = features / np.linalg.norm(features, axis=1, keepdims=True).clip(min=1e-12)
    asked = np.linspace(0, len(rows) - 1, min(5, len(rows))).astype(int)
    near = np.argsort(-(unit[asked] @ unit.T), axis=1)[:, 1:6]
    found = [
        _picture(
            inside.nearest(images, rows[asked], {"": rows[torch.from_numpy(near)]}),
            alt="Images, and below each the ones most alike by the encoder.",
            caption="Above an image, below the five that the encoder finds most alike: "
            "what it has learnt to tell, without a label.",
            photographs=True,
        )
    ]
    if len(rows) >= _FEWEST_MAPPED:
        some = np.linspace(0, len(rows) - 1, min(_MAPPED, len(rows))).astype(int)
        places = maps({"": torch.from_numpy(features)}, torch.from_numpy(some))
        found.append(
            _picture(
                inside.map_of_images(images.take(rows[some])[0], places[""]),
                alt="Images on a plane, near each other where the encoder finds so.",
                caption="A map (t-SNE): what the encoder finds alike lies together. "
                "Distances between groups mean little.",
                photographs=True,
            )
        )
    return found


@plots.styled()
def of_look(images: ImageSet, look: Look) -> list[Picture]:
    """Images of every class, and doubles."""
    some = {name: rows for name, rows in look.shown.items() if rows}
    found = []
    if some:
        sheet = {n: images.take(torch.tensor(rows))[0] for n, rows in some.items()}
        found.append(
            _picture(
                plots.grid(sheet, scale=0.7),
                alt="A row of images a class.",
                caption="The first images of each class in the label budget, as "
                "networks see them.",
                photographs=True,
            )
        )
    if pairs := look.doubles.examples[:_SHOWN]:
        first, second = (torch.tensor(rows) for rows in zip(*pairs, strict=True))
        sheet = {"image": images.take(first)[0], "double": images.take(second)[0]}
        found.append(
            _picture(
                plots.grid(sheet, scale=0.7),
                alt="Pairs of images that are the same, one above the other.",
                caption="Doubles: to the pixel, or nearly.",
                photographs=True,
            )
        )
    return found


@plots.styled()
def of_rows(images: ImageSet, rows: Iterable[int]) -> Picture:
    """The images that are to be labelled next."""
    some = torch.tensor(list(rows)[: 2 * _SHOWN])
    return _picture(
        plots.grid(images.take(some)[0], columns=_SHOWN, scale=0.7),
        alt="Images to label next.",
        caption="The first of them.",
        photographs=True,
    )


def _picture(
    figure: Figure, *, alt: str, caption: str, photographs: bool = False
) -> Picture:
    """A figure as a page holds it: as pixels, or as drawing; always the same bytes."""
    kind, mime = ("png", "image/png") if photographs else ("svg", "image/svg+xml")
    undated = None if photographs else {"Date": None}
    file = BytesIO()
    figure.savefig(file, format=kind, dpi=130, bbox_inches="tight", metadata=undated)
    text = base64.b64encode(file.getvalue()).decode()
    return Picture(f"data:{mime};base64,{text}", alt, caption)

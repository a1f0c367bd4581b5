"""One diagram a method, in one style and on one grid, so that what differs stands out.

Each is read from the left: images, their views, the encoder's features, what a small
network makes of them, the loss. What learns has the colour of its method, and so have
the arrows along which a gradient flows back; the rest is grey. A box as tall as all
rows is one network that sees all views.
"""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox
from torch import Tensor

from sslkit.figures.drawing import (
    BOX,
    COMPARED,
    EMBEDDINGS,
    ENCODER,
    FEATURES,
    FLAT,
    FOUR,
    IMAGE,
    PALE,
    PROJECTOR,
    TALL,
    TWO,
    VIEWS,
    around,
    arrow,
    box,
    canvas,
    cells,
    chain,
    foot,
    loss_box,
    numbers,
    pile,
    placed,
    rounded,
    stop_gradient,
    tint,
    write,
)
from sslkit.figures.plots import GREY
from sslkit.runs.arms import arm_of


def rotnet(images: Tensor | None = None, *, views: Sequence[Tensor] = ()) -> Figure:
    """Draw RotNet: an image in four turns, and a head that tells them apart.

    Args:
        images: (N, 3, S, S), uint8. The first lies on top, two more show behind it;
            without any, plain squares do.
        views: The images in 0, 1, 2 and 3 quarter turns, each (N, 3, S, S), float in
            [0, 1] or uint8. Without them, plain squares.

    Raises:
        ValueError: If there are views, but not four.
    """
    (figure, axes), colour = canvas("answers"), arm_of("rotnet").colour
    seen = _seen(axes, images, views, FOUR)
    encoder = box(axes, ENCODER, 0, "encoder\n$f$", colour)
    head = box(axes, PROJECTOR, 0, "head", colour)
    loss = loss_box(axes, "cross-\nentropy")
    for turns, (view, y) in enumerate(zip(seen, FOUR, strict=True)):
        features = numbers(axes, FEATURES, y, colour)
        right = [tint(colour, 0.9 if k == turns else 0.15) for k in range(4)]
        answer = cells(axes, EMBEDDINGS, y, [[one] for one in right])
        chain(axes, y, view, encoder)
        chain(axes, y, encoder, features, head, answer, loss, colour=colour)
        write(axes, COMPARED, y, f"{90 * turns}°", patch="white")
    around(axes, seen[-1], loss, "the turns are known: no label is needed")
    return figure


def simclr(images: Tensor | None = None, *, views: Sequence[Tensor] = ()) -> Figure:
    """Draw SimCLR: every view in a batch is compared with every other.

    Args:
        images: As of ``rotnet``.
        views: Two views of the images, as of ``rotnet``.

    Raises:
        ValueError: If there are views, but not two.
    """
    (figure, axes), colour = canvas("embeddings"), arm_of("simclr").colour
    _one_network(axes, _seen(axes, images, views, TWO), colour, "NT-Xent")
    write(axes, COMPARED, 0.62, "similarities")
    shades = {0: "white", 3: colour}  # with itself, with the other view of its image
    rows = [[shades.get(abs(i - j), PALE) for j in range(6)] for i in range(6)]
    cells(axes, COMPARED, -0.1, rows, width=0.13, height=0.13)
    foot(axes, "two views of one image together, all others apart")
    return figure


def byol(images: Tensor | None = None, *, views: Sequence[Tensor] = ()) -> Figure:
    """Draw BYOL: a network predicts what its own moving average makes of another view.

    Args:
        images: As of ``rotnet``.
        views: Two views of the images, as of ``rotnet``.

    Raises:
        ValueError: If there are views, but not two.
    """
    (figure, axes), colour = canvas("embeddings"), arm_of("byol").colour
    above, below = _seen(axes, images, views, TWO)
    loss = loss_box(axes, "2 − 2 cos")

    def network(y: float, view: Bbox, words: Sequence[str], paint: str) -> list[Bbox]:
        encoder = box(axes, ENCODER, y, words[0], paint, FLAT)
        projector = box(axes, PROJECTOR, y, words[1], paint, FLAT)
        features = numbers(axes, FEATURES, y, paint)
        embedding = numbers(axes, EMBEDDINGS, y, paint)
        chain(axes, y, view, encoder)
        chain(axes, y, encoder, features, projector, embedding, colour=paint)
        return [encoder, projector, embedding]

    online = network(TWO[0], above, ("encoder\n$f$", "projector\n$g$"), colour)
    words = "momentum\nencoder", "momentum\nprojector"
    momentum = network(TWO[1], below, words, GREY)
    predictor = box(axes, COMPARED, TWO[0], "predictor\n$q$", colour, FLAT)
    chain(axes, TWO[0], online[2], predictor, loss, colour=colour)
    chain(axes, TWO[1], momentum[2], loss)
    stop_gradient(axes, TWO[1])
    for x, learns, follows in zip((ENCODER, PROJECTOR), online, momentum, strict=False):
        arrow(axes, (x, learns.y0), (x, follows.y1), style=(0, (3, 2)))
    write(axes, FEATURES, 0, "moving\naverage", GREY)
    foot(axes, "and once more with the two views exchanged")
    return figure


def vicreg(images: Tensor | None = None, *, views: Sequence[Tensor] = ()) -> Figure:
    """Draw VICReg: three terms, two of which look at the embeddings of a whole batch.

    Args:
        images: As of ``rotnet``.
        views: Two views of the images, as of ``rotnet``.

    Raises:
        ValueError: If there are views, but not two.
    """
    (figure, axes), colour = canvas("embeddings"), arm_of("vicreg").colour
    _one_network(axes, _seen(axes, images, views, TWO), colour, "weighted\nsum")
    for word, y in (("invariance", 0.64), ("variance", 0.0), ("covariance", -0.64)):
        write(axes, COMPARED, y + 0.14, word)
    for y in (0.32, -0.32):
        axes.plot([COMPARED - BOX / 2, COMPARED + BOX / 2], [y, y], color=GREY, lw=1)
    # Two lists alike; a number that differs between images; numbers that share nothing.
    one = [tint(colour, part) for part in (0.9, 0.3, 0.6, 0.15, 0.75)]
    cells(axes, COMPARED, 0.53, [one, one], width=0.12, height=0.12)
    spread = [-0.3, -0.17, -0.06, 0.1, 0.18, 0.31]
    axes.plot([COMPARED + x for x in spread], [-0.12] * 6, "o", color=colour, ms=5)
    shares = [[colour if i == j else PALE for j in range(3)] for i in range(3)]
    cells(axes, COMPARED, -0.76, shares, width=0.1, height=0.1)
    foot(axes, "the two views agree, every number varies, no two say the same")
    return figure


# ------------------------------------------------------------- what methods share


def _one_network(axes: Axes, seen: list[Bbox], colour: str, formula: str) -> None:
    """Draw views through one encoder and projector, a frame to fill, the loss."""
    encoder = box(axes, ENCODER, 0, "encoder\n$f$", colour)
    projector = box(axes, PROJECTOR, 0, "projector\n$g$", colour)
    frame = placed(COMPARED, 0, BOX, TALL)
    rounded(axes, frame, facecolor="white", edgecolor=GREY, lw=1.2)
    for view, y in zip(seen, TWO, strict=True):
        features = numbers(axes, FEATURES, y, colour)
        embedding = numbers(axes, EMBEDDINGS, y, colour)
        chain(axes, y, view, encoder)
        way = encoder, features, projector, embedding, frame
        chain(axes, y, *way, colour=colour)
    chain(axes, 0, frame, loss_box(axes, formula), colour=colour)


def _seen(
    axes: Axes,
    images: Tensor | None,
    views: Sequence[Tensor],
    rows: Sequence[float],
) -> list[Bbox]:
    """Draw the images and, a row each, their views; give the places of the views."""
    if views and len(views) != len(rows):
        raise ValueError(f"{len(views)} views, where the method makes {len(rows)}")
    image = pile(axes, IMAGE, 0, images, "^")
    markers = "^<v>" if len(rows) == 4 else "^^"
    places = []
    for k, y in enumerate(rows):
        view = views[k] if views else None
        places.append(pile(axes, VIEWS, y, view, markers[k]))
        arrow(axes, (image.x1, 0), (places[-1].x0, y))
    return places

"""One diagram a method, in one style and on one grid, so that what differs stands out.

Each is read from the left: images, their views, the encoder's features, what a small
network makes of them, the loss. What learns has the colour of its method, and so have
the arrows along which a gradient flows back; the rest is grey. A box as tall as all
rows is one network that sees all views.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle
from matplotlib.transforms import Bbox
from torch import Tensor

from sslkit.figures.plots import GREY, WIDTH, pixels
from sslkit.runs.arms import arm_of

# In inches: where columns stand, and how far above the middle rows and words do.
IMAGE, VIEWS, ENCODER, FEATURES = 0.28, 1.02, 1.88, 2.6
PROJECTOR, EMBEDDINGS, COMPARED, LOSS = 3.32, 4.04, 4.76, 5.76
TWO, FOUR = (0.5, -0.5), (0.75, 0.25, -0.25, -0.75)
HEADING, FOOT, TOP, BOTTOM = 1.16, -1.2, 1.38, -1.38
BOX, TALL, FLAT = 0.92, 1.92, 0.62  # width of a box; its height for all rows, for one

SIZE = 10.0  # of every word, in points
INK, PALE = "#222222", "#DDDDDD"
_Point = tuple[float, float]


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
    (figure, axes), colour = _canvas("answers"), arm_of("rotnet").colour
    seen = _seen(axes, images, views, FOUR)
    encoder = _box(axes, ENCODER, 0, "encoder\n$f$", colour)
    head = _box(axes, PROJECTOR, 0, "head", colour)
    loss = _loss(axes, "cross-\nentropy")
    for turns, (view, y) in enumerate(zip(seen, FOUR, strict=True)):
        features = _numbers(axes, FEATURES, y, colour)
        right = [_tint(colour, 0.9 if k == turns else 0.15) for k in range(4)]
        answer = _cells(axes, EMBEDDINGS, y, [[one] for one in right])
        _chain(axes, y, view, encoder)
        _chain(axes, y, encoder, features, head, answer, loss, colour=colour)
        _write(axes, COMPARED, y, f"{90 * turns}°", patch="white")
    _around(axes, seen[-1], loss, "the turns are known: no label is needed")
    return figure


def simclr(images: Tensor | None = None, *, views: Sequence[Tensor] = ()) -> Figure:
    """Draw SimCLR: every view in a batch is compared with every other.

    Args:
        images: As of ``rotnet``.
        views: Two views of the images, as of ``rotnet``.

    Raises:
        ValueError: If there are views, but not two.
    """
    (figure, axes), colour = _canvas("embeddings"), arm_of("simclr").colour
    _one_network(axes, _seen(axes, images, views, TWO), colour, "NT-Xent")
    _write(axes, COMPARED, 0.62, "similarities")
    shades = {0: "white", 3: colour}  # with itself, with the other view of its image
    rows = [[shades.get(abs(i - j), PALE) for j in range(6)] for i in range(6)]
    _cells(axes, COMPARED, -0.1, rows, width=0.13, height=0.13)
    _foot(axes, "two views of one image together, all others apart")
    return figure


def byol(images: Tensor | None = None, *, views: Sequence[Tensor] = ()) -> Figure:
    """Draw BYOL: a network predicts what its own moving average makes of another view.

    Args:
        images: As of ``rotnet``.
        views: Two views of the images, as of ``rotnet``.

    Raises:
        ValueError: If there are views, but not two.
    """
    (figure, axes), colour = _canvas("embeddings"), arm_of("byol").colour
    above, below = _seen(axes, images, views, TWO)
    loss = _loss(axes, "2 − 2 cos")

    def network(y: float, view: Bbox, words: Sequence[str], paint: str) -> list[Bbox]:
        encoder = _box(axes, ENCODER, y, words[0], paint, FLAT)
        projector = _box(axes, PROJECTOR, y, words[1], paint, FLAT)
        features = _numbers(axes, FEATURES, y, paint)
        embedding = _numbers(axes, EMBEDDINGS, y, paint)
        _chain(axes, y, view, encoder)
        _chain(axes, y, encoder, features, projector, embedding, colour=paint)
        return [encoder, projector, embedding]

    online = network(TWO[0], above, ("encoder\n$f$", "projector\n$g$"), colour)
    words = "momentum\nencoder", "momentum\nprojector"
    momentum = network(TWO[1], below, words, GREY)
    predictor = _box(axes, COMPARED, TWO[0], "predictor\n$q$", colour, FLAT)
    _chain(axes, TWO[0], online[2], predictor, loss, colour=colour)
    _chain(axes, TWO[1], momentum[2], loss)
    _stop(axes, TWO[1])
    for x, learns, follows in zip((ENCODER, PROJECTOR), online, momentum, strict=False):
        _line(axes, (x, learns.y0), (x, follows.y1), style=(0, (3, 2)))
    _write(axes, FEATURES, 0, "moving\naverage", GREY)
    _foot(axes, "and once more with the two views exchanged")
    return figure


def vicreg(images: Tensor | None = None, *, views: Sequence[Tensor] = ()) -> Figure:
    """Draw VICReg: three terms, two of which look at the embeddings of a whole batch.

    Args:
        images: As of ``rotnet``.
        views: Two views of the images, as of ``rotnet``.

    Raises:
        ValueError: If there are views, but not two.
    """
    (figure, axes), colour = _canvas("embeddings"), arm_of("vicreg").colour
    _one_network(axes, _seen(axes, images, views, TWO), colour, "weighted\nsum")
    for word, y in (("invariance", 0.64), ("variance", 0.0), ("covariance", -0.64)):
        _write(axes, COMPARED, y + 0.14, word)
    for y in (0.32, -0.32):
        axes.plot([COMPARED - BOX / 2, COMPARED + BOX / 2], [y, y], color=GREY, lw=1)
    # Two lists alike; a number that differs between images; numbers that share nothing.
    one = [_tint(colour, part) for part in (0.9, 0.3, 0.6, 0.15, 0.75)]
    _cells(axes, COMPARED, 0.53, [one, one], width=0.12, height=0.12)
    spread = [-0.3, -0.17, -0.06, 0.1, 0.18, 0.31]
    axes.plot([COMPARED + x for x in spread], [-0.12] * 6, "o", color=colour, ms=5)
    shares = [[colour if i == j else PALE for j in range(3)] for i in range(3)]
    _cells(axes, COMPARED, -0.76, shares, width=0.1, height=0.1)
    _foot(axes, "the two views agree, every number varies, no two say the same")
    return figure


# ------------------------------------------------------------- what methods share


def _one_network(axes: Axes, seen: list[Bbox], colour: str, formula: str) -> None:
    """Draw views through one encoder and projector, a frame to fill, the loss."""
    encoder = _box(axes, ENCODER, 0, "encoder\n$f$", colour)
    projector = _box(axes, PROJECTOR, 0, "projector\n$g$", colour)
    frame = _place(COMPARED, 0, BOX, TALL)
    _rounded(axes, frame, facecolor="white", edgecolor=GREY, lw=1.2)
    for view, y in zip(seen, TWO, strict=True):
        features = _numbers(axes, FEATURES, y, colour)
        embedding = _numbers(axes, EMBEDDINGS, y, colour)
        _chain(axes, y, view, encoder)
        chain = encoder, features, projector, embedding, frame
        _chain(axes, y, *chain, colour=colour)
    _chain(axes, 0, frame, _loss(axes, formula), colour=colour)


def _seen(
    axes: Axes,
    images: Tensor | None,
    views: Sequence[Tensor],
    rows: Sequence[float],
) -> list[Bbox]:
    """Draw the images and, a row each, their views; give the places of the views."""
    if views and len(views) != len(rows):
        raise ValueError(f"{len(views)} views, where the method makes {len(rows)}")
    image = _pile(axes, IMAGE, 0, images, "^")
    markers = "^<v>" if len(rows) == 4 else "^^"
    places = []
    for k, y in enumerate(rows):
        view = views[k] if views else None
        places.append(_pile(axes, VIEWS, y, view, markers[k]))
        _line(axes, (image.x1, 0), (places[-1].x0, y))
    return places


# -------------------------------------------------------------------- vocabulary


def _canvas(compared: str) -> tuple[Figure, Axes]:
    """A figure in inches whose 0 is the middle of the rows, with a word a column."""
    figure = Figure(figsize=(WIDTH, TOP - BOTTOM))
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(BOTTOM, TOP))
    axes.set_axis_off()
    axes.autoscale(enable=False)
    words = "image", "views", "features", compared
    for x, word in zip((IMAGE, VIEWS, FEATURES, EMBEDDINGS), words, strict=True):
        axes.text(x, HEADING, word, ha="center", size=SIZE, color=GREY)
    return figure, axes


def _tint(colour: str, strength: float) -> str:
    """A colour mixed with white; 1 is the colour itself."""
    red, green, blue = (1 - strength * (1 - part) for part in to_rgb(colour))
    return to_hex((red, green, blue))


def _write(
    axes: Axes, x: float, y: float, text: str, colour: str = INK, patch: str = "none"
) -> None:
    box = {"facecolor": patch, "edgecolor": "none", "pad": 3}
    axes.text(x, y, text, ha="center", va="center", size=SIZE, color=colour, bbox=box)


def _foot(axes: Axes, text: str) -> None:
    _write(axes, (VIEWS + LOSS) / 2, FOOT, text, GREY, patch="white")


def _place(x: float, y: float, width: float, height: float) -> Bbox:
    """Where something stands, by its middle, for arrows to begin and end at."""
    return Bbox.from_bounds(x - width / 2, y - height / 2, width, height)


def _rounded(axes: Axes, place: Bbox, **look: Any) -> None:
    corner, style = (place.x0, place.y0), "round,pad=0,rounding_size=0.08"
    size = place.width, place.height
    axes.add_patch(FancyBboxPatch(corner, *size, boxstyle=style, **look))


def _box(
    axes: Axes, x: float, y: float, word: str, colour: str, height: float = TALL
) -> Bbox:
    """A network with its word."""
    place = _place(x, y, BOX, height)
    _rounded(axes, place, facecolor=_tint(colour, 0.14), edgecolor=colour, lw=1.6)
    _write(axes, x, y, word)
    return place


def _loss(axes: Axes, formula: str) -> Bbox:
    place = _place(LOSS, 0, 0.78, TALL)
    _rounded(axes, place, facecolor=INK, edgecolor=INK, lw=1.6)
    _write(axes, LOSS, 0, f"loss\n\n{formula}", "white")
    return place


def _pile(axes: Axes, x: float, y: float, images: Tensor | None, up: str) -> Bbox:
    """The first image, two more behind it; or plain squares, the first marked."""
    side, step = 0.38, 0.035
    place = _place(x, y, side + 2 * step, side + 2 * step)
    for behind in (2, 1, 0):
        left, low = place.x0 + behind * step, place.y0 + behind * step
        look: dict[str, Any] = {"facecolor": "#F2F2F2", "edgecolor": GREY}
        if images is not None:
            extent = (left, left + side, low, low + side)
            image = pixels(images[min(behind, len(images) - 1)])
            axes.imshow(
                image, extent=extent, aspect="auto", interpolation="none", zorder=2
            )
            look = {"facecolor": "none", "edgecolor": "white"}
        axes.add_patch(Rectangle((left, low), side, side, zorder=2, lw=0.8, **look))
    if images is None:
        axes.plot(x - step, y - step, marker=up, color="#999999", ms=10, zorder=3)
    return place


def _cells(
    axes: Axes,
    x: float,
    y: float,
    colours: Sequence[Sequence[str]],
    *,
    width: float = 0.12,
    height: float = 0.105,
) -> Bbox:
    """Small cells in rows, from above."""
    place = _place(x, y, width * len(colours[0]), height * len(colours))
    for i, row in enumerate(colours):
        for j, colour in enumerate(row):
            corner = (place.x0 + j * width, place.y1 - (i + 1) * height)
            axes.add_patch(
                Rectangle(corner, width, height, fc=colour, ec="white", lw=0.7)
            )
    return place


def _numbers(axes: Axes, x: float, y: float, colour: str) -> Bbox:
    """A list of numbers, other ones for another view."""
    parts = (0.75, 0.3, 0.55, 0.9, 0.4) if y > 0 else (0.8, 0.25, 0.65, 0.85, 0.3)
    return _cells(axes, x, y, [[_tint(colour, p)] for p in parts], height=0.084)


def _chain(axes: Axes, y: float, *places: Bbox, colour: str = GREY) -> None:
    """Level arrows from each to the next."""
    for start, end in zip(places, places[1:], strict=False):
        _line(axes, (start.x1, y), (end.x0, y), colour)


def _line(
    axes: Axes, start: _Point, end: _Point, colour: str = GREY, style: Any = "-"
) -> None:
    shape: Any = {"arrowstyle": "-|>", "mutation_scale": 9, "shrinkA": 0, "shrinkB": 0}
    arrow = FancyArrowPatch(start, end, color=colour, lw=1.3, linestyle=style, **shape)
    axes.add_patch(arrow)


def _stop(axes: Axes, y: float) -> None:
    """The mark // on an arrow: no gradient flows back through it."""
    axes.plot([COMPARED - 0.05, COMPARED + 0.05], [y, y], color="white", lw=3)
    for x in (COMPARED - 0.05, COMPARED + 0.05):
        axes.plot([x - 0.04, x + 0.04], [y - 0.09, y + 0.09], color=INK, lw=1.6)
    _write(axes, COMPARED, y - 0.23, "stop-gradient", GREY)


def _around(axes: Axes, start: Bbox, end: Bbox, text: str) -> None:
    """A way from the views to the loss that needs no network, with its words on it."""
    axes.plot([VIEWS, VIEWS, LOSS], [start.y0, FOOT, FOOT], color=GREY, lw=1.3)
    _line(axes, (LOSS, FOOT), (LOSS, end.y0))
    _foot(axes, text)

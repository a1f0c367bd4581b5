"""The vocabulary of the diagrams: boxes, piles, numbers and arrows on one grid."""

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

# In inches: where columns stand, and how far above the middle rows and words do.
IMAGE, VIEWS, ENCODER, FEATURES = 0.28, 1.02, 1.88, 2.6
PROJECTOR, EMBEDDINGS, COMPARED, LOSS = 3.32, 4.04, 4.76, 5.76
TWO, FOUR = (0.5, -0.5), (0.75, 0.25, -0.25, -0.75)
HEADING, FOOT, TOP, BOTTOM = 1.16, -1.2, 1.38, -1.38
BOX, TALL, FLAT = 0.92, 1.92, 0.62  # width of a box; its height for all rows, for one

SIZE = 10.0  # of every word, in points
INK, PALE = "#222222", "#DDDDDD"
_Point = tuple[float, float]


def canvas(compared: str) -> tuple[Figure, Axes]:
    """A figure in inches whose 0 is the middle of the rows, with a word a column."""
    figure = Figure(figsize=(WIDTH, TOP - BOTTOM))
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(BOTTOM, TOP))
    axes.set_axis_off()
    axes.autoscale(enable=False)
    words = "image", "views", "features", compared
    for x, word in zip((IMAGE, VIEWS, FEATURES, EMBEDDINGS), words, strict=True):
        axes.text(x, HEADING, word, ha="center", size=SIZE, color=GREY)
    return figure, axes


def tint(colour: str, strength: float) -> str:
    """A colour mixed with white; 1 is the colour itself."""
    red, green, blue = (1 - strength * (1 - part) for part in to_rgb(colour))
    return to_hex((red, green, blue))


def write(
    axes: Axes, x: float, y: float, text: str, colour: str = INK, patch: str = "none"
) -> None:
    """Words around a point; ``patch`` is the colour below them."""
    look: Any = {"ha": "center", "va": "center", "size": SIZE, "color": colour}
    look |= {"bbox": {"facecolor": patch, "edgecolor": "none", "pad": 3}}
    axes.text(x, y, text, **look)


def foot(axes: Axes, text: str) -> None:
    """Words below all rows."""
    write(axes, (VIEWS + LOSS) / 2, FOOT, text, GREY, patch="white")


def placed(x: float, y: float, width: float, height: float) -> Bbox:
    """Where something stands, by its middle, for arrows to begin and end at."""
    return Bbox.from_bounds(x - width / 2, y - height / 2, width, height)


def rounded(axes: Axes, place: Bbox, **look: Any) -> None:
    """A frame with round corners."""
    corner, style = (place.x0, place.y0), "round,pad=0,rounding_size=0.08"
    size = place.width, place.height
    axes.add_patch(FancyBboxPatch(corner, *size, boxstyle=style, **look))


def box(
    axes: Axes, x: float, y: float, word: str, colour: str, height: float = TALL
) -> Bbox:
    """A network with its word."""
    place = placed(x, y, BOX, height)
    rounded(axes, place, facecolor=tint(colour, 0.14), edgecolor=colour, lw=1.6)
    write(axes, x, y, word)
    return place


def loss_box(axes: Axes, formula: str) -> Bbox:
    """The loss, at the right end of all rows."""
    place = placed(LOSS, 0, 0.78, TALL)
    rounded(axes, place, facecolor=INK, edgecolor=INK, lw=1.6)
    write(axes, LOSS, 0, f"loss\n\n{formula}", "white")
    return place


def pile(axes: Axes, x: float, y: float, images: Tensor | None, up: str) -> Bbox:
    """The first image, two more behind it; or plain squares, the first marked."""
    side, step = 0.38, 0.035
    place = placed(x, y, side + 2 * step, side + 2 * step)
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


def cells(
    axes: Axes,
    x: float,
    y: float,
    colours: Sequence[Sequence[str]],
    *,
    width: float = 0.12,
    height: float = 0.105,
) -> Bbox:
    """Small cells in rows, from above."""
    place = placed(x, y, width * len(colours[0]), height * len(colours))
    for i, row in enumerate(colours):
        for j, colour in enumerate(row):
            corner = (place.x0 + j * width, place.y1 - (i + 1) * height)
            axes.add_patch(
                Rectangle(corner, width, height, fc=colour, ec="white", lw=0.7)
            )
    return place


def numbers(axes: Axes, x: float, y: float, colour: str) -> Bbox:
    """A list of numbers, other ones for another view."""
    parts = (0.75, 0.3, 0.55, 0.9, 0.4) if y > 0 else (0.8, 0.25, 0.65, 0.85, 0.3)
    return cells(axes, x, y, [[tint(colour, p)] for p in parts], height=0.084)


def chain(axes: Axes, y: float, *places: Bbox, colour: str = GREY) -> None:
    """Level arrows from each to the next."""
    for start, end in zip(places, places[1:], strict=False):
        arrow(axes, (start.x1, y), (end.x0, y), colour)


def arrow(
    axes: Axes, start: _Point, end: _Point, colour: str = GREY, style: Any = "-"
) -> None:
    """An arrow, straight from one point to another."""
    shape: Any = {"arrowstyle": "-|>", "mutation_scale": 9, "shrinkA": 0, "shrinkB": 0}
    shape |= {"color": colour, "lw": 1.3, "linestyle": style}
    axes.add_patch(FancyArrowPatch(start, end, **shape))


def stop_gradient(axes: Axes, y: float) -> None:
    """The mark // on an arrow: no gradient flows back through it."""
    axes.plot([COMPARED - 0.05, COMPARED + 0.05], [y, y], color="white", lw=3)
    for x in (COMPARED - 0.05, COMPARED + 0.05):
        axes.plot([x - 0.04, x + 0.04], [y - 0.09, y + 0.09], color=INK, lw=1.6)
    write(axes, COMPARED, y - 0.23, "stop-gradient", GREY)


def around(axes: Axes, start: Bbox, end: Bbox, text: str) -> None:
    """A way from the views to the loss that needs no network, with its words on it."""
    axes.plot([VIEWS, VIEWS, LOSS], [start.y0, FOOT, FOOT], color=GREY, lw=1.3)
    arrow(axes, (LOSS, FOOT), (LOSS, end.y0))
    foot(axes, text)

"""The figures of the book: data first, keyword-only options, a Figure back.

Call ``style()`` once, then end a cell with a figure. The figures are not pyplot's, so
none is shown twice and none stays open.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import offset_copy
from numpy.typing import NDArray
from torch import Tensor

from sslkit.figures import grounds
from sslkit.runs.arms import arm_of

if TYPE_CHECKING:
    from sslkit.images.imageset import ImageSet
    from sslkit.images.splits import Split

PROTOCOL_LABELS = {
    "linear": "linear probe",
    "mlp": "MLP head",
    "finetune": "fine-tuned",
    "knn": "kNN",
    "folds": "linear probe, five folds",
    "layer1": "linear probe, stage 1",
    "layer2": "linear probe, stage 2",
    "layer3": "linear probe, stage 3",
    "layer4": "linear probe, stage 4",
    "selftrain": "self-trained",
}

WIDTH = 6.2  # inches
SMALL = 9.0  # points, the least: a phone shows them at 0.84 (book.css), 10 pixels high
GREY, GREEN = "#666666", "#009E73"
MINUS = "\N{MINUS SIGN}"
_STYLE: Any = {
    "axes.axisbelow": True,
    "axes.facecolor": "none",  # the figure's white is enough, and goes in the dark
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 10.5,
    "figure.dpi": 100,
    "figure.facecolor": "white",
    "font.size": 10.5,
    "grid.color": "#E6E6E6",
    "legend.fontsize": 9.5,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "lines.markeredgecolor": "white",
    "lines.markeredgewidth": 0.8,
    "savefig.facecolor": "white",
    "svg.hashsalt": "sslkit",
    "xtick.labelsize": 9.5,
    "ytick.labelsize": 9.5,
}


@contextmanager
def styled() -> Iterator[None]:
    """The book's look for figures made in a ``with`` block, or by a function so marked.

    What else a notebook draws keeps its own look, and the format that was set.
    """
    with mpl.rc_context(_STYLE):
        yield


def style() -> None:
    """Set the book's look and, in a notebook, show figures as SVG for both grounds."""
    from IPython.core.getipython import get_ipython
    from matplotlib_inline import backend_inline

    mpl.rcParams.update(_STYLE)
    shell = get_ipython()
    if shell is not None:
        use: Any = backend_inline.set_matplotlib_formats
        use("svg")
        display: Any = shell.display_formatter
        display.formatters["image/svg+xml"].for_type(Figure, grounds.svg)


def pixels(image: Tensor) -> NDArray[np.uint8]:
    """Give an image (C, H, W), uint8 or float in [0, 1], as (H, W, 3) uint8.

    Raises:
        ValueError: If the tensor is not one image of one or three channels.
    """
    if image.ndim != 3 or image.shape[0] not in (1, 3):
        raise ValueError(f"an image is (3, H, W) or (1, H, W), not {(*image.shape,)}")
    image = image.detach().cpu()
    if image.is_floating_point():
        image = (image.clamp(0, 1) * 255).round().byte()
    return image.expand(3, -1, -1).permute(1, 2, 0).numpy()


# --------------------------------------------------------------------- images


def grid(
    images: Tensor | Mapping[str, Tensor],
    *,
    titles: Sequence[str] | None = None,
    columns: int | None = None,
    scale: float = 1.0,
) -> Figure:
    """Show images side by side, their pixels unsmoothed.

    Args:
        images: (N, 3, H, W) uint8 or float in [0, 1]; or such images by the title of
            their row, say by method.
        titles: A caption over each image or, with titled rows, over each column.
        columns: Images a row; 8 at most if not given. Titled rows do not wrap.
        scale: Side of an image in inches, where the width of the page allows it.

    Raises:
        ValueError: If there is no image, or the captions are not as many as needed.
    """
    if isinstance(images, Tensor):
        columns = columns or max(1, min(8, len(images)))
        names, rows, wanted = [], list(torch.split(images, columns)), len(images)
    else:
        names, rows = list(images), list(images.values())
        columns = wanted = max((len(row) for row in rows), default=0)
    if wanted == 0:
        raise ValueError("no images to show")
    if titles is not None and len(titles) != wanted:
        raise ValueError(f"{len(titles)} titles where {wanted} are needed")

    # In inches from the upper left, in a single axes, which keeps it light.
    gap, line = 0.06, 0.17
    left = max((gap + 0.072 * len(name) for name in names), default=0.0)
    side = min(scale, (WIDTH - left) / columns - gap)
    tall = side * rows[0].shape[-2] / rows[0].shape[-1]
    head = line * max((title.count("\n") + 1 for title in titles or []), default=0)
    step = tall + gap + (0 if names else head)  # titled rows share the captions
    width = left + columns * (side + gap) - gap
    height = head + (len(rows) - 1) * step + tall
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    for i, row in enumerate(rows):
        top, middle = head + i * step, head + i * step + tall / 2
        if names:
            axes.text(left - gap, middle, names[i], ha="right", va="center", size=SMALL)
        for j, image in enumerate(row):
            x = left + j * (side + gap)
            where = (x, x + side, top + tall, top)
            axes.imshow(pixels(image), extent=where, interpolation="none")
            if titles is not None and (i == 0 or not names):
                text, over = titles[i * columns + j], top - 0.03
                axes.text(
                    x + side / 2, over, text, ha="center", va="bottom", size=SMALL
                )
    axes.set(xlim=(0, width), ylim=(height, 0), aspect="auto")
    return figure


def budget(split: Split, images: ImageSet) -> Figure:
    """Show what a label budget uses: a bar a class, from training to test.

    Args:
        split: The split to show.
        images: The set it was drawn from, for what balancing left out of the pool.
    """
    counts = split.counts
    labels = images.labels.cpu()[images.rows("train")]
    training = np.bincount(labels.numpy(), minlength=len(counts))
    rest = counts["pool"] - counts["train"] - counts["val"]
    parts = [
        ("labels that train", counts["train"], GREEN, ""),
        ("labels that choose the epoch", counts["val"], "#7FD6B8", "////"),
        ("rest of the pool, no labels", rest, "#DDDDDD", ""),
        ("left out to balance", training - counts["pool"], "#FFFFFF", ""),
        ("test", counts["test"], "#B9A3D0", ""),
    ]
    figure, axes = new_figure(height=1.35 + 0.32 * len(counts))
    total = (training + counts["test"]).max()
    start = np.zeros(len(counts))
    for name, sizes, colour, hatch in parts:
        if name == "test":  # stands apart, as no part of the training images
            start[:] = start.max() + 0.02 * total
        if sizes.any():
            label = f"{name} ({sizes.sum()})"
            bars = axes.barh(list(counts.index), sizes, 0.7, start, label=label)
            for bar in bars:
                bar.set(facecolor=colour, hatch=hatch, edgecolor="#444444", lw=0.6)
            texts = [str(size) if size > 0.06 * total else "" for size in sizes]
            axes.bar_label(bars, texts, label_type="center", size=SMALL)
            start += sizes
    axes.set(xlabel="images", ylim=axes.get_ylim()[::-1])
    axes.grid(visible=False)
    figure.legend(loc="outside upper left", ncols=2)
    return figure


# -------------------------------------------------------- what figures share


def new_figure(*, width: float = WIDTH, height: float) -> tuple[Figure, Axes]:
    """A figure of the book's width with one axes."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def note(figure: Figure, text: str) -> None:
    """Write small below a figure what its marks are, and what they come from."""
    figure.supxlabel(text, size=SMALL, color=GREY)


def footnote(figure: Figure, frame: pd.DataFrame, text: str) -> None:
    """A note that ends with the one data set and profile of a table.

    Raises:
        ValueError: If the table has several.
    """
    sources = frame[["data", "profile"]].drop_duplicates()
    if len(sources) != 1:
        raise ValueError(f"a figure takes one data set and profile, not\n{sources}")
    data, profile = sources.iloc[0]
    note(figure, f"{text}\n{data}, profile {profile}")


def nothing(why: str) -> Figure:
    """Stand where a figure would be, with a sentence that says why there is none."""
    figure = Figure(figsize=(WIDTH, 0.5))
    axes = figure.add_axes((0, 0, 1, 1))  # without one, notebooks show nothing
    axes.set_axis_off()
    axes.text(0.5, 0.5, why, ha="center", va="center", color=GREY)
    return figure


def signed(points: float) -> str:
    """A number of points with its sign, a true minus; zero has none."""
    text = f"{points:+.1f}".replace("-", MINUS)
    return "0.0" if text[1:] == "0.0" else text


def name_ends(axes: Axes, ends: Sequence[tuple[float, float, str, str]]) -> None:
    """Names right of the curves, none on another; a thin line to one that is far off.

    Args:
        axes: Whose limits are final.
        ends: Of each curve its last point, name and colour.
    """
    from sklearn.isotonic import isotonic_regression

    ends = sorted(ends, key=lambda end: end[1])
    right = max(x for x, *_ in ends)
    low, high = axes.get_ylim()
    # A line of text takes a fifth of an inch; labels outside the axes take one inch.
    inches = axes.figure.bbox.height / axes.figure.dpi - 1
    line = 0.2 * (high - low) / inches
    halves = [line * (1.3 + name.count("\n")) / 2 for _, _, name, _ in ends]
    # As near to their curves as can be, each above the one below: a monotone fit.
    least = 2 * np.cumsum(halves) - halves
    places = least + isotonic_regression(np.array([y for _, y, *_ in ends]) - least)
    beside = offset_copy(
        axes.transData, axes.get_figure(root=True), x=11, units="points"
    )
    look: Any = {"va": "center", "linespacing": 1.05, "annotation_clip": False}
    thin: Any = {"arrowstyle": "-", "lw": 0.8, "ls": ":", "relpos": (0, 0.5)}
    for (x, y, name, colour), place in zip(ends, places, strict=True):
        is_far = x < right or abs(place - y) > line
        arrow = {**thin, "color": colour} if is_far else None
        look |= {"color": colour, "arrowprops": arrow, "textcoords": beside}
        axes.annotate(name, (x, y), (right, float(place)), **look)


def arm_name(method: str, protocol: str) -> str:
    """An arm and how it was judged, as figures, tables and sentences call it."""
    return f"{arm_of(method).label}, {PROTOCOL_LABELS[protocol]}"

"""The interactive figures of the book: pictures that a control leafs through.

Control and pictures are joined in the browser (``jslink``), so that they work in a page
without a kernel and without a network, and never run code in the kernel.
"""

from __future__ import annotations

import base64
import html
import io
import re
from collections.abc import Sequence
from urllib.parse import quote

import ipywidgets
import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from sslkit.figures import grounds
from sslkit.figures.plots import pixels

Picture = Figure | Tensor | bytes
"""A figure; an image ``(C, H, W)``, uint8 or float in [0, 1]; or a PNG or JPEG file."""

_ENLARGED = 256  # CSS pixels that the longer side of a small image may grow to


def frames(
    pictures: Sequence[Picture],
    *,
    labels: Sequence[str],
    alt: Sequence[str],
    description: str,
    width: int | None = None,
    play: bool = True,
) -> ipywidgets.VBox:
    """A slider that leafs through pictures in order, say along a strength or in time.

    Args:
        pictures: One a step of the slider; figures are closed.
        labels: The caption below each.
        alt: What is to be seen on each, for readers who cannot see it.
        description: What the slider sets.
        width: Of a picture in CSS pixels, its own if not given; less on a narrow page.
        play: Add a button that runs through them.

    Raises:
        ValueError: If there are fewer than two pictures, or not one label and one alt
            text for each.
    """
    stack = _stack(pictures, labels, alt, width, captions=True)
    last = len(pictures) - 1
    slider = ipywidgets.IntSlider(0, 0, last, description=description, readout=False)
    slider.style.description_width = "initial"
    ipywidgets.jslink((slider, "value"), (stack, "selected_index"))
    controls = ipywidgets.HBox([slider], layout={"flex_flow": "row wrap"})
    if play:
        player = ipywidgets.Play(0, 0, last, interval=700)
        ipywidgets.jslink((player, "value"), (slider, "value"))
        controls.children = [slider, player]
    return ipywidgets.VBox([controls, stack])


def choices(
    pictures: Sequence[Picture],
    *,
    labels: Sequence[str],
    alt: Sequence[str],
    description: str,
    width: int | None = None,
) -> ipywidgets.VBox:
    """Buttons that show one of several pictures, say one a method.

    Args:
        pictures: One a button; figures are closed.
        labels: The texts on the buttons.
        alt: What is to be seen on each, for readers who cannot see it.
        description: What the buttons choose.
        width: Of a picture in CSS pixels, its own if not given; less on a narrow page.

    Raises:
        ValueError: If there are fewer than two pictures, or not one label and one alt
            text for each.
    """
    stack = _stack(pictures, labels, alt, width, captions=False)
    buttons = ipywidgets.ToggleButtons(options=list(labels), description=description)
    buttons.style.description_width = "initial"
    buttons.style.button_width = "auto"
    ipywidgets.jslink((buttons, "index"), (stack, "selected_index"))
    return ipywidgets.VBox([buttons, stack])


def crossing(
    pictures: Sequence[Sequence[Picture]],
    *,
    labels: Sequence[Sequence[str]],
    alt: Sequence[Sequence[str]],
    stops: tuple[Sequence[str], Sequence[str]],
    descriptions: tuple[str, str],
    width: int | None = None,
) -> ipywidgets.VBox:
    """Two sliders that lead through a grid of pictures, from its last corner.

    Args:
        pictures: Rows, one a stop of the first slider, of one a stop of the second;
            figures are closed.
        labels: The caption below each.
        alt: What is to be seen on each, for readers who cannot see it.
        stops: What each slider reads, stop by stop.
        descriptions: What each slider sets.
        width: Of a picture in CSS pixels, its own if not given; less on a narrow page.

    Raises:
        ValueError: If there are fewer than two rows or columns, or not one label and
            one alt text for each picture.
    """
    if len(pictures) < 2:
        raise ValueError(
            f"{len(pictures)} rows of pictures: a slider takes two or more"
        )
    rows = [
        _stack(*row, width, captions=True)
        for row in zip(pictures, labels, alt, strict=True)
    ]
    for row in rows:
        row.selected_index = len(row.children) - 1
    grid = ipywidgets.Stack(rows, selected_index=len(rows) - 1)
    sliders = [
        ipywidgets.SelectionSlider(
            options=list(texts),
            value=texts[-1],  # a page may be given no index where it is 0
            description=text,
            style={"description_width": "initial"},
        )
        for texts, text in zip(stops, descriptions, strict=True)
    ]
    ipywidgets.jslink((sliders[0], "index"), (grid, "selected_index"))
    for row in rows:
        ipywidgets.jslink((sliders[1], "index"), (row, "selected_index"))
    controls = ipywidgets.HBox(sliders, layout={"flex_flow": "row wrap"})
    return ipywidgets.VBox([controls, grid])


def encode(picture: Picture) -> tuple[bytes, str, int]:
    """A picture as a small file, its MIME type, and its own width in CSS pixels.

    A figure becomes an SVG that reads on light and dark. A small image is enlarged by a
    whole factor, each pixel a square, and kept exactly; a larger one becomes a JPEG
    where that is smaller.
    """
    if isinstance(picture, bytes):
        with Image.open(io.BytesIO(picture)) as given:
            return picture, Image.MIME[str(given.format)], given.width
    if isinstance(picture, Tensor):
        image = Image.fromarray(pixels(picture))
        factor = _ENLARGED // max(image.size)
        if factor > 1:
            size = factor * image.width, factor * image.height
            image = image.resize(size, Image.Resampling.NEAREST)
            return _file(image, "PNG"), "image/png", image.width
        return *_smaller(image), image.width
    drawing = grounds.svg(picture)
    plt.close(picture)  # pyplot's own would be shown a second time
    points = re.findall(r'width="([\d.]+)pt"', drawing)[0]
    return drawing.encode(), "image/svg+xml", round(float(points) * 96 / 72)


def _smaller(image: Image.Image) -> tuple[bytes, str]:
    png, jpeg = _file(image, "PNG"), _file(image, "JPEG")
    return (png, "image/png") if len(png) <= len(jpeg) else (jpeg, "image/jpeg")


def _file(image: Image.Image, kind: str) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, optimize=True, quality=85)  # PNG knows no quality
    return file.getvalue()


def _address(data: bytes, kind: str) -> str:
    """A file as an address that holds all of it."""
    if kind == "image/svg+xml":  # lighter as text, its quotation marks written as %22
        text = re.sub(r"\s+", " ", data.decode())
        return f"data:{kind}," + quote(text, safe=" /:;=,()'<>!*{}-")
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def _stack(
    pictures: Sequence[Picture],
    labels: Sequence[str],
    alt: Sequence[str],
    width: int | None,
    *,
    captions: bool,
) -> ipywidgets.Stack:
    """The pictures on top of each other, the first to be seen."""
    if len(pictures) < 2 or not len(pictures) == len(labels) == len(alt):
        raise ValueError(
            f"{len(pictures)} pictures, {len(labels)} labels and {len(alt)} alt texts: "
            "it takes two pictures or more, and one of each for each"
        )
    if not all(text.strip() for text in alt):
        raise ValueError("an alt text is empty: say what is to be seen")
    panels = []
    for picture, label, text in zip(pictures, labels, alt, strict=True):
        data, kind, own_width = encode(picture)
        # No Image widget, as it has no alt text. The class is the theme's: it keeps the
        # colours of a picture in the dark.
        image = (
            f'<img class="dark-light" alt="{html.escape(text)}" '
            f'src="{_address(data, kind)}" '
            f'width="{width or own_width}" '
            'style="display: block; max-width: 100%; height: auto">'
        )
        caption = f"<figcaption>{html.escape(label)}</figcaption>" if captions else ""
        panels.append(
            ipywidgets.HTML(f'<figure style="margin:0">{image}{caption}</figure>')
        )
    return ipywidgets.Stack(panels, selected_index=0)

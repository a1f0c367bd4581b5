"""Interactive figures: joined in the browser, readable by ear, light."""

from __future__ import annotations

import base64
import io
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import ipywidgets
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from ipywidgets.embed import dependency_state
from matplotlib.figure import Figure
from PIL import Image

from sslkit.figures import grounds, widgets

SIX = torch.randint(0, 256, (6, 3, 32, 32), dtype=torch.uint8)
NAMES = list("abcdef")


def state(box: ipywidgets.Widget) -> dict[str, dict[str, Any]]:
    """What a page without a kernel is given: models by their id."""
    return dependency_state([box], drop_defaults=False)


def links(box: ipywidgets.Widget) -> set[tuple[str, str, str, str]]:
    models = state(box)

    def end(reference: list[str]) -> tuple[str, str]:
        model = models[reference[0].removeprefix("IPY_MODEL_")]
        return model["model_name"], reference[1]

    return {
        (*end(model["state"]["source"]), *end(model["state"]["target"]))
        for model in models.values()
        if model["model_name"] == "LinkModel"
    }


class Page(HTMLParser):
    """Collects images with their attributes, and the text around them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.images: list[dict[str, str | None]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.images.append(dict(attrs))

    def handle_data(self, data: str) -> None:
        self.text += data


def panels(box: ipywidgets.VBox) -> list[Page]:
    return [Page(panel.value) for panel in box.children[1].children]


def opened(page: Page) -> Image.Image:
    (image,) = page.images
    kind, data = str(image["src"]).removeprefix("data:").split(";base64,")
    found = Image.open(io.BytesIO(base64.b64decode(data)))
    assert Image.MIME[str(found.format)] == kind
    return found


def drawing(colour: str = "red") -> Figure:
    figure = Figure(figsize=(3, 2))
    figure.subplots().plot([0, 1], color=colour)
    return figure


def test_slider_and_play_move_the_frames_in_the_browser():
    box = widgets.frames(SIX.unbind(), labels=NAMES, alt=NAMES, description="hue")
    assert links(box) == {
        ("IntSliderModel", "value", "StackModel", "selected_index"),
        ("PlayModel", "value", "IntSliderModel", "value"),
    }
    controls, stack = box.children
    slider, play = controls.children
    assert (slider.min, slider.value, slider.max, slider.description) == (
        0,
        0,
        5,
        "hue",
    )
    assert (play.min, play.value, play.max) == (0, 0, 5)
    assert stack.selected_index == 0
    still = widgets.frames(
        SIX.unbind(), labels=NAMES, alt=NAMES, description="", play=False
    )
    assert len(links(still)) == 1


def test_buttons_choose_the_picture_in_the_browser():
    figures = [drawing("red"), drawing("blue")]
    box = widgets.choices(
        figures, labels=["one", "two"], alt=["r", "b"], description="arm"
    )
    assert links(box) == {
        ("ToggleButtonsModel", "index", "StackModel", "selected_index")
    }
    buttons, stack = box.children
    assert buttons.options == ("one", "two")
    assert (buttons.index, buttons.description, stack.selected_index) == (0, "arm", 0)


def test_two_sliders_lead_through_a_grid_in_the_browser():
    rows = [SIX[:3].unbind(), SIX[3:].unbind()]
    words = [NAMES[:3], NAMES[3:]]
    box = widgets.crossing(
        rows,
        labels=words,
        alt=words,
        stops=(["few", "many"], ["1", "2", "3"]),
        descriptions=("images", "steps"),
    )
    controls, grid = box.children
    first, second = controls.children
    assert (first.options, second.options) == (("few", "many"), ("1", "2", "3"))
    assert (first.description, second.description) == ("images", "steps")
    captions = [
        [Page(panel.value).text for panel in row.children] for row in grid.children
    ]
    assert captions == words
    assert (grid.selected_index, [row.selected_index for row in grid.children]) == (
        1,
        [2, 2],
    )
    sparse = dependency_state([box], drop_defaults=True)
    starts = [sparse[slider.model_id]["state"]["index"] for slider in (first, second)]
    assert starts == [1, 2], "or a page would not know which picture is seen first"
    models = state(box)
    joined = {
        tuple(
            end[0].removeprefix("IPY_MODEL_") for end in (one["source"], one["target"])
        )
        for one in (
            m["state"] for m in models.values() if m["model_name"] == "LinkModel"
        )
    }
    assert joined == {
        (first.model_id, grid.model_id),
        *((second.model_id, row.model_id) for row in grid.children),
    }
    assert links(box) == {
        ("SelectionSliderModel", "index", "StackModel", "selected_index")
    }
    same = {"stops": (["a"], ["b", "c"]), "descriptions": ("", "")}
    with pytest.raises(ValueError, match="1 rows of pictures"):
        widgets.crossing(rows[:1], labels=words[:1], alt=words[:1], **same)


def test_no_widget_needs_a_kernel_or_lacks_alt_text():
    box = widgets.frames(SIX.unbind(), labels=NAMES, alt=NAMES, description="hue")
    kinds = {model["model_name"] for model in state(box).values()}
    assert not kinds & {"OutputModel", "ImageModel"}


def test_every_frame_has_its_alt_text_and_caption_whatever_they_hold():
    alt = ['a < b & "c"', "it's <b>"]
    box = widgets.frames(SIX[:2].unbind(), labels=["<i>", "&"], alt=alt, description="")
    assert [page.images[0]["alt"] for page in panels(box)] == alt
    assert [page.text for page in panels(box)] == ["<i>", "&"]


def test_small_images_are_enlarged_pixel_by_pixel():
    box = widgets.frames(SIX.unbind(), labels=NAMES, alt=NAMES, description="")
    for page, image in zip(panels(box), SIX, strict=True):
        shown = np.asarray(opened(page))
        assert shown.shape == (256, 256, 3)
        assert page.images[0]["width"] == "256"
        blocks = shown.reshape(32, 8, 32, 8, 3)
        expected = image.permute(1, 2, 0).numpy()[:, None, :, None]
        assert (blocks == expected).all()


def test_a_photograph_becomes_the_smaller_file():
    ramp = torch.linspace(0, 1, 300).expand(3, 300, 300)
    noise = (
        ramp + 0.1 * torch.randn(3, 300, 300, generator=torch.manual_seed(0))
    ).clamp(0, 1)
    data, kind, width = widgets.encode(noise)
    assert (kind, width) == ("image/jpeg", 300)
    assert len(data) < noise.numel() / 4
    decoded = np.asarray(Image.open(io.BytesIO(data)), float)
    assert np.abs(decoded.mean() - 255 * noise.mean().item()) < 1
    data, kind, _ = widgets.encode(torch.zeros(3, 300, 300))
    assert kind == "image/png"
    assert np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).max() == 0


def test_a_figure_becomes_a_drawing_for_both_grounds_as_wide_as_on_a_page():
    with mpl.rc_context({"svg.hashsalt": "the same names each time"}):
        data, kind, width = widgets.encode(drawing())
        assert kind == "image/svg+xml"
        assert data.decode() == grounds.svg(drawing())
    pixels = io.BytesIO()
    drawing().savefig(pixels, format="png", dpi=96, bbox_inches="tight")
    assert abs(width - Image.open(pixels).width) <= 4  # at 96 CSS pixels an inch


def test_a_drawing_in_an_address_is_the_same_drawing():
    box = widgets.choices(
        [drawing(), drawing()], labels=["a", "b"], alt=["x", "y"], description=""
    )
    for page in panels(box):
        start, text = str(page.images[0]["src"]).split(",", 1)
        assert start == "data:image/svg+xml"
        assert "#" not in text  # it would be taken for the end
        assert ElementTree.fromstring(unquote(text)).get("id") == "dark"


def test_a_file_passes_as_it_is_and_width_is_a_choice():
    file = io.BytesIO()
    Image.new("RGB", (40, 30), "green").save(file, "PNG")
    data = file.getvalue()
    assert widgets.encode(data) == (data, "image/png", 40)
    box = widgets.choices(
        [data, data], labels=["a", "b"], alt=["x", "y"], description="", width=99
    )
    assert [page.images[0]["width"] for page in panels(box)] == ["99", "99"]


def test_pyplots_own_figures_are_closed():
    figures = []
    for _ in range(2):
        figure, axes = plt.subplots()
        axes.plot([0, 1])
        figures.append(figure)
    widgets.frames(figures, labels=["a", "b"], alt=["x", "y"], description="")
    assert plt.get_fignums() == []


@pytest.mark.parametrize(
    ("count", "labels", "alt"),
    [
        (1, ["a"], ["x"]),
        (2, ["a"], ["x", "y"]),
        (2, ["a", "b"], ["x"]),
        (2, ["a", "b"], ["x", " "]),
    ],
)
def test_a_picture_without_its_words_is_refused(count, labels, alt):
    with pytest.raises(ValueError, match="alt text"):
        widgets.frames(SIX[:count].unbind(), labels=labels, alt=alt, description="")

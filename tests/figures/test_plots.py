"""Figures hold what they are given, look alike all through the book, leave nothing."""

from __future__ import annotations

import itertools

import drawn
import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import torch
from drawn import rendered, texts
from matplotlib.colors import to_rgb

from sslkit.figures import comparisons, grounds, plots
from sslkit.images.imageset import ImageSet
from sslkit.images.splits import split
from sslkit.runs.arms import ARMS

pytestmark = [
    pytest.mark.filterwarnings("error"),
    pytest.mark.usefixtures("nothing_left_behind"),
]


@pytest.fixture
def summary() -> pd.DataFrame:
    return drawn.summary()


# ----------------------------------------------------------------------- style


def test_no_two_arms_look_alike_or_share_a_label() -> None:
    for look in ("colour", "marker", "label"):
        assert len({getattr(arm, look) for arm in ARMS.values()}) == len(ARMS)


def _linear(colour: str) -> np.ndarray:
    rgb = np.array(to_rgb(colour))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def _lab(linear: np.ndarray) -> np.ndarray:
    to_xyz = [
        [0.4124, 0.3576, 0.1805],
        [0.2126, 0.7152, 0.0722],
        [0.0193, 0.1192, 0.9505],
    ]
    xyz = np.array(to_xyz) @ linear.clip(0, 1) / [0.9505, 1, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


# Machado, Oliveira and Fernandes (2009), severity 1.
VISION = {
    "full": np.eye(3).tolist(),
    "protanopia": [
        [0.152, 1.053, -0.205],
        [0.115, 0.786, 0.099],
        [-0.004, -0.048, 1.052],
    ],
    "deuteranopia": [
        [0.367, 0.861, -0.228],
        [0.280, 0.673, 0.047],
        [-0.012, 0.043, 0.969],
    ],
    "tritanopia": [
        [1.256, -0.077, -0.179],
        [-0.078, 0.931, 0.148],
        [0.005, 0.691, 0.304],
    ],
}


@pytest.mark.parametrize("ground", [str, grounds.on_dark], ids=["light", "dark"])
@pytest.mark.parametrize("vision", VISION)
def test_the_colours_of_two_methods_differ_for_every_eye(vision, ground):
    seen = {
        arm.name: _lab(np.array(VISION[vision]) @ _linear(ground(arm.colour)))
        for arm in ARMS.values()
    }
    for one, other in itertools.combinations(seen, 2):
        assert np.linalg.norm(seen[one] - seen[other]) > 16, (one, other)


@pytest.mark.parametrize("colour", [arm.colour for arm in ARMS.values()])
def test_a_colour_stands_three_to_one_against_white(colour):
    luminance = float(_linear(colour) @ [0.2126, 0.7152, 0.0722])
    assert 1.05 / (luminance + 0.05) >= 3


def test_a_notebook_shows_a_figure_once_as_svg_and_always_the_same_bytes(summary):
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    try:
        with mpl.rc_context():
            plots.style()
            assert mpl.rcParams["svg.hashsalt"] == "sslkit"
            assert mpl.rcParams["figure.facecolor"] == "white"
            one, other = (
                shell.display_formatter.format(comparisons.label_curve(summary))[0]
                for _ in range(2)
            )
            assert set(one) == {"text/plain", "image/svg+xml"}
            assert one["image/svg+xml"] == other["image/svg+xml"]
    finally:
        InteractiveShell.clear_instance()


# ---------------------------------------------------------------------- images


def test_pixels_keep_uint8_and_scale_floats():
    image = torch.arange(12, dtype=torch.uint8).reshape(3, 2, 2)
    assert (plots.pixels(image) == image.numpy().transpose(1, 2, 0)).all()
    values = torch.tensor([-1.0, 0.0, 0.5, 1.0]).reshape(1, 2, 2)
    assert plots.pixels(values)[..., 2].ravel().tolist() == [0, 0, 128, 255]
    with pytest.raises(ValueError, match="not \\(2, 3, 4, 4\\)"):
        plots.pixels(torch.zeros(2, 3, 4, 4))


def test_a_grid_shows_every_image_in_reading_order_in_its_own_shape():
    images = torch.randint(0, 256, (5, 3, 1, 1), dtype=torch.uint8).expand(-1, -1, 6, 9)
    figure = plots.grid(images, columns=3, titles=list("abcde"))
    picture = rendered(figure)
    wide = picture.shape[1] / 3
    tall = picture.shape[0] / 2
    for i, image in enumerate(images):
        y, x = int((i // 3 + 0.7) * tall), int((i % 3 + 0.5) * wide)
        assert picture[y, x].tolist() == image[:, 0, 0].tolist()
    drawn = figure.axes[0].images[0].get_window_extent()
    assert drawn.width / drawn.height == pytest.approx(9 / 6)
    assert {"a", "b", "c", "d", "e"} <= set(texts(figure).split("\n"))


def test_a_grid_smooths_no_pixel():
    image = torch.tensor([0, 255], dtype=torch.uint8).expand(3, 2, 2)
    assert set(np.unique(drawn.rendered(plots.grid(image[None])))) == {0, 255}


def test_titled_rows_stand_beside_their_images_and_share_the_captions():
    images = torch.rand(4, 3, 8, 8)
    figure = plots.grid({"plain": images, "turned": images[:3]}, titles=list("abcd"))
    axes = figure.axes[0]
    assert len(axes.images) == 7
    assert sorted(t.get_text() for t in axes.texts) == [*"abcd", "plain", "turned"]
    low = axes.images[4].get_extent()
    (title,) = (t for t in axes.texts if t.get_text() == "turned")
    assert low[3] < title.get_position()[1] < low[2]
    figure.draw_without_rendering()
    assert title.get_window_extent().x0 >= 0
    assert title.get_window_extent().x1 <= axes.images[4].get_window_extent().x0


@pytest.mark.parametrize(
    ("images", "titles", "message"),
    [
        (torch.zeros(0, 3, 8, 8), None, "no images"),
        ({}, None, "no images"),
        (torch.zeros(2, 3, 8, 8), ["one"], "1 titles where 2"),
    ],
)
def test_a_grid_refuses_what_it_cannot_show(images, titles, message):
    with pytest.raises(ValueError, match=message):
        plots.grid(images, titles=titles)


def test_a_budget_counts_every_image_once():
    labels = torch.tensor([0] * 100 + [1] * 160 + [0] * 20 + [1] * 30)
    part = np.array(["train"] * 260 + ["test"] * 50)
    images = ImageSet(
        "made", torch.zeros(310, 3, 4, 4).byte(), labels, part, ("a", "b")
    )
    figure = plots.budget(split(images, 0.25), images)
    bars = {
        container.get_label(): [bar.get_width() for bar in container]
        for container in figure.axes[0].containers
    }
    assert bars == {
        "labels that train (40)": [20, 20],
        "labels that choose the epoch (10)": [5, 5],
        "rest of the pool, no labels (150)": [75, 75],
        "left out to balance (60)": [0, 60],
        "test (50)": [20, 30],
    }
    first, *_, last = figure.axes[0].containers
    assert min(bar.get_x() for bar in last) > 160, "test stands apart"
    assert first[0].get_y() < first[1].get_y()
    assert figure.axes[0].yaxis_inverted(), "the first class is on top"


def test_where_there_is_no_figure_a_page_shows_a_sentence_in_its_place() -> None:
    figure = plots.nothing("too few records")
    assert "too few records" in texts(figure)
    assert figure.axes, "a notebook shows no figure without axes"
    picture = rendered(figure)
    assert picture.min() < 200, "the sentence"
    assert picture.shape[0] <= 60


def test_an_arm_is_called_by_its_label_and_how_it_was_judged() -> None:
    assert plots.arm_name("rotnet-jitter", "linear") == "RotNet + jitter, linear probe"
    assert plots.arm_name("simclr+kidney", "knn") == "simclr+kidney, kNN"

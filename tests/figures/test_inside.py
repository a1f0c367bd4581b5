"""The figures of what encoders keep, by what they draw."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from drawn import texts
from matplotlib import colormaps
from matplotlib.colors import to_hex

import sslkit
from sslkit.figures import inside, plots

pytestmark = [
    pytest.mark.filterwarnings("error"),
    pytest.mark.usefixtures("nothing_left_behind"),
]


@pytest.fixture(scope="module")
def images() -> sslkit.ImageSet:
    return sslkit.load("shapes", limit=6)


def test_neighbours_stand_below_their_images_nearest_first(images):
    near = {
        "A": torch.tensor([[3, 4], [5, 6]]),
        "B": torch.tensor([[7, 8], [9, 10]]),
    }
    figure = inside.nearest(images, torch.tensor([0, 2]), near)
    shown = [np.asarray(picture.get_array()) for picture in figure.axes[0].images]
    wanted = [0, 2, 3, 5, 4, 6, 7, 9, 8, 10]
    assert len(shown) == len(wanted)
    for picture, row in zip(shown, wanted, strict=True):
        assert (picture == plots.pixels(images.images[row])).all()
    names = texts(figure).split("\n")
    assert [name for name in names if name] == ["image", "A 1", "A 2", "B 1", "B 2"]


PLACES = {
    "A": np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]),
    "B": np.array([[6.0, 7.0], [8.0, 9.0], [1.0, 2.0]]),
}


def test_a_map_marks_classes_and_a_second_row_has_the_hues():
    hues = np.array([0.1, 0.5, 0.9])
    labels = np.array([0, 1, 0])
    figure = inside.maps(PLACES, labels, ("fir", "tree"), hues=hues)
    assert [axes.get_title() for axes in figure.axes] == ["A", "B", "", ""]
    above, below = figure.axes[1], figure.axes[3]
    for axes in (above, below):
        firs, trees = axes.collections
        assert firs.get_offsets().tolist() == PLACES["B"][[0, 2]].tolist()
        assert trees.get_offsets().tolist() == PLACES["B"][[1]].tolist()
    assert len(np.unique(above.collections[0].get_facecolors(), axis=0)) == 1
    by_hue = [to_hex(colour) for colour in below.collections[0].get_facecolors()]
    assert by_hue == [to_hex(colormaps["hsv"](hue)) for hue in (0.1, 0.9)]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["fir", "tree"]


def test_a_map_without_hues_has_one_row():
    figure = inside.maps(PLACES, np.array([0, 1, 1]), ("fir", "tree"))
    assert [axes.get_title() for axes in figure.axes] == ["A", "B"]


def test_read_outs_are_per_cent_by_layer_and_nothing_is_below_zero():
    scores = pd.DataFrame(
        {
            ("A", "layer1"): [0.52, -2.0],
            ("A", "layer2"): [1.0, 0.25],
            ("B", "layer1"): [0.1, 0.2],
            ("B", "layer2"): [0.3, 0.4],
        },
        index=["class", "hue"],
    )
    figure = inside.read_outs(scores)
    first, second = figure.axes
    assert [first.get_title(), second.get_title()] == ["A", "B"]
    assert [text.get_text() for text in first.texts] == ["52", "100", "0", "25"]
    assert [tick.get_text() for tick in first.get_xticklabels()] == ["1", "2"]
    assert [tick.get_text() for tick in first.get_yticklabels()] == ["class", "hue"]


def test_likeness_is_parted_between_encoders():
    names = ["A 1", "A 2", "B 1", "B 2", "C 1", "C 2"]
    values = np.eye(6)
    figure = inside.alikeness(pd.DataFrame(values, names, names), encoders=3)
    axes = figure.axes[0]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == names
    drawn = np.asarray(axes.collections[0].get_array()).reshape(6, 6)
    assert (drawn == values).all()
    edges = {tuple(line.get_ydata()) for line in axes.get_lines()}
    assert {(2, 2), (4, 4)} <= edges
    assert len(axes.get_lines()) == 4


def test_one_position_of_a_dial_has_rows_of_an_image_and_its_neighbours(images):
    near = torch.tensor([[3, 4, 5], [6, 7, 8]])
    pictures = inside.at_position(images, torch.tensor([0, 2]), near)
    rows = {
        (-1, 0): 0,
        (0, 0): 3,
        (1, 0): 4,
        (2, 0): 5,
        (-1, 1): 2,
        (0, 1): 6,
        (1, 1): 7,
        (2, 1): 8,
    }
    assert {*pictures} == {*rows}
    assert all((pictures[at] == images.images[row]).all() for at, row in rows.items())


def test_all_positions_of_a_dial_have_two_neighbours_each_side_by_side(images):
    near = [torch.tensor([[3, 4], [5, 6]]), torch.tensor([[7, 8], [9, 10]])]
    pictures = inside.at_all(images, torch.tensor([0, 2]), near)
    rows = {
        (-0.85, 0): 0,
        (-0.85, 1): 2,
        (-0.23, 0): 3,
        (0.23, 0): 4,
        (-0.23, 1): 5,
        (0.23, 1): 6,
        (0.77, 0): 7,
        (1.23, 0): 8,
        (0.77, 1): 9,
        (1.23, 1): 10,
    }
    assert {*pictures} == {*rows}
    assert all((pictures[at] == images.images[row]).all() for at, row in rows.items())


def test_a_map_has_every_image_where_it_is_put() -> None:
    images = torch.zeros(3, 3, 4, 4, dtype=torch.uint8)
    places = np.array([[0.0, 0.0], [44.0, 0.0], [0.0, 88.0]])
    (axes,) = inside.map_of_images(images, places).axes
    found = [image.get_extent() for image in axes.get_images()]
    assert found == [[-1, 1, -2, 2], [43, 45, -2, 2], [-1, 1, 86, 90]]

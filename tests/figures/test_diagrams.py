"""The diagrams of the methods, by what is drawn and where it lands on the figure."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from sslkit.figures import diagrams, drawing, plots
from sslkit.runs.arms import arm_of

pytestmark = [
    pytest.mark.filterwarnings("error"),
    pytest.mark.usefixtures("nothing_left_behind"),
]

METHODS: dict[str, Callable[..., Figure]] = {
    "rotnet": diagrams.rotnet,
    "simclr": diagrams.simclr,
    "byol": diagrams.byol,
    "vicreg": diagrams.vicreg,
}
SHARED = ["image", "views", "encoder", "features", "loss"]
OWN = {
    "rotnet": ["head", "answers", "0°", "90°", "180°", "270°", "cross-\nentropy"],
    "simclr": ["projector", "embeddings", "similarities", "NT-Xent"],
    "byol": ["projector", "embeddings", "predictor", "moving\naverage"]
    + ["momentum\nencoder", "momentum\nprojector", "stop-gradient", "2 − 2 cos"],
    "vicreg": ["projector", "embeddings", "invariance", "variance", "covariance"],
}
each = pytest.mark.parametrize("name", METHODS)
random = torch.Generator().manual_seed(0)
IMAGES = torch.randint(256, (3, 3, 8, 8), dtype=torch.uint8, generator=random)


def views_of(name: str) -> list[torch.Tensor]:
    count = 4 if name == "rotnet" else 2
    return [torch.rand(3, 3, 8, 8, generator=random) for _ in range(count)]


def drawn(name: str, given: bool = False) -> Figure:
    """The figure, laid out at 100 dots an inch."""
    method = METHODS[name]
    figure = method(IMAGES, views=views_of(name)) if given else method()
    figure.set_dpi(100)
    FigureCanvasAgg(figure).draw()
    return figure


def words(figure: Figure) -> list[tuple[Text, Bbox]]:
    """Every text that shows, and where its ink is, in inches."""
    (axes,) = figure.axes
    return [(text, inches(Text.get_window_extent(text))) for text in axes.texts]


def inches(box: Bbox) -> Bbox:
    return Bbox(box.get_points() / 100)


def of(figure: Figure, kind: type) -> list:
    return [patch for patch in figure.axes[0].patches if type(patch) is kind]


def placed(figure: Figure, kind: type) -> list[Bbox]:
    """Where the patches of a kind are, in inches."""
    return [inches(patch.get_window_extent()) for patch in of(figure, kind)]


def boxes(figure: Figure, colour: str) -> list[FancyBboxPatch]:
    found = of(figure, FancyBboxPatch)
    return [box for box in found if to_hex(box.get_edgecolor()) == colour.lower()]


def ends(figure: Figure, arrow: FancyArrowPatch) -> tuple[np.ndarray, np.ndarray]:
    """Where an arrow begins and where its point is, in inches."""
    path = arrow.get_transform().transform_path(arrow.get_path())
    points = path.vertices[path.codes != path.CLOSEPOLY] / 100
    start = points[0]
    return start, points[np.linalg.norm(points - start, axis=1).argmax()]


def distance(point: np.ndarray, box: Bbox) -> float:
    """From a point to the nearest edge of a box, from inside or outside."""
    outside = np.maximum(np.maximum(box.min - point, point - box.max), 0)
    if outside.any():
        return float(np.linalg.norm(outside))
    return float(np.minimum(point - box.min, box.max - point).min())


@each
@pytest.mark.parametrize("given", [False, True])
def test_nothing_is_cut(name: str, given: bool) -> None:
    figure = drawn(name, given)
    width, height = figure.get_size_inches()
    everything = [box for _, box in words(figure)]
    for kind in (FancyBboxPatch, FancyArrowPatch, Rectangle):
        everything += placed(figure, kind)
    assert len(everything) > 40
    for box in everything:
        assert min(*box.min, width - box.x1, height - box.y1) > 0.015


@each
def test_no_two_words_overlap(name: str) -> None:
    for (one, first), (other, second) in itertools.combinations(words(drawn(name)), 2):
        overlap = Bbox.intersection(first, second)
        assert overlap is None, (one.get_text(), other.get_text())


@each
def test_a_word_stands_in_one_box_or_clear_of_all(name: str) -> None:
    figure = drawn(name)
    for text, word in words(figure):
        for box in placed(figure, FancyBboxPatch):
            room = box.padded(-0.03)
            inside = room.contains(*word.min) and room.contains(*word.max)
            assert inside or Bbox.intersection(word, box) is None, text.get_text()


@each
def test_no_arrow_or_picture_runs_through_a_word(name: str) -> None:
    figure = drawn(name)
    things = placed(figure, FancyArrowPatch) + placed(figure, Rectangle)
    for text, word in words(figure):
        patch = text.get_bbox_patch()
        if patch is None or to_hex(patch.get_facecolor(), True) != "#ffffffff":
            for thing in things:
                assert Bbox.intersection(word, thing) is None, text.get_text()


@each
def test_words_are_large_enough_for_a_phone(name: str) -> None:
    assert {text.get_fontsize() >= 9.5 for text, _ in words(drawn(name))} == {True}


@each
def test_a_method_is_told_in_the_words_of_the_book(name: str) -> None:
    said = "\n".join(text.get_text() for text, _ in words(drawn(name)))
    for word in SHARED + OWN[name]:
        assert word in said
    for word in {"projector", "predictor", "head", "momentum", "covariance"}:
        assert (word in said) == any(word in own for own in OWN[name]), word


@each
def test_arrows_go_from_edge_to_edge(name: str) -> None:
    figure = drawn(name)
    things = placed(figure, FancyBboxPatch) + placed(figure, Rectangle)
    loose = []
    for arrow in of(figure, FancyArrowPatch):
        start, end = ends(figure, arrow)
        assert min(distance(end, box) for box in things) < 0.03
        if min(distance(start, box) for box in things) > 0.03:
            loose.append(start)
    # RotNet's known turns go round all boxes, on a line that ends as an arrow.
    assert len(loose) == (name == "rotnet")


@each
def test_what_learns_has_the_colour_of_the_method(name: str) -> None:
    figure = drawn(name)
    learning = 3 if name == "byol" else 2
    assert len(boxes(figure, arm_of(name).colour)) == learning
    still = {"rotnet": 0, "simclr": 1, "byol": 2, "vicreg": 1}
    assert len(boxes(figure, plots.GREY)) == still[name]


def test_what_differs_is_seen_for_the_rest_stands_at_the_same_places() -> None:
    places: dict[str, set] = {"size": set(), "encoder": set(), "loss": set()}
    for name in METHODS:
        figure = drawn(name)
        places["size"].add(tuple(figure.get_size_inches()))
        for (text, word), first in itertools.product(words(figure), places):
            if text.get_text().startswith(first):
                places[first].add(round((word.x0 + word.x1) / 2, 2))
    assert all(len(found) == 1 for found in places.values()), places
    ((width, _),) = places["size"]
    assert width == plots.WIDTH


@each
def test_given_images_and_views_are_shown_the_first_on_top(name: str) -> None:
    views = views_of(name)
    figure = METHODS[name](IMAGES, views=views)
    shown = [np.asarray(image.get_array()) for image in figure.axes[0].images]
    wanted = [pile[k] for pile in (IMAGES, *views) for k in (2, 1, 0)]
    for one, other in zip(shown, wanted, strict=True):
        np.testing.assert_array_equal(one, plots.pixels(other))
    heights = [image.get_extent()[2] for image in figure.axes[0].images[5::3]]
    assert heights == sorted(heights, reverse=True)  # in rows, from above
    assert len(set(heights)) == len(views)


def test_one_image_is_enough() -> None:
    views = [torch.rot90(IMAGES[:1], k, (2, 3)) for k in range(4)]
    assert len(diagrams.rotnet(IMAGES[:1], views=views).axes[0].images) == 15


@each
def test_without_images_plain_squares_stand_there(name: str) -> None:
    (axes,) = drawn(name).axes
    assert len(axes.images) == 0
    marks = [line.get_marker() for line in axes.lines if len(line.get_xdata()) == 1]
    assert marks == ["^", *("^<v>" if name == "rotnet" else "^^")]


@each
def test_another_number_of_views_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="3 views, where the method makes [24]"):
        METHODS[name](IMAGES, views=[IMAGES] * 3)


def cells(figure: Figure, colour: str) -> list[tuple[float, float]]:
    """Middles of the cells of a colour in the column of what is compared."""
    found = []
    for cell in of(figure, Rectangle):
        x, y = cell.get_center()
        if to_hex(cell.get_facecolor()) == colour.lower() and 4.3 < x < 5.2:
            found.append((round(x, 3), round(y, 3)))
    return sorted(found)


def test_of_six_views_each_has_one_partner_among_five_others() -> None:
    figure = diagrams.simclr()
    partners = cells(figure, arm_of("simclr").colour)
    others = cells(figure, drawing.PALE)
    assert len(partners) == 6
    assert len(others) == 24
    columns = sorted({x for x, _ in others})
    rows = sorted({y for _, y in others}, reverse=True)
    found = {(rows.index(y), columns.index(x)) for x, y in partners}
    assert found == {(0, 3), (1, 4), (2, 5), (3, 0), (4, 1), (5, 2)}


def test_each_turn_has_its_own_right_answer_from_above() -> None:
    figure = diagrams.rotnet()
    answers = [c for c in of(figure, Rectangle) if 3.9 < c.get_center()[0] < 4.2]
    darkest = [
        min(answers[4 * k : 4 * k + 4], key=lambda cell: sum(cell.get_facecolor()))
        for k in range(4)
    ]
    assert [answers.index(cell) for cell in darkest] == [0, 5, 10, 15]
    heights = [cell.get_center()[1] for cell in answers]
    assert heights == sorted(heights, reverse=True)


def test_a_momentum_copy_follows_by_dashed_arrows_and_passes_no_gradient_on() -> None:
    figure, colour = drawn("byol"), arm_of("byol").colour
    arrows = of(figure, FancyArrowPatch)
    dashed = [arrow for arrow in arrows if arrow.get_linestyle() != "-"]
    learning = [inches(b.get_window_extent()) for b in boxes(figure, colour)]
    copies = [inches(b.get_window_extent()) for b in boxes(figure, plots.GREY)]
    assert len(dashed) == 2
    for arrow, copy in zip(dashed, copies, strict=True):
        start, end = ends(figure, arrow)
        assert min(abs(start[1] - box.y0) for box in learning) < 0.03
        assert abs(end[1] - copy.y1) < 0.03
        assert copy.x0 < end[0] < copy.x1
    flow = [arrow for arrow in arrows if to_hex(arrow.get_edgecolor()) != plots.GREY]
    heights = {round(float(ends(figure, arrow)[1][1]), 2) for arrow in flow}
    assert len(flow) == 5  # a gradient flows back along the upper row alone
    assert len(heights) == 1
    assert min(heights) > max(copy.y1 for copy in copies)

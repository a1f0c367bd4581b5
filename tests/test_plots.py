"""Figures hold what they are given, look alike all through the book, leave nothing."""

from __future__ import annotations

import io
import itertools
import math

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from PIL import Image

from sslkit import comparisons, contrasts, plots
from sslkit.data import ImageSet
from sslkit.scores import Score
from sslkit.splits import split
from sslkit.tables import ORDER

pytestmark = [
    pytest.mark.filterwarnings("error"),
    pytest.mark.usefixtures("nothing_left_behind"),
]

SHARES = (0.05, 0.25, 0.5, 1.0)
SUPERVISED = (0.5, 0.7, 0.8, 0.9)


def rows(
    method: str, protocol: str, means: dict[float, float]
) -> list[dict[str, object]]:
    same = {
        "data": "shapes",
        "profile": "quick",
        "method": method,
        "protocol": protocol,
    }
    return [
        {**same, "fraction": x, "runs": 5, "mean": y, "low": y - 0.03, "high": y + 0.02}
        for x, y in means.items()
    ]


@pytest.fixture
def summary() -> pd.DataFrame:
    return pd.DataFrame(
        rows(
            "simclr", "linear", dict(zip(SHARES, (0.8, 0.82, 0.84, 0.86), strict=True))
        )
        + rows(
            "simclr",
            "finetune",
            dict(zip(SHARES, (0.74, 0.8, 0.85, 0.91), strict=True)),
        )
        + rows("rotnet", "linear", {0.05: 0.55, 0.25: 0.6})
        + rows("rotnet", "finetune", {0.05: 0.73, 0.25: 0.75})
        + rows("supervised", "finetune", dict(zip(SHARES, SUPERVISED, strict=True)))
        + rows("supervised-plain", "finetune", {0.05: 0.6})
        + rows("random", "linear", dict.fromkeys(SHARES, 0.4))
    )


@pytest.fixture
def history() -> pd.DataFrame:
    metrics = {"train_loss": 1.0, "val_loss": 1.2, "train_accuracy": 0.5, "lr": 0.001}
    return pd.DataFrame(
        [
            (phase, epoch, 10 * epoch, metric, value / epoch)
            for phase in ("pretrain", "linear")
            for epoch in (1, 2, 3)
            for metric, value in metrics.items()
            if phase == "linear" or metric != "train_accuracy"
        ],
        columns=["phase", "epoch", "step", "metric", "value"],
    )


def labelled(axes: Axes) -> dict[str, object]:
    return {line.get_label(): line for line in axes.get_lines()}


def points(axes: Axes, colour: str, marker: str) -> set[tuple[float, float]]:
    """Rounded places of all markers of a kind and colour."""
    return {
        (round(float(x), 6), round(float(y), 6))
        for line in axes.get_lines()
        if line.get_marker() == marker and to_hex(line.get_color()) == to_hex(colour)
        for x, y in zip(*line.get_data(), strict=True)
    }


def of(method: str) -> tuple[str, str]:
    return plots.METHOD_COLOURS[method], plots.METHOD_MARKERS[method]


def texts(figure: Figure) -> str:
    found = figure.findobj(mpl.text.Text)
    return "\n".join(text.get_text() for text in found)


# ----------------------------------------------------------------------- style


def test_every_method_of_the_tables_has_a_colour_a_marker_and_a_label_in_its_order():
    for known in (plots.METHOD_COLOURS, plots.METHOD_MARKERS, plots.METHOD_LABELS):
        assert tuple(known) == ORDER
        assert len(set(known.values())) == len(ORDER)


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


@pytest.mark.parametrize("vision", VISION)
def test_the_colours_of_two_methods_differ_for_every_eye(vision):
    seen = {
        method: _lab(np.array(VISION[vision]) @ _linear(colour))
        for method, colour in plots.METHOD_COLOURS.items()
    }
    for one, other in itertools.combinations(seen, 2):
        assert np.linalg.norm(seen[one] - seen[other]) > 20, (one, other)


@pytest.mark.parametrize("colour", plots.METHOD_COLOURS.values())
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
                shell.display_formatter.format(comparisons.arrow(summary))[0]
                for _ in range(2)
            )
            assert set(one) == {"text/plain", "image/svg+xml"}
            assert one["image/svg+xml"] == other["image/svg+xml"]
            plots.style("jpeg")
            photo, _ = shell.display_formatter.format(comparisons.arrow(summary))
            assert set(photo) == {"text/plain", "image/jpeg"}
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


def rendered(figure: Figure) -> np.ndarray:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=100)
    return np.asarray(Image.open(file).convert("RGB"))


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
    assert set(np.unique(rendered(plots.grid(image[None])))) == {0, 255}


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


# --------------------------------------------------------------------- one run


def test_curves_draw_training_solid_and_validation_dashed(history):
    figure = plots.curves(history, phase="linear", selected=2, method="simclr")
    loss, accuracy, rate = figure.axes
    for axes, name, style, values in (
        (loss, "training", "-", [1, 1 / 2, 1 / 3]),
        (loss, "validation", "--", [1.2, 0.6, 0.4]),
        (accuracy, "training", "-", [50, 25, 50 / 3]),
    ):
        line = labelled(axes)[name]
        assert line.get_linestyle() == style
        assert line.get_color() == plots.METHOD_COLOURS["simclr"]
        assert line.get_xdata() == pytest.approx([1, 2, 3])
        assert line.get_ydata() == pytest.approx(values)
    assert "validation" not in labelled(accuracy)
    assert rate.get_lines()[0].get_ydata() == pytest.approx([0.001, 0.0005, 0.001 / 3])
    assert [axes.get_ylabel() for axes in (loss, accuracy)] == [
        "loss (nats)",
        "accuracy (%)",
    ]
    for axes in figure.axes:
        assert list(labelled(axes)["selected: epoch 2"].get_xdata()) == [2, 2]


def test_curves_leave_out_what_was_not_measured(history):
    figure = plots.curves(history[history["phase"] == "pretrain"])
    assert [axes.get_ylabel() for axes in figure.axes] == [
        "loss (nats)",
        "learning\nrate",
    ]
    assert "selected" not in texts(figure)


@pytest.mark.parametrize("phase", [None, "finetune"])
def test_curves_name_the_phases_to_choose_from(history, phase):
    with pytest.raises(ValueError, match="has pretrain, linear"):
        plots.curves(history, phase=phase)


def score(confusion: list[list[int]]) -> Score:
    return Score(0.5, 1.0, 0.4, 0.6, confusion, 1, 0.5, 1.0, 10)


def test_confusion_shows_counts_and_shares_of_the_true_class():
    figure = plots.confusion(score([[8, 2], [0, 5]]), ["cat", "dog"])
    axes = figure.axes[0]
    assert [t.get_text() for t in axes.texts] == [
        "8\n80 %",
        "2\n20 %",
        "0\n0 %",
        "5\n100 %",
    ]
    assert axes.collections[0].get_array().ravel().tolist() == [80, 20, 0, 100]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["cat", "dog"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted class", "true class")


def test_confusion_of_many_classes_still_fits_and_of_an_absent_class_is_nought():
    table = np.diag([3, 0, *[4] * 8]).tolist()
    figure = plots.confusion(score(table), [f"class number {i}" for i in range(10)])
    assert figure.get_size_inches()[0] <= 7
    assert figure.axes[0].collections[0].get_array()[1].tolist() == [0] * 10


# ------------------------------------------------------------------- many runs


def test_a_label_curve_joins_the_means_in_a_band_of_the_methods_colour(summary):
    axes = comparisons.label_curve(summary).axes[0]
    lines = labelled(axes)
    assert {"SimCLR", "RotNet", "supervised", "random encoder"} < set(lines)
    assert points(axes, *of("supervised-plain")) == {(5, 60)}, "alone, so no line"
    curve = lines["SimCLR"]
    assert (curve.get_color(), curve.get_marker()) == of("simclr")
    assert curve.get_xdata() == pytest.approx([5, 25, 50, 100])
    assert curve.get_ydata() == pytest.approx([74, 80, 85, 91])
    band = axes.collections[-1]
    assert to_hex(band.get_facecolor()[0]) == to_hex(plots.METHOD_COLOURS["simclr"])
    corners = {(round(x), round(y)) for x, y in band.get_paths()[0].vertices}
    assert {(5, 71), (5, 76), (100, 88), (100, 93)} <= corners
    assert axes.get_xlabel() == "labels used (%)"
    assert axes.get_ylabel() == "test accuracy (%)"


def test_a_label_curve_of_frozen_encoders_keeps_supervised_training_beside_them(
    summary,
):
    lines = labelled(comparisons.label_curve(summary, protocol="linear").axes[0])
    assert lines["SimCLR"].get_ydata() == pytest.approx([80, 82, 84, 86])
    assert lines["supervised"].get_ydata() == pytest.approx([50, 70, 80, 90])


def test_shares_that_are_near_have_a_tick_each_and_no_number_on_another(summary):
    near = summary[summary["fraction"] == 0.05].assign(fraction=0.025)
    for figure_of in (comparisons.label_curve, comparisons.arrow):
        axes = figure_of(pd.concat([summary, near])).axes[0]
        assert axes.get_xticks() == pytest.approx([2.5, 5, 25, 50, 100])
        named = [tick.get_text() for tick in axes.get_xticklabels()]
        assert named == ["", "5", "25", "50", "100"]


FIGURES = (
    comparisons.label_curve,
    comparisons.arrow,
    comparisons.reversal,
    comparisons.differences,
    comparisons.scores,
)


@pytest.mark.parametrize("figure_of", FIGURES)
def test_a_figure_names_its_one_source_and_mixes_none(summary, figure_of):
    assert "shapes, profile quick" in texts(figure_of(summary))
    mixed = pd.concat([summary, summary.assign(profile="study")], ignore_index=True)
    if figure_of is comparisons.arrow:
        mixed = mixed.drop_duplicates(["fraction", "method", "protocol"], keep="first")
        mixed.loc[0, "profile"] = "study"
    elif figure_of is comparisons.reversal:
        mixed = pd.concat(
            [summary, summary.iloc[-1:].assign(profile="study", fraction=0.1)]
        )
    with pytest.raises(ValueError, match="one data set and profile"):
        figure_of(mixed)


@pytest.mark.parametrize("figure_of", FIGURES)
def test_single_runs_without_an_interval_are_drawn_and_every_figure_fits_a_page(
    summary, figure_of
):
    figure = figure_of(summary.assign(low=math.nan, high=math.nan))
    assert rendered(figure).min() < 50
    width, height = figure.get_size_inches()
    assert width <= 7
    assert height <= 4.3


def drawn_arrow(figure: Figure) -> tuple[float, float, float, float]:
    (found,) = (t for t in figure.axes[0].texts if t.arrow_patch is not None)
    return *found.xyann, *found.xy


def test_the_arrow_ends_where_the_supervised_curve_reaches_the_method(summary):
    figure = comparisons.arrow(summary)
    # 74 % lies two fifths of the way from 70 % (25 % of the labels) to 80 % (50 %).
    assert drawn_arrow(figure) == pytest.approx((5, 74, 35, 74))
    assert "SimCLR with 5 % of the labels:\nas good as supervised with 35 %" in texts(
        figure
    )
    (drop,) = figure.axes[0].collections[-1].get_segments()
    assert drop[:, 0].tolist() == pytest.approx([35, 35])
    assert points(figure.axes[0], *of("simclr")) == {(5, 74)}


def test_the_arrow_says_when_it_leaves_the_curve(summary):
    beyond = comparisons.arrow(summary, fraction=1.0)
    assert "beyond supervised with 100 %" in texts(beyond)
    assert drawn_arrow(beyond)[2] == beyond.axes[0].get_xlim()[1]
    weak = summary.copy()
    weak.loc[weak["mean"] == 0.74, ["mean", "low", "high"]] = (0.45, 0.4, 0.5)
    below = comparisons.arrow(weak)
    assert "below supervised with 5 %" in texts(below)
    assert drawn_arrow(below)[2] == below.axes[0].get_xlim()[0]


def test_the_arrow_needs_a_curve_and_a_start(summary):
    with pytest.raises(ValueError, match="'rotnet' by 'finetune' at 0.5"):
        comparisons.arrow(summary, method="rotnet", fraction=0.5)
    with pytest.raises(ValueError, match="two fractions"):
        comparisons.arrow(summary[summary["fraction"] == 0.05])


def test_equivalent_is_the_first_share_of_a_fine_walk_along_the_curve():
    rng = np.random.default_rng(0)
    walk = np.linspace(0.05, 1, 200_001)
    for _ in range(20):
        values, level = rng.random(4), rng.random()
        heights = np.interp(walk, SHARES, values)
        above = np.flatnonzero(heights >= level)
        expected = walk[above[0]] if len(above) else math.inf
        if values[0] > level:
            expected = -math.inf
        assert contrasts.equivalent(SHARES, values, level) == pytest.approx(
            expected, abs=1e-5
        )
    assert contrasts.equivalent([0.1, 0.2], [0.5, 0.6], 0.5) == 0.1


def test_the_reversal_joins_frozen_and_fine_tuned(summary):
    study = pd.DataFrame(
        [(0.05, "rotnet", "linear", 0.5), (0.25, "rotnet", "finetune", 0.9)],
        columns=["fraction", "method", "protocol", "mean"],
    )
    figure = comparisons.reversal(summary, study=study)
    axes = figure.axes[0]
    ends = {
        line.get_color(): line.get_ydata().round(6).tolist()
        for line in axes.get_lines()
        if len(line.get_xdata()) == 2
    }
    assert ends == {
        plots.METHOD_COLOURS["simclr"]: [80, 74],
        plots.METHOD_COLOURS["rotnet"]: [55, 73],
        plots.METHOD_COLOURS["supervised"]: [40, 50],
        plots.METHOD_COLOURS["supervised-plain"]: [40, 60],
    }
    crosses = axes.collections[-1]
    assert crosses.get_offsets()[:, 1].tolist() == [50]
    assert "crosses: the study" in texts(figure)
    figure.draw_without_rendering()
    boxes = [
        t.get_window_extent()
        for t in axes.texts
        if t.get_text() in ("SimCLR", "RotNet")
    ]
    assert len(boxes) == 2
    assert not boxes[0].overlaps(boxes[1])


def test_the_reversal_needs_a_method_with_both_protocols(summary):
    with pytest.raises(ValueError, match="at fraction 0.25"):
        comparisons.reversal(summary[summary["protocol"] == "linear"], fraction=0.25)


def test_differences_stand_by_row_with_interval_and_single_draws(summary):
    frame = summary[summary["method"].isin(["rotnet", "simclr"])].copy()
    frame[["mean", "low", "high"]] -= 0.6
    pairs = pd.DataFrame({"difference": [0.1, 0.3], "fraction": 0.25})
    pairs = pairs.assign(method="simclr", protocol="finetune")
    figure = comparisons.differences(frame, pairs=pairs)
    first, second, *others = figure.axes
    names = [tick.get_text() for tick in first.get_yticklabels()]
    protocols = ["linear probe", "fine-tuned"]
    assert names == ["RotNet", *protocols, "SimCLR", *protocols]
    titles = [axes.get_title() for axes in (first, second)]
    assert titles == ["5 % of labels", "25 % of labels"]
    assert points(first, *of("rotnet")) == {(-5, 1), (13, 2)}
    assert points(second, *of("simclr")) == {(22, 4), (20, 5)}
    bars = {
        tuple(segment.round(6).ravel().tolist())
        for intervals in first.collections
        if isinstance(intervals, LineCollection)
        for segment in intervals.get_segments()
    }
    assert bars == {
        (-8, 1, -3, 1),
        (10, 2, 15, 2),
        (17, 4, 22, 4),
        (11, 5, 16, 5),
    }
    dots = second.collections[-1].get_offsets()
    assert dots[:, 0].tolist() == pytest.approx([10, 30])
    assert ((dots[:, 1] > 5) & (dots[:, 1] < 5.5)).all(), "below their mean"
    assert len(others) == 2
    for axes in figure.axes:
        assert [0, 0] in [list(line.get_xdata()) for line in axes.get_lines()]


def test_scores_stand_against_the_supervised_band_and_the_commonest_class(summary):
    figure = comparisons.scores(summary, majority=1 / 3)
    first = figure.axes[0]
    names = [tick.get_text() for tick in first.get_yticklabels()]
    assert names[:2] == ["random encoder", "linear probe"]
    assert "supervised" not in names
    assert points(first, *of("supervised-plain")) == {(60, 3)}
    assert points(first, *of("random")) == {(40, 1)}
    lines = labelled(first)
    assert lines["supervised"].get_xdata() == pytest.approx([50, 50])
    assert lines["commonest class"].get_xdata() == pytest.approx([100 / 3] * 2)
    band = first.patches[0]
    assert (band.get_x(), band.get_width()) == pytest.approx((47, 5))
    assert "commonest class" not in texts(comparisons.scores(summary))

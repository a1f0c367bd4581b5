"""The label curve with its arrow and what hours replace, by what they draw."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from drawn import colour_of, labelled, lines, of, points, texts, ticks
from made_labels import BUDGETS, NOISY, line, scored, together
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text

from sslkit.figures import few_labels, plots
from sslkit.runs.arms import arm_of
from sslkit.study import exchange, gains

pytestmark = [
    pytest.mark.filterwarnings("error"),
    pytest.mark.usefixtures("nothing_left_behind"),
]


@pytest.fixture(autouse=True)
def fewer_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "RESAMPLES", 200)


@pytest.fixture
def frame() -> pd.DataFrame:
    alone = {n: line(n) for n in BUDGETS}
    frozen = {n: 0.5 + 0.02 * i for i, n in enumerate(BUDGETS)}
    return together(
        scored("supervised", alone, protocol="finetune", seeds=0, spread=NOISY),
        scored("simclr", frozen, spread=NOISY),
        scored("simclr", {100: 0.45, 2500: 0.73}, protocol="finetune", spread=NOISY),
        scored("histogram", dict.fromkeys(BUDGETS, 0.3), seeds=0),
        scored("rotnet", {100: 0.9}, variant="other"),
    )


def drawn_arrow(figure: Figure) -> tuple[float, float, float, float]:
    """Where the one thick arrow starts and ends."""
    (found,) = (
        text
        for text in figure.axes[0].texts
        if isinstance(text, Annotation)
        and text.arrow_patch is not None
        and text.arrow_patch.get_linewidth() > 2
    )
    return *found.xyann, *found.xy


def test_a_curve_goes_over_images_on_a_logarithmic_axis_in_its_band(frame):
    axes = few_labels.label_curve(frame).axes[0]
    found = labelled(axes)
    assert axes.get_xscale() == "log"
    assert {
        "supervised",
        "SimCLR, linear probe",
        "SimCLR, fine-tuned",
        "colour histogram, linear probe",
    } <= set(found)
    expected = gains.curve(frame, "simclr")
    frozen = found["SimCLR, linear probe"]
    assert frozen.get_xdata() == pytest.approx(BUDGETS)
    assert frozen.get_ydata() == pytest.approx(expected["mean"])
    assert (frozen.get_color(), frozen.get_marker()) == of("simclr")
    bands = [
        band
        for band in axes.collections
        if isinstance(band, PolyCollection)
        and to_hex(band.get_facecolor()[0]) == colour_of("simclr")
    ]
    corners = {tuple(c) for c in bands[-1].get_paths()[0].vertices.round(6).tolist()}
    for _, row in expected.iterrows():
        assert (row["labels"], round(row["low"], 6)) in corners
        assert (row["labels"], round(row["high"], 6)) in corners


def test_fine_tuned_and_frozen_are_told_apart_by_dashes_and_open_marks(frame):
    found = labelled(few_labels.label_curve(frame).axes[0])
    tuned, frozen = (found[f"SimCLR, {how}"] for how in ("fine-tuned", "linear probe"))
    assert tuned.get_color() == frozen.get_color()
    assert (tuned.get_linestyle(), frozen.get_linestyle()) == ("--", "-")
    assert tuned.get_markerfacecolor() == "white" != frozen.get_markerfacecolor()


def test_the_curves_have_names_at_their_ends_and_no_legend(frame):
    figure = few_labels.label_curve(frame)
    figure.draw_without_rendering()
    axes = figure.axes[0]
    assert figure.legends == []
    named = [text for text in axes.texts if text.get_text()]
    assert sorted(text.get_text() for text in named) == [
        "SimCLR,\nfine-tuned",
        "SimCLR,\nlinear probe",
        "colour histogram,\nlinear probe",
        "supervised",
    ]
    boxes = [Text.get_window_extent(text) for text in named]
    for i, box in enumerate(boxes):
        assert box.x0 > axes.bbox.x1 - 20
        assert box.x1 <= figure.bbox.x1
        assert not any(box.overlaps(other) for other in boxes[i + 1 :])


def test_names_that_would_lie_on_each_other_move_apart(frame):
    near = [
        frame[frame["method"] == "histogram"].assign(method=name)
        for name in ("random", "rotnet", "byol")
    ]
    ways = [("histogram", "linear"), *((f["method"].iloc[0], "linear") for f in near)]
    figure = few_labels.label_curve(together(frame, *near), arms=ways, arrow=None)
    figure.draw_without_rendering()
    boxes = [Text.get_window_extent(t) for t in figure.axes[0].texts if t.get_text()]
    assert len(boxes) == 4
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[i + 1 :])


def test_the_arrow_ends_where_the_supervised_curve_gets_as_far(frame):
    figure = few_labels.label_curve(frame)
    found = exchange.worth(frame, "simclr", labels=100)
    level = gains.curve(frame, "simclr")["mean"][1]
    assert drawn_arrow(figure) == pytest.approx((100, level, found.labels, level))
    (bar,) = lines(figure.axes[0], "simclr", "interval")
    assert bar.get_xdata() == pytest.approx((found.low, found.high))
    assert set(bar.get_ydata()) == {level}
    said = figure.axes[0].get_title(loc="left")
    assert said.startswith("SimCLR, linear probe, with 100 labels:\nas good as super")
    assert "(95 %: " in said


def test_the_arrow_says_when_it_leaves_the_curve(frame):
    high = frame.copy()
    best = high["protocol"].eq("finetune") & high["labels"].eq(2500)
    high.loc[best & high["method"].eq("simclr"), "accuracy"] += 0.15
    figure = few_labels.label_curve(high, arrow=("simclr", "finetune", 2500))
    assert "better than supervised with 10,000" in texts(figure)
    assert drawn_arrow(figure)[2] == figure.axes[0].get_xlim()[1]
    low = frame.copy()
    low.loc[low["method"] == "simclr", "accuracy"] -= 0.4
    figure = few_labels.label_curve(low)
    assert "worse than supervised with 10" in texts(figure)
    assert drawn_arrow(figure)[2] == figure.axes[0].get_xlim()[0]


def test_an_interval_that_leaves_the_curve_is_said_to(frame):
    for shift, said in ((0.0, "beyond 10,000)"), (0.03, "(95 %: from ")):
        near = scored("rotnet", {100: line(9500) + shift}, spread=(0, 0.02, 0))
        both = together(frame[frame["method"] != "rotnet"], near)
        figure = few_labels.label_curve(both, arrow=("rotnet", "linear", 100))
        assert said in texts(figure)


def test_numbers_on_the_axis_leave_room_and_may_say_how_many_a_class(frame):
    axes = few_labels.label_curve(frame, classes=10).axes[0]
    assert axes.get_xticks() == pytest.approx(BUDGETS)
    named = [tick.get_text() for tick in axes.get_xticklabels()]
    assert named == ["10\n1", "100\n10", "500\n50", "", "2,500\n250", "10,000\n1,000"]
    plain = few_labels.label_curve(frame).axes[0]
    assert plain.get_xticklabels()[-1].get_text() == "10,000"
    assert plain.get_xlabel() == "labels used"


def test_without_an_arrow_there_is_none_and_missing_arms_are_left_out(frame):
    ways = [("supervised", "finetune"), ("rotnet", "linear"), ("simclr", "knn")]
    figure = few_labels.label_curve(frame, arms=ways, arrow=None)
    axes = figure.axes[0]
    assert [t.get_text() for t in axes.texts] == ["supervised"]
    assert axes.get_title(loc="left") == ""
    with pytest.raises(ValueError, match="no scores of"):
        few_labels.label_curve(frame, arms=ways[1:], arrow=None)
    with pytest.raises(ValueError, match="no score of 'simclr' by 'knn'"):
        few_labels.label_curve(frame, arrow=("simclr", "knn", 100))


# -------------------------------------------------------------------------- hours


@pytest.fixture
def bill() -> pd.DataFrame:
    names = ["labels", "variant", "hours", "worth", "low", "high"]
    rows = [
        (100, "base", 0.25, 1500.0, 1200.0, 1800.0),
        (100, "short", 0.05, 90.0, 50.0, 300.0),
        (2500, "base", 1.75, math.inf, 9000.0, math.inf),
        (500, "base", 0.25, -math.inf, -math.inf, 20.0),
    ]
    same = {"data": "cifar10", "profile": "few-labels", "method": "simclr"}
    table = pd.DataFrame(rows, columns=names).assign(**same)
    return table.assign(protocol="linear", start=10, end=10_000)


def test_a_line_goes_from_the_labels_had_to_those_they_are_worth(bill):
    (axes,) = few_labels.hours(bill).axes
    assert axes.get_xscale() == "log"
    assert ticks(axes) == ["100 labels", "500 labels", "2,500 labels"]
    had = sorted((y, x) for x, y in points(axes, *of("supervised")))
    assert [x for _, x in had] == [100, 100, 500, 2500]
    worth = sorted((y, x) for x, y in points(axes, *of("simclr")))
    assert [x for _, x in worth] == [90, 1500], "the shorter first"
    assert [y for y, _ in worth] == [y for y, _ in had][:2]
    assert axes.get_ylim()[0] > axes.get_ylim()[1], "fewest labels on top"
    bars = [tuple(bar.get_xdata()) for bar in lines(axes, "simclr", "interval")]
    assert bars[:2] == [(50, 300), (1200, 1800)]
    arrows = {(text.xyann[0], text.xy[0]) for text in axes.texts if text.arrow_patch}
    assert (100, 1500) in arrows
    assert (100, 90) not in arrows, "too short for one"


def test_a_line_says_how_many_labels_for_how_long_and_what_leaves_the_curve(bill):
    figure = few_labels.hours(bill)
    (axes,) = figure.axes
    said = [text.get_text() for text in axes.texts if text.get_text()]
    assert said == [
        "90 in 3 minutes",
        "1,500 in 15 minutes",
        "< 10 in 15 minutes",
        "> 10,000 in 1.8 hours",
    ]
    (right,) = points(axes, arm_of("simclr").colour, ">")
    assert 10_000 < right[0] < axes.get_xlim()[1]
    (left,) = points(axes, arm_of("simclr").colour, "<")
    assert axes.get_xlim()[0] < left[0] < 10
    figure.draw_without_rendering()
    for text in axes.texts:
        if text.get_text():
            assert text.get_window_extent().x1 <= axes.bbox.x1 + 1


def test_a_bill_is_of_one_arm(bill):
    other = together(bill, bill.assign(method="rotnet"))
    with pytest.raises(ValueError, match="one arm"):
        few_labels.hours(other)


def test_the_figures_name_their_source_mix_none_and_fit_a_page(frame, bill):
    for figure_of, table in ((few_labels.label_curve, frame), (few_labels.hours, bill)):
        figure = figure_of(table)
        assert "cifar10, profile few-labels" in texts(figure)
        width, height = figure.get_size_inches()
        assert width <= plots.WIDTH
        assert height <= 4.5
        mixed = together(table, table.assign(data="blood8"))
        with pytest.raises(ValueError, match="one data set and profile"):
            figure_of(mixed)

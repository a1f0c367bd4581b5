"""The figures of what methods are worth, by what they draw."""

from __future__ import annotations

import math

import drawn
import pandas as pd
import pytest
from drawn import labelled, of, points, texts
from matplotlib.colors import to_hex
from matplotlib.text import Text

from sslkit.figures import comparisons
from sslkit.runs.arms import arm_of

pytestmark = [
    pytest.mark.filterwarnings("error"),
    pytest.mark.usefixtures("nothing_left_behind"),
]


@pytest.fixture
def summary() -> pd.DataFrame:
    return drawn.summary()


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
    assert to_hex(band.get_facecolor()[0]) == to_hex(arm_of("simclr").colour)
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


@pytest.mark.parametrize("protocol", ["finetune", "linear"])
def test_self_training_alone_stands_beside_them_by_its_one_protocol(summary, protocol):
    own = drawn.rows("selftrain", "selftrain", {0.05: 0.52, 0.25: 0.68})
    simclr = drawn.rows("simclr", "selftrain", {0.05: 0.99, 0.25: 0.99})
    frame = pd.concat([summary, pd.DataFrame(own + simclr)], ignore_index=True)
    lines = labelled(comparisons.label_curve(frame, protocol=protocol).axes[0])
    curve = lines["self-training"]
    assert (curve.get_color(), curve.get_marker()) == of("selftrain")
    assert curve.get_ydata() == pytest.approx([52, 68])
    assert max(lines["SimCLR"].get_ydata()) < 99
    axes = comparisons.reversal(frame).axes[0]
    assert [y for _, y in points(axes, *of("selftrain"))].count(52) == 1


def test_shares_that_are_near_have_a_tick_each_and_no_number_on_another(summary):
    near = summary[summary["fraction"] == 0.05].assign(fraction=0.025)
    axes = comparisons.label_curve(pd.concat([summary, near])).axes[0]
    assert axes.get_xticks() == pytest.approx([2.5, 5, 25, 50, 100])
    named = [tick.get_text() for tick in axes.get_xticklabels()]
    assert named == ["", "5", "25", "50", "100"]


FIGURES = (comparisons.label_curve, comparisons.reversal)


@pytest.mark.parametrize("figure_of", FIGURES)
def test_a_figure_names_its_one_source_and_mixes_none(summary, figure_of):
    assert "shapes, profile quick" in texts(figure_of(summary))
    mixed = pd.concat([summary, summary.assign(profile="study")], ignore_index=True)
    if figure_of is comparisons.reversal:
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
    assert points(figure.axes[0], *of("simclr"))
    width, height = figure.get_size_inches()
    assert width <= 7
    assert height <= 4.3


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
        arm_of("simclr").colour: [80, 74],
        arm_of("rotnet").colour: [55, 73],
        arm_of("supervised").colour: [40, 50],
        arm_of("supervised-plain").colour: [40, 60],
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


def test_curves_have_names_at_their_ends_none_on_another_and_no_legend(summary):
    figure = comparisons.label_curve(summary)
    figure.draw_without_rendering()
    assert figure.legends == []
    names = [t for t in figure.axes[0].texts if t.get_text()]
    assert {"SimCLR", "RotNet"} <= {t.get_text() for t in names}
    boxes = [Text.get_window_extent(name) for name in names]
    for i, box in enumerate(boxes):
        assert figure.axes[0].bbox.x1 - 30 < box.x0
        assert box.x1 <= figure.bbox.x1
        assert not any(box.overlaps(other) for other in boxes[i + 1 :])

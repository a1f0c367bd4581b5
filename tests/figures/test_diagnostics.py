"""The figures of single runs, by what they draw."""

from __future__ import annotations

import drawn
import numpy as np
import pandas as pd
import pytest
import torch
from drawn import labelled, texts

from sslkit.figures import diagnostics
from sslkit.judging.scores import Score
from sslkit.runs.arms import arm_of

pytestmark = [
    pytest.mark.filterwarnings("error"),
    pytest.mark.usefixtures("nothing_left_behind"),
]


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


def test_curves_draw_training_solid_and_validation_dashed(history):
    figure = diagnostics.curves(history, phase="linear", selected=[2], method="simclr")
    loss, accuracy, rate = figure.axes
    for axes, name, style, values in (
        (loss, "training", "-", [1, 1 / 2, 1 / 3]),
        (loss, "validation", "--", [1.2, 0.6, 0.4]),
        (accuracy, "training", "-", [50, 25, 50 / 3]),
    ):
        line = labelled(axes)[name]
        assert line.get_linestyle() == style
        assert line.get_color() == arm_of("simclr").colour
        assert line.get_xdata() == pytest.approx([1, 2, 3])
        assert line.get_ydata() == pytest.approx(values)
    assert "validation" not in labelled(accuracy)
    assert rate.get_lines()[0].get_ydata() == pytest.approx([0.001, 0.0005, 0.001 / 3])
    assert [axes.get_ylabel() for axes in (loss, accuracy)] == [
        "loss (nats)",
        "accuracy (%)",
    ]
    (spot,) = loss.collections
    assert spot.get_offsets().tolist() == [[2, pytest.approx(0.6)]]
    assert "selected: epoch 2" in texts(figure)
    assert len(accuracy.collections) == 0, "no validation accuracy, no mark"


def test_curves_of_several_runs_have_a_line_and_a_mark_each_and_their_mean(history):
    slower = history.assign(value=2 * history["value"])
    figure = diagnostics.curves(history, slower, phase="linear", selected=[3, 1])
    loss = figure.axes[0]
    solid = [line for line in loss.get_lines() if line.get_linestyle() == "-"]
    assert [line.get_ydata()[0] for line in solid] == [1, 2, 1.5]
    widths = [line.get_linewidth() for line in solid]
    assert widths[0] == widths[1] < widths[2], "the mean is the thick one"
    spots = [tuple(s.get_offsets()[0]) for s in loss.collections]
    assert spots == [pytest.approx((3, 0.4)), pytest.approx((1, 2.4))]
    (legend,) = figure.legends
    named = [text.get_text() for text in legend.get_texts()]
    assert named == ["training", "validation", "selected epoch"]


def test_curves_leave_out_what_was_not_measured(history):
    figure = diagnostics.curves(history[history["phase"] == "pretrain"])
    assert [axes.get_ylabel() for axes in figure.axes] == [
        "loss (nats)",
        "learning\nrate",
    ]
    assert "selected" not in texts(figure)


@pytest.mark.parametrize("phase", [None, "finetune"])
def test_curves_name_the_phases_to_choose_from(history, phase):
    with pytest.raises(ValueError, match="has pretrain, linear"):
        diagnostics.curves(history, phase=phase)


def score(confusion: list[list[int]]) -> Score:
    return Score(0.5, 1.0, 0.4, 0.6, confusion, 1, 0.5, 1.0, 10)


def test_confusion_shows_counts_and_shares_of_the_true_class():
    figure = diagnostics.confusion(score([[8, 2], [0, 5]]), ["cat", "dog"])
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
    names = [f"class number {i}" for i in range(10)]
    figure = diagnostics.confusion(score(table), names)
    assert figure.get_size_inches()[0] <= 7
    assert figure.axes[0].collections[0].get_array()[1].tolist() == [0] * 10


def test_too_good_leads_from_light_to_light_above_the_floor():
    points = pd.DataFrame(
        {"probed": [0.6, 0.5, 0.4], "told": [0.7, 0.9, 1.0]}, index=[0.0, 0.1, 0.2]
    )
    jittered = pd.Series({"told": 0.8, "probed": 0.45})
    figure = diagnostics.too_good(points, jittered=jittered, floor=0.35)
    (axes,) = figure.axes
    assert drawn.points(axes, *drawn.of("rotnet")) == {*((70, 60), (90, 50), (100, 40))}
    assert drawn.points(axes, *drawn.of("rotnet-jitter")) == {(80, 45)}
    arrows = [(x.xyann, x.xy) for x in axes.texts if x.arrow_patch is not None]
    assert arrows == [
        (pytest.approx((70, 60)), pytest.approx((90, 50))),
        (pytest.approx((90, 50)), pytest.approx((100, 40))),
    ]
    floor = labelled(axes)["random encoder"]
    assert set(floor.get_ydata()) == {35}
    assert {"no light", "light 0.1", "light 0.2"} < set(texts(figure).splitlines())
    assert max(axes.get_xticks()) <= 100, "no share beyond all"


def test_the_hue_dial_has_its_curves_above_and_its_pictures_in_their_columns():
    measured = pd.DataFrame(
        {"hue": [0.9, 0.4, -0.1], "class": [0.3, 0.5, 0.6]}, index=[0.0, 0.1, 0.5]
    )
    red, blue = torch.zeros(2, 3, 4, 4)
    red[0], blue[2] = 1, 1
    pictures = {(-1, 0): red, (0, 0): blue, (2, 1): red}
    figure = diagnostics.hue_dial(measured, pictures, guess=1 / 3, current=1)
    axes, below = figure.axes
    hue, kind = (x.get_ydata().tolist() for x in axes.get_lines()[:2])
    assert hue == pytest.approx([90, 40, 0]), "worse than nothing is nothing"
    assert kind == pytest.approx([30, 50, 60])
    assert list(axes.get_lines()[2].get_xdata()) == [1, 1]
    assert [t.get_text() for t in axes.get_xticklabels()] == ["0", "0.1", "0.5"]
    # A column of pictures lies exactly below its point.
    figure.draw_without_rendering()
    for at in range(3):
        above = axes.transData.transform((at, 0))[0]
        assert below.transData.transform((at, 0))[0] == pytest.approx(above)
    shown = [(image.get_extent(), image.get_array()[0, 0]) for image in below.images]
    middles = [
        ((left + right) / 2, (low + high) / 2) for (left, right, low, high), _ in shown
    ]
    assert middles == [
        pytest.approx((-1, 0.5)),
        pytest.approx((0, 0.5)),
        pytest.approx((2, 1.5)),
    ]
    assert [tuple(colour) for _, colour in shown] == [
        *((255, 0, 0), (0, 0, 255), (255, 0, 0))
    ]

"""The figures of the book's questions, by what they draw."""

from __future__ import annotations

import pandas as pd
import pytest
from drawn import bars, of, points, texts, ticks
from scored import scored, together

import sslkit
from sslkit.figures import answers
from sslkit.judging.scores import Score
from sslkit.runs.records import Run
from sslkit.study import answers as study
from sslkit.study import tables

pytestmark = [
    pytest.mark.filterwarnings("error"),
    pytest.mark.usefixtures("nothing_left_behind"),
]


# --------------------------------------------------------------------- amounts


def test_amounts_have_a_panel_a_protocol_and_a_line_an_amount():
    frame = together(
        *(
            scored("simclr", [low, low + gain], protocol=protocol, variant=variant)
            for protocol, low in (("linear", 0.25), ("finetune", 0.5))
            for variant, gain in {
                "base": 0.0,
                "other alone": -0.25,
                "all, few steps": 0.25,
            }.items()
        ),
        scored("rotnet", [0.5, 0.5]),
        scored("rotnet", [0.625, 0.625], variant="all, few steps"),
    )
    figure = answers.amounts(study.amounts(frame))
    linear, fine = figure.axes
    assert [axes.get_title() for axes in (linear, fine)] == [
        "linear probe",
        "fine-tuned",
    ]
    assert ticks(linear) == [
        "all images,\nsteps of the budget",
        "another source\nalone",
    ]
    assert [x for x, _ in sorted(points(fine, *of("simclr")))] == [-12.5, 12.5]
    assert [x for x, _ in points(fine, *of("rotnet"))] == [12.5]
    _, low, high = tables.interval([0.0, 0.25])
    ends = {(round(100 * low, 6), round(100 * high, 6))}
    assert ends <= {(bar[0], bar[2]) for bar in bars(fine)}
    zero = [line for line in fine.get_lines() if list(line.get_xdata()) == [0, 0]]
    assert len(zero) == 1, "the budget alone is the line to compare with"
    assert "to the budget alone" in texts(figure)
    assert "shapes, profile quick" in texts(figure)


def test_amounts_of_two_data_sets_are_not_drawn_together():
    rows = study.amounts(
        together(
            scored("simclr", [0.5, 0.6]), scored("simclr", [0.7, 0.6], variant="all")
        )
    )
    rows.loc[0, "data"] = "others"
    with pytest.raises(ValueError, match="one data set"):
        answers.amounts(rows)


# ---------------------------------------------------------------------- curves


def run(method: str, phases: tuple[str, ...]) -> Run:
    """A run of two epochs, with the curves of some phases."""
    recipe = sslkit.recipe(method, profile="smoke", data="a/folder")
    score = Score(0.5, 0.7, 0.4, 0.6, [[1, 1], [1, 1]], 2, 0.5, 0.7, 8)
    rows = [
        (phase, epoch, epoch, metric, 0.5 / epoch)
        for phase in phases
        for epoch in (1, 2)
        for metric in ("train_loss", "val_loss", "lr")
    ]
    names = ["phase", "epoch", "step", "metric", "value"]
    history = pd.DataFrame(rows, columns=names)
    return Run(recipe, method, {"finetune": score}, history, {})


# ------------------------------------------------------------------------ wall


def test_a_wall_names_two_images_a_class_where_they_stand():
    images = sslkit.load("shapes", limit=20)
    figure = answers.wall(images, count=30, columns=10)
    (axes,) = figure.axes
    assert len(axes.get_images()) == 30
    named = [text.get_text() for text in axes.texts if text.get_text()]
    assert sorted(named) == sorted([*images.classes] * 2)
    pixels, labels = images.take(images.examples())
    shown = [image.get_array().transpose(2, 0, 1) for image in axes.get_images()]
    for text, image in zip(axes.texts, shown, strict=True):
        if text.get_text():
            same = [(image == one.numpy()).all() for one in pixels]
            assert images.classes[int(labels[same.index(True)])] == text.get_text()

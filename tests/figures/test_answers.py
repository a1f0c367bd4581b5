"""The figures of the book's questions, by what they draw."""

from __future__ import annotations

import pandas as pd
import pytest

import sslkit
from sslkit.figures import answers
from sslkit.judging.scores import Score
from sslkit.runs.records import Run

pytestmark = [
    pytest.mark.filterwarnings("error"),
    pytest.mark.usefixtures("nothing_left_behind"),
]


# --------------------------------------------------------------------- amounts


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

"""The figures of learning-rate regimes, by what they draw."""

from __future__ import annotations

import dataclasses
import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from drawn import labelled, of, points, texts, ticks

import sslkit
from sslkit.figures import plots, regimes

pytestmark = [
    pytest.mark.filterwarnings("error"),
    pytest.mark.usefixtures("nothing_left_behind"),
]


def test_schedules_are_a_half_cosine_and_a_straight_line() -> None:
    (axes,) = regimes.schedules({"cosine": 2e-4, "constant": 5e-6}, steps=101).axes
    lines: Any = labelled(axes)
    expected = 1e-4 * (1 + np.cos(np.pi * np.arange(101) / 100))
    np.testing.assert_allclose(lines["cosine"].get_ydata(), expected, atol=1e-18)
    assert set(lines["constant"].get_ydata()) == {5e-6}
    assert len(lines["constant"].get_xdata()) == 101
    assert axes.get_yscale() == "log"


def test_training_losses_stand_over_what_a_guess_costs() -> None:
    history = pd.DataFrame(
        [(10, "train_loss", 2.0), (10, "lr", 0.1), (20, "train_loss", 1.0)],
        columns=["step", "metric", "value"],
    )
    figure = regimes.losses({"one": history, "two": history}, guess=1.5)
    lines: Any = labelled(figure.axes[0])
    for name in ("one", "two"):
        assert lines[name].get_xydata().tolist() == [[10, 2], [20, 1]]
    assert lines["one"].get_linestyle() != lines["two"].get_linestyle()
    assert [1.5, 1.5] in [list(line.get_ydata()) for line in lines.values()]


@pytest.fixture
def rows() -> pd.DataFrame:
    made = [
        ("linear", "random", "random start", "cosine", 0.3),
        ("finetune", "rotnet", "random start", "cosine", 0.5),
        ("finetune", "rotnet", "random start", "cosine", 0.6),
        ("finetune", "rotnet", "warm start", "constant", 0.4),
    ]
    columns = ["protocol", "method", "start", "regime", "accuracy"]
    same = {"data": "tissue", "profile": "quick", "fraction": 0.05}
    return pd.DataFrame(made, columns=columns).assign(**same)


def test_regimes_stand_below_their_start_fine_tuned_and_frozen_side_by_side(
    rows: pd.DataFrame,
) -> None:
    figure = regimes.by_regime(rows)
    tuned, frozen = figure.axes
    assert [axes.get_title() for axes in figure.axes] == ["fine-tuned", "linear probe"]
    assert ticks(tuned) == ["random start", "cosine", "warm start", "constant"]
    assert points(tuned, *of("rotnet")) == {(55, 1), (40, 3)}
    assert points(frozen, *of("random")) == {(30, 1)}
    low, high = tuned.get_xlim()
    assert 10 <= low < high <= 100
    assert "5 % of the labels; tissue, quick" in texts(figure)
    assert figure.get_size_inches()[0] <= plots.WIDTH


def test_a_figure_of_regimes_takes_one_image_set_and_share(rows: pd.DataFrame) -> None:
    for column, value in (("data", "x"), ("profile", "study"), ("fraction", 0.5)):
        mixed = rows.assign(**{column: [value, *rows[column][1:]]})
        with pytest.raises(ValueError, match="one image set and share"):
            regimes.by_regime(mixed)


def test_fine_tuning_marks_the_selected_epoch_of_every_run() -> None:
    def run(epoch: int, losses: tuple[float, ...]) -> Any:
        history = pd.DataFrame(
            {"metric": "val_loss", "value": losses, "epoch": [1, 2, 3]}
        )
        rates = history.assign(metric="lr")
        both = pd.concat([history, rates]).assign(phase="finetune", step=0)
        recipe = dataclasses.replace(sslkit.recipe("rotnet", profile="smoke"))
        scores = {"finetune": SimpleNamespace(epoch=epoch)}
        return SimpleNamespace(history=both, recipe=recipe, scores=scores)

    runs = [run(2, (3.0, 1.0, 2.0)), run(3, (4.0, 3.0, 0.5))]
    loss = regimes.fine_tuning(runs).axes[0]
    marked = {
        tuple(map(float, place))
        for cloud in loss.collections
        for place in cloud.get_offsets()
    }
    assert marked == {(2, 1.0), (3, 0.5)}
    colours = {line.get_color() for line in loss.get_lines()}
    assert colours == {of("rotnet")[0]}
    assert math.isclose(max(len(loss.get_lines()), 3), 3), "two runs and their mean"

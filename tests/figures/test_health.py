"""The figure of health, by what it draws."""

from __future__ import annotations

import pytest
from drawn import colour_of, labelled, texts
from matplotlib.axes import Axes
from matplotlib.colors import to_hex

from sslkit.figures.health import beside
from sslkit.judging.watched import Watched

pytestmark = [
    pytest.mark.filterwarnings("error"),
    pytest.mark.usefixtures("nothing_left_behind"),
]


def case(loss: float, rank: float, last: float = 0.5) -> Watched:
    values = {
        "train_loss": {10: 1.3, 20: 1.2, 30: loss},
        "rank": {10: 40.0, 30: rank},
        "neighbours": {10: 0.4, 30: last},
    }
    return Watched(values, 30, chance=1.4, labelled=100, by_chance=0.25)


@pytest.fixture
def cases() -> dict[str, Watched]:
    return {
        "as it is": case(1.0, 50.0),
        "flat": case(1.1, 2.0),
        "lost": case(9.0, 30.0),
    }


def crosses(axes: Axes) -> list[tuple[float, float]]:
    lines = [line for line in axes.get_lines() if line.get_marker() == "X"]
    return sorted((line.get_xdata()[0], line.get_ydata()[0]) for line in lines)


def test_every_case_is_a_line_in_every_panel(cases: dict[str, Watched]) -> None:
    figure = beside(cases, ["train_loss", "rank"], method="rotnet")
    loss, rank = figure.axes
    assert (loss.get_ylabel(), rank.get_ylabel()) == ("loss (nats)", "directions used")
    for axes, metric in ((loss, "train_loss"), (rank, "rank")):
        drawn = labelled(axes)
        for name, watched in cases.items():
            assert list(drawn[name].get_xdata()) == list(watched.values[metric])
            assert list(drawn[name].get_ydata()) == watched.seen(metric)
    kinds = {str(labelled(loss)[name].get_linestyle()) for name in cases}
    assert len(kinds) == len(cases)
    assert all(name in texts(figure) for name in (*cases, "a guess"))


def test_the_healthy_one_has_the_colour_of_its_method_and_no_cross(
    cases: dict[str, Watched],
) -> None:
    loss, rank = beside(cases, ["train_loss", "rank"], method="rotnet").axes
    for name, line in labelled(loss).items():
        own = to_hex(line.get_color()) == colour_of("rotnet")
        assert own == (name == "as it is")
    assert crosses(loss) == [(30, 1.1), (30, 9.0)]
    assert crosses(rank) == [(30, 2.0), (30, 30.0)]


def test_a_cross_stands_at_the_last_look_before_the_first_alarm() -> None:
    late = Watched({"train_loss": {10: 1.3, 20: 9.0}, "rank": {10: 40.0}}, 20, 1.4)
    figure = beside({"a": case(1.0, 50.0), "b": late}, ["rank"], method="simclr")
    assert crosses(figure.axes[0]) == [(10, 40.0)]


def test_a_guess_is_dotted_and_shares_are_percent(cases: dict[str, Watched]) -> None:
    loss, near = beside(cases, ["train_loss", "neighbours"], method="rotnet").axes
    assert set(labelled(loss)["a guess"].get_ydata()) == {1.4}
    assert set(labelled(near)["a guess"].get_ydata()) == {25}
    assert list(labelled(near)["flat"].get_ydata()) == [40, 50]
    unknown = Watched({"train_loss": {10: 1.0}}, 10)
    (alone,) = beside({"a": unknown}, ["train_loss"], method="rotnet").axes
    assert "a guess" not in labelled(alone)


def test_an_axis_is_logarithmic_where_values_are_far_apart() -> None:
    far = Watched({"train_loss": {10: 900.0, 20: 5.0}}, 20, 1.4)
    for other, scale in ((far, "log"), (case(1.1, 2.0), "linear")):
        cases = {"a": case(1.0, 50.0), "b": other}
        (axes,) = beside(cases, ["train_loss"], method="rotnet").axes
        assert axes.get_yscale() == scale

"""Forest plots, by what they draw."""

from __future__ import annotations

import pandas as pd
import pytest
from drawn import bars, dots, of, points, texts, ticks

from sslkit.figures import plots
from sslkit.figures.forest import differences, forest
from sslkit.study import tables

pytestmark = [
    pytest.mark.filterwarnings("error"),
    pytest.mark.usefixtures("nothing_left_behind"),
]


def table(*rows: tuple[str, str, str, str, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["panel", "heading", "line", "method", "value"])


def interval(line: float, *values: float) -> tuple[float, ...]:
    """Ends of the bar that values have on a line."""
    _, low, high = tables.interval(values)
    return round(100 * low, 6), line, round(100 * high, 6), line


def test_lines_stand_below_their_headings_in_the_order_of_the_values():
    figure = forest(
        table(
            ("one", "B", "y", "simclr", 0.4),
            ("one", "A", "x", "rotnet", 0.3),
            ("two", "B", "z", "simclr", 0.7),
            ("two", "A", "x", "rotnet", 0.1),
            ("one", "B", "y", "simclr", 0.6),
        ),
        label="accuracy (%)",
    )
    one, two = figure.axes
    assert [axes.get_title() for axes in (one, two)] == ["one", "two"]
    assert ticks(one) == ["B", "y", "z", "A", "x"]
    weights = [tick.get_fontweight() for tick in one.get_yticklabels()]
    assert weights == ["bold", "normal", "normal", "bold", "normal"]
    assert points(one, *of("simclr")) == {(50, 1)}
    assert points(one, *of("rotnet")) == {(30, 4)}
    assert interval(1, 0.4, 0.6) in bars(one)
    below = [pytest.approx((40, 1.32)), pytest.approx((60, 1.32))]
    assert dots(one, "simclr") == below
    assert points(two, *of("simclr")) == {(70, 2)}
    assert dots(two, "rotnet") == [pytest.approx((10, 4.32))]
    assert figure.legends == []
    assert two.get_xlabel() == "accuracy (%)"


def test_methods_of_one_line_lie_below_each_other_and_a_legend_names_them():
    figure = forest(
        table(
            ("one", "", "x", "simclr", 0.5),
            ("one", "", "x", "rotnet", 0.3),
            ("one", "", "y", "supervised", 0.4),
        ),
        label="points",
    )
    (axes,) = figure.axes
    assert ticks(axes) == ["x", "y"], "an empty heading takes no line"
    ((_, middle),) = points(axes, *of("rotnet"))
    ((_, low),) = points(axes, *of("simclr"))
    ((_, other),) = points(axes, *of("supervised"))
    assert middle == 0
    assert 0 < low < 0.5
    assert 0.5 < other < 1, "each method has its place on every line"
    (legend,) = figure.legends
    named = [text.get_text() for text in legend.get_texts()]
    assert named == ["supervised", "RotNet", "SimCLR"]


@pytest.fixture
def pairs() -> pd.DataFrame:
    """Differences, in the wrong order."""
    rows = [
        (0.25, "simclr", "finetune", 0.3),
        (0.25, "simclr", "finetune", 0.1),
        (0.05, "simclr", "finetune", 0.14),
        (0.05, "simclr", "linear", 0.2),
        (0.05, "rotnet", "finetune", 0.13),
        (0.05, "rotnet", "linear", -0.05),
    ]
    columns = ["fraction", "method", "protocol", "difference"]
    return pd.DataFrame(rows, columns=columns).assign(data="shapes", profile="quick")


def test_differences_stand_by_method_with_interval_and_single_draws(pairs):
    first, second = differences(pairs).axes
    protocols = ["linear probe", "fine-tuned"]
    assert ticks(first) == ["RotNet", *protocols, "SimCLR", *protocols]
    titles = [axes.get_title() for axes in (first, second)]
    assert titles == ["5 % of labels", "25 % of labels"]
    assert points(first, *of("rotnet")) == {(-5, 1), (13, 2)}
    assert points(first, *of("simclr")) == {(20, 4), (14, 5)}
    assert points(second, *of("simclr")) == {(20, 5)}
    assert interval(5, 0.1, 0.3) in bars(second)
    assert {x for x, _ in dots(second, "simclr")} == {10, 30}
    for axes in (first, second):
        assert [0, 0] in [list(line.get_xdata()) for line in axes.get_lines()]


def test_differences_name_their_source_fit_a_page_and_mix_none(pairs):
    figure = differences(pairs, against="random")
    assert "shapes, profile quick" in texts(figure)
    assert "points to random encoder" in texts(figure)
    width, height = figure.get_size_inches()
    assert width <= plots.WIDTH
    assert height <= 4.3
    with pytest.raises(ValueError, match="one data set and profile"):
        differences(pairs.assign(profile=["study", *["quick"] * (len(pairs) - 1)]))


def test_single_values_are_drawn_without_an_interval(pairs):
    (axes,) = differences(pairs.tail(4)).axes
    assert points(axes, *of("simclr")) == {(20, 4), (14, 5)}
    assert bars(axes) == {()}

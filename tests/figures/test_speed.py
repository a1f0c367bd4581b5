"""The figures of what benchmarks measured."""

from __future__ import annotations

import pandas as pd

from sslkit.figures import plots, speed


def table(*rows: tuple[str, str, float]) -> pd.DataFrame:
    columns = ["case", "name", "value"]
    return pd.DataFrame(rows, columns=columns).assign(unit="views/s")


def test_rates_have_a_marker_a_name_and_a_row_a_case() -> None:
    plots.style()
    figure = speed.rates(table(("a", "x", 1.0), ("b", "x", 2.0), ("b", "y", 30.0)))
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.get_yticklabels()] == ["a", "b"]
    lines = {line.get_label(): line for line in axes.get_lines()}
    assert lines["x"].get_xdata().tolist() == [1, 2]
    assert lines["y"].get_ydata() == [1]
    assert axes.get_xlabel() == "views/s"


def test_scaling_shows_time_and_cost_up_to_the_last_worker() -> None:
    figure = speed.scaling([60.0] * 8, most=16)
    lines = {line.get_label(): line for line in figure.axes[0].get_lines()}
    assert lines["until all is done"].get_ydata().tolist() == [8, 4, 2, 1, 1]
    assert lines["of all workers, paid for"].get_ydata().tolist() == [8, 8, 8, 8, 16]

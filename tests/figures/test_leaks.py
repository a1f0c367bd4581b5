"""The figures of leaks, by what they draw."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from drawn import labelled, points, texts, ticks

from sslkit.figures.leaks import leaps, turns_by_share
from sslkit.runs.arms import arm_of

pytestmark = [
    pytest.mark.filterwarnings("error"),
    pytest.mark.usefixtures("nothing_left_behind"),
]


def test_turns_stand_by_share_a_panel_a_set_with_guessing_between_them():
    rows = [
        ("tissue", "rotnet", 0.05, 0.26),
        ("tissue", "rotnet-jitter", 0.5, 0.24),
        ("photographs", "rotnet", 0.5, 0.7),
        ("photographs", "rotnet", 0.5, 0.8),
    ]
    columns = ["data", "method", "fraction", "told"]
    figure = turns_by_share(pd.DataFrame(rows, columns=columns))
    tissue, photographs = figure.axes
    assert [axes.get_title() for axes in figure.axes] == ["tissue", "photographs"]
    rotnet, jitter = arm_of("rotnet"), arm_of("rotnet-jitter")
    assert points(tissue, rotnet.colour, rotnet.marker) == {(-0.1, 26)}
    assert points(tissue, jitter.colour, jitter.marker) == {(1.1, 24)}
    found = points(photographs, rotnet.colour, rotnet.marker)
    assert found == {(0.9, 70), (0.9, 80)}
    assert set(labelled(tissue)["guessing"].get_ydata()) == {25}
    names = [tick.get_text() for tick in tissue.get_xticklabels()]
    assert names == ["5", "50"]
    assert "RotNet + jitter" in texts(figure)


def means(*rows: tuple[float, str, str, float, float, float]) -> pd.DataFrame:
    columns = ["fraction", "method", "protocol", "group", "given", "image"]
    return pd.DataFrame(rows, columns=columns)


def test_leaps_join_three_divisions_hollow_small_and_filled():
    figure = leaps(
        means(
            (0.05, "simclr", "finetune", 0.6, 0.7, 0.8),
            (1.0, "random", "linear", 0.4, math.nan, 0.3),
        ),
        source="lung3, profile quick",
    )
    (axes,) = figure.axes
    assert ticks(axes) == [
        "5 %, SimCLR, fine-tuned",
        "100 %, random encoder, linear probe",
    ]
    marks = {
        line.get_xdata()[0]: (line.get_markerfacecolor(), line.get_markersize())
        for line in axes.get_lines()
        if line.get_marker() == arm_of("simclr").marker
    }
    colour = arm_of("simclr").colour
    assert marks == {80: (colour, 7), 70: (colour, 5), 60: ("white", 7)}
    joined = [
        (list(line.get_xdata()), list(line.get_ydata()))
        for line in axes.get_lines()
        if line.get_linestyle() == "-" and len(line.get_xdata()) == 2
    ]
    assert joined == [([60, 80], [0, 0]), ([40, 30], [1, 1])]
    assert axes.yaxis_inverted()
    assert texts(figure).count("lung3, profile quick") == 1

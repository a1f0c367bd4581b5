"""Figures of RotNet with jitter show what their tables hold."""

from __future__ import annotations

import pandas as pd
import pytest
from drawn import colour_of, lines, texts, ticks
from matplotlib.colors import to_hex

from sslkit.figures import jitter

pytestmark = [
    pytest.mark.filterwarnings("error"),
    pytest.mark.usefixtures("nothing_left_behind"),
]


def test_turns_told_is_a_curve_a_method_beside_a_guess() -> None:
    rows = [("rotnet", 0, 0.3), ("rotnet", 1, 0.6), ("rotnet-jitter", 0, 0.2)]
    table = pd.DataFrame(rows, columns=["method", "epoch", "value"])
    figure = jitter.turns_told(table)
    (axes,) = figure.axes
    (plain,) = lines(axes, "rotnet")
    assert plain.get_label() == "RotNet"
    assert list(plain.get_xdata()) == [0, 1]
    assert list(plain.get_ydata()) == pytest.approx([30, 60])
    (jittered,) = lines(axes, "rotnet-jitter")
    assert list(jittered.get_ydata()) == pytest.approx([20])
    assert any(list(line.get_ydata()) == [25, 25] for line in axes.get_lines())


def test_an_arrow_leads_from_the_turns_told_with_a_cue_to_those_without() -> None:
    rows = [("none", False, 0.5, 0.5), ("tint", False, 0.9, 0.3), ("tint", True, 0, 1)]
    table = pd.DataFrame(rows, columns=["cue", "jitter", "kept", "gone"])
    (axes,) = jitter.leaning(table).axes
    assert ticks(axes) == ["none, RotNet", "tint, RotNet", "tint, RotNet + jitter"]
    arrows = [(arrow.xyann, arrow.xy) for arrow in axes.texts]
    assert arrows == [((90, 1), (30, 1)), ((0, 2), (100, 2))], "none where nothing goes"
    marks = {
        (*line.get_xdata(), *line.get_ydata()): to_hex(line.get_markerfacecolor())
        for line in lines(axes, "rotnet")
    }
    assert marks[90, 1] == colour_of("rotnet")
    assert marks[30, 1] == "#ffffff"
    assert axes.yaxis_inverted(), "the first is on top"


def pairs() -> pd.DataFrame:
    same = {"data": "colon3", "profile": "study-small", "variant": "base"}
    same |= {"fraction": 0.05, "protocol": "finetune"}
    return pd.DataFrame(
        same | {"method": method, "difference": value}
        for method in ("rotnet-jitter", "supervised")
        for value in (0.1, 0.2)
    )


def test_validation_is_dashed_beside_the_test_with_its_band() -> None:
    names = ["data", "profile", "fraction", "method", "part", "mean", "low", "high"]
    rows = [
        ("a", "p", share, method, part, mean, mean - 2, mean + 2)
        for share, mean in ((0.05, 60), (1.0, 70))
        for method in ("supervised", "supervised-plain")
        for part in ("validation", "test")
    ]
    one = pd.DataFrame(rows, columns=names)
    figure = jitter.expected_and_found(pd.concat([one, one.assign(data="b")]))
    first, second = figure.axes
    assert (first.get_title(), second.get_title()) == ("a", "b")
    promised, found = lines(first, "supervised")
    assert promised.get_label() == "supervised: validation"
    assert (promised.get_linestyle(), found.get_linestyle()) == ("--", "-")
    assert list(found.get_ydata()) == [60, 70]
    band = first.collections[0].get_paths()[0].get_extents()
    assert (band.ymin, band.ymax) == (58, 72)
    assert "profile p" in texts(figure)
    with pytest.raises(ValueError, match="one profile"):
        jitter.expected_and_found(pd.concat([one, one.assign(profile="q")]))

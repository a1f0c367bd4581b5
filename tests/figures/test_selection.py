"""The figures of what validation chooses, by what they draw."""

from __future__ import annotations

import pandas as pd
import pytest
from drawn import bars, colour_of, of, points, texts, ticks

from sslkit.figures import selection
from sslkit.study import tables

pytestmark = [
    pytest.mark.filterwarnings("error"),
    pytest.mark.usefixtures("nothing_left_behind"),
]
SAME = {"profile": "quick", "fraction": 0.05}


@pytest.fixture
def gaps() -> pd.DataFrame:
    rows = [
        ("tissue", "linear", "simclr", 0.1),
        ("tissue", "linear", "simclr", 0.3),
        ("tissue", "finetune", "rotnet", -0.2),
        ("photographs", "finetune", "rotnet", 0.05),
    ]
    columns = ["data", "protocol", "method", "value"]
    return pd.DataFrame(rows, columns=columns).assign(**SAME)


def test_gaps_stand_by_protocol_and_arm_a_panel_an_image_set(
    gaps: pd.DataFrame,
) -> None:
    figure = selection.gaps(gaps, label="selected less last (points)")
    tissue, photographs = figure.axes
    assert [axes.get_title() for axes in figure.axes] == ["tissue", "photographs"]
    assert ticks(tissue) == ["linear probe", "SimCLR", "fine-tuned", "RotNet"]
    assert points(tissue, *of("simclr")) == {(20, 1)}
    assert points(tissue, *of("rotnet")) == {(-20, 3)}
    assert points(photographs, *of("rotnet")) == {(5, 3)}
    _, low, high = tables.interval([0.1, 0.3])
    assert (round(100 * low, 6), 1, round(100 * high, 6), 1) in bars(tissue)
    for axes in figure.axes:
        assert axes.get_xlabel() == "selected less last (points)"
        assert [0, 0] in [list(line.get_xdata()) for line in axes.get_lines()]
    assert "5 % of the labels, profile quick" in texts(figure)


def stage(
    method: str, protocol: str, mean: float, *, data: str = "tissue"
) -> dict[str, object]:
    ends = {"mean": mean, "low": mean - 0.1, "high": mean + 0.2}
    return {"data": data, "method": method, "protocol": protocol} | ends | SAME


def blue() -> str:
    return colour_of("simclr")


@pytest.fixture
def networks() -> pd.DataFrame:
    rows = [
        ("tissue", "simclr", "linear", 0.5, 0.6),
        ("tissue", "simclr", "finetune", 0.7, 0.8),
        ("tissue", "simclr", "knn", 0.1, 0.1),
        ("photographs", "rotnet", "finetune", 0.3, 0.4),
        ("unseen", "rotnet", "finetune", None, 0.4),
    ]
    columns = ["data", "method", "protocol", "val_accuracy", "accuracy"]
    return pd.DataFrame(rows, columns=columns).assign(**SAME)

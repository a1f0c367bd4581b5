"""The figures of what validation chooses, by what they draw."""

from __future__ import annotations

import pandas as pd
import pytest
from drawn import bars, colour_of, dots, of, points, texts, ticks
from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex

from sslkit.figures import plots, selection
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


def test_stages_are_joined_from_the_first_to_the_last() -> None:
    summary = pd.DataFrame(
        [
            stage("simclr", "layer2", 0.6),
            stage("simclr", "layer1", 0.5),
            stage("random", "layer1", 0.3),
            stage("random", "layer4", 0.4, data="photographs"),
        ]
    )
    figure = selection.stages(summary)
    tissue, photographs = figure.axes
    (line,) = [x for x in tissue.get_lines() if to_hex(x.get_color()) == blue()]
    assert line.get_ydata().tolist() == [50, 60]
    first, second = line.get_xdata()
    assert (round(first), round(second)) == (1, 2)
    (other,) = points(tissue, *of("random"))
    assert round(other[0]) == 1
    assert other[0] != first, "bars stand beside each other"
    assert points(photographs, *of("random")) == {(3.895, 40)}
    assert (other[0], 20, other[0], 50) in bars(tissue)
    (legend,) = figure.legends
    names = [text.get_text() for text in legend.get_texts()]
    assert names == ["random encoder", "SimCLR"]
    assert "5 % of the labels, profile quick" in texts(figure)


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


def test_networks_stand_by_validation_and_test_open_where_frozen(
    networks: pd.DataFrame,
) -> None:
    errors = pd.DataFrame({"data": ["tissue", "photographs"], "error": [0.05, 0.02]})
    figure = selection.validation(networks, errors)
    tissue, photographs = figure.axes
    assert [axes.get_title() for axes in figure.axes] == ["tissue", "photographs"]
    clouds = [x for x in tissue.collections if isinstance(x, PathCollection)]
    marks = {
        tuple(cloud.get_offsets()[0].round(6).tolist()): len(cloud.get_facecolors())
        for cloud in clouds
    }
    assert marks == {(50, 60): 0, (70, 80): 1}, "the open one has no face"
    assert dots(photographs, "rotnet") == [pytest.approx((30, 40))]
    assert (65, 57, 75, 57) in bars(tissue), "one standard error to either side"
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["SimCLR"]


def test_figures_fit_a_page_and_mix_no_shares_or_profiles(
    gaps: pd.DataFrame, networks: pd.DataFrame
) -> None:
    errors = pd.DataFrame({"data": ["tissue", "photographs"], "error": [0.05, 0.02]})
    summary = pd.DataFrame([stage("simclr", "layer1", 0.5), stage("x", "layer2", 0.5)])
    for column, value in (("profile", "study"), ("fraction", 0.25)):
        for draw, table in (
            (lambda rows: selection.gaps(rows, label="points"), gaps),
            (lambda rows: selection.validation(rows, errors), networks),
            (selection.stages, summary),
        ):
            width, height = draw(table).get_size_inches()
            assert width <= plots.WIDTH
            assert height <= 4.3
            with pytest.raises(ValueError, match="one share and profile"):
                draw(table.assign(**{column: [value, *table[column][1:]]}))

"""The figure of collapses."""

from __future__ import annotations

import pandas as pd
import pytest
from drawn import colour_of
from matplotlib.colors import to_hex

from sslkit.figures.collapse import collapses


@pytest.fixture
def curves() -> pd.DataFrame:
    rows = [
        (method, case, step, spread / step, rank * step)
        for method, case, spread, rank in (
            ("vicreg", "as it is", 1.0, 2.0),
            ("vicreg", "no variance", 0.5, 1.0),
            ("byol", "as it is", 0.8, 3.0),
            ("byol", "no predictor", 0.1, 0.5),
            ("byol", "momentum 0", 0.2, 0.7),
        )
        for step in (1, 2)
    ]
    columns = ["method", "case", "step", "deviation", "rank"]
    return pd.DataFrame(rows, columns=columns)


def test_every_case_is_a_line_of_its_own_in_both_rows(curves: pd.DataFrame) -> None:
    axes = collapses(curves).axes
    assert [one.get_title() for one in axes[:2]] == ["BYOL", "VICReg"]
    for column, method in enumerate(("byol", "vicreg")):
        for row, value in enumerate(("deviation", "rank")):
            lines = axes[2 * row + column].get_lines()
            own = curves[curves["method"] == method]
            assert {line.get_label() for line in lines} == set(own["case"])
            for line in lines:
                wanted = own[own["case"] == line.get_label()]
                assert list(line.get_ydata()) == wanted[value].tolist()
            assert len({str(line.get_linestyle()) for line in lines}) == len(lines)


def test_the_method_as_it_is_has_its_colour_and_the_broken_ones_have_not(
    curves: pd.DataFrame,
) -> None:
    for line in collapses(curves).axes[0].get_lines():
        is_whole = line.get_label() == "as it is"
        assert (to_hex(line.get_color()) == colour_of("byol")) is is_whole

"""Cells: scores of one arm by draw and seed, their differences, their means."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from scored import scored, together

from sslkit.study import cells
from sslkit.study.cells import Cell

pytestmark = pytest.mark.filterwarnings("error")


def test_a_cell_has_the_scores_of_its_arm_protocol_share_and_variant_alone():
    frame = together(
        scored("simclr", [0.7, 0.8]),
        scored("rotnet", [0.1, 0.1]),
        scored("simclr", [0.2, 0.2], protocol="linear"),
        scored("simclr", [0.3, 0.3], fraction=0.25),
        scored("simclr", [0.4, 0.4], variant="all"),
    )
    found = cells.scores(frame, Cell("simclr"))
    assert found.to_dict() == {(0, 0): 0.7, (1, 1): 0.8}
    other = Cell("simclr", "linear")
    assert cells.scores(frame, other, value="loss").tolist() == [0.8, 0.8]
    assert cells.scores(frame, Cell("simclr", fraction=0.5)).empty
    whichever = Cell("simclr", variant=None)
    assert cells.scores(frame.drop(columns="variant"), whichever).size == 4


def test_a_gap_is_taken_where_both_cells_have_the_draw_and_seed():
    frame = together(scored("simclr", [0.7, 0.8, 0.9]), scored("rotnet", [0.6, 0.9]))
    found = cells.gaps(frame, Cell("simclr"), Cell("rotnet"))
    assert list(found.index) == [(0, 0), (1, 1)]
    assert found.tolist() == pytest.approx([0.1, -0.1])
    moved = frame.assign(seed=frame["seed"] + 10 * (frame["method"] == "rotnet"))
    assert cells.gaps(moved, Cell("simclr"), Cell("rotnet")).empty


def test_sides_are_those_of_their_intervals_in_the_order_of_sentences():
    ends = {"low": [math.nan, -0.1, 0.1, -0.3], "high": [math.nan, 0.1, 0.2, -0.2]}
    found = cells.with_side(pd.DataFrame(ends))
    expected = ["open", "open", "higher", "lower"]
    assert list(found["side"]) == expected
    grouped = found.groupby("side", observed=True).size()
    assert list(grouped.index) == ["higher", "lower", "open"]
    assert set(cells.SIDES) == set(expected)
    assert cells.with_side(pd.DataFrame(columns=["low", "high"])).empty

"""Cells: scores of one arm by draw and seed, their differences, their means."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats
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


def test_means_and_half_intervals_are_those_of_scipy():
    values = np.array([0.62, 0.7, 0.75, 0.8])
    table = cells.means(together(scored("simclr", values.tolist())), classes=4)
    (row,) = table[table["method"] == "simclr"].itertuples()
    _, high = stats.t.interval(0.95, 3, values.mean(), stats.sem(values))
    assert (row.protocol, row.variant, row.fraction) == ("finetune", "base", 0.05)
    assert row.accuracy == pytest.approx(values.mean())
    assert row.accuracy_half == pytest.approx(high - values.mean())
    assert (row.loss, row.loss_half) == pytest.approx(
        (1 - values.mean(), row.accuracy_half)
    )
    assert row.recall == pytest.approx(values.mean() - 0.03)


def test_the_commonest_class_comes_first_at_every_share_with_a_recall_of_one_class():
    frame = together(
        scored("simclr", [0.7, 0.8]),
        scored("rotnet", [0.6, 0.6, 0.6]),
        scored("supervised", [0.9], fraction=1.0),
        scored("supervised", [0.8, 0.8], fraction=0.1),
    )
    table = cells.means(frame, classes=4)
    first = table[table["method"] == cells.COMMONEST]
    assert list(first.index) == [0, 1]
    assert first[["fraction", "draws", "accuracy", "recall"]].to_numpy().tolist() == [
        [0.05, 3, 0.5, 0.25],
        [1.0, 1, 0.5, 0.25],
    ]
    assert first["loss"].isna().all()
    rest = table.iloc[2:]
    assert list(rest["method"]) == ["supervised", "rotnet", "simclr"], "arms' order"
    assert list(rest["draws"]) == [1, 3, 3], "of any arm with that share"
    assert set(table["fraction"]) == {0.05, 1.0}, "10 % is no share of the study"


def test_a_single_run_has_a_mean_and_no_interval():
    row = cells.means(scored("simclr", [0.7]), classes=2).iloc[-1]
    assert row["accuracy"] == 0.7
    assert math.isnan(row["accuracy_half"])
    assert math.isnan(row["loss_half"])


def test_sides_are_those_of_their_intervals_in_the_order_of_sentences():
    ends = {"low": [math.nan, -0.1, 0.1, -0.3], "high": [math.nan, 0.1, 0.2, -0.2]}
    found = cells.with_side(pd.DataFrame(ends))
    expected = ["one pair", "within noise", "higher", "lower"]
    assert list(found["side"]) == expected
    grouped = found.groupby("side", observed=True).size()
    assert list(grouped.index) == ["higher", "lower", "within noise", "one pair"]
    assert set(cells.SIDES) == set(expected)
    assert cells.with_side(pd.DataFrame(columns=["low", "high"])).empty

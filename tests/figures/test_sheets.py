"""Tables of a page: order, labels and text."""

from __future__ import annotations

import math

import pandas as pd

from sslkit.figures import sheets


def test_a_wide_table_keeps_the_order_of_its_rows_and_takes_that_of_arms() -> None:
    cells = pd.DataFrame(
        [
            ("z", "simclr", "1"),
            ("z", "random", "2"),
            ("a", "random", "3"),
            ("a", "another", "4"),
        ],
        columns=["variant", "method", "text"],
    )
    table = sheets.wide(cells, rows="variant")
    assert list(table.index) == ["z", "a"]
    assert list(table.columns) == ["random encoder", "SimCLR", "another"]
    assert table.to_numpy().tolist() == [["2", "1", ""], ["3", "", "4"]]
    assert (table.index.name, table.columns.name) == (None, None)


def test_a_wide_table_can_have_two_columns_of_names_and_an_order_of_its_own() -> None:
    cells = pd.DataFrame(
        [
            ("tissue", "simclr", "linear", "1"),
            ("tissue", "simclr", "knn", "2"),
            ("tissue", "rotnet", "linear", "3"),
            ("photographs", "simclr", "folds", "4"),
        ],
        columns=["data", "method", "protocol", "text"],
    )
    table = sheets.wide(
        cells, rows=["data", "method"], columns="protocol", order=["knn", "linear"]
    )
    assert list(table.index) == [("tissue", "SimCLR"), ("tissue", "RotNet")]
    assert list(table.columns) == ["kNN", "linear probe"]
    assert table.to_numpy().tolist() == [["2", "1"], ["", "3"]]


def test_accuracies_are_means_in_per_cent_and_half_of_their_intervals() -> None:
    summary = pd.DataFrame(
        [
            ("base", "rotnet", 3, 0.612, 0.6, 0.624),
            ("base", "simclr", 1, 0.5, math.nan, math.nan),
        ],
        columns=["variant", "method", "runs", "mean", "low", "high"],
    )
    table = sheets.accuracies(summary, rows="variant")
    assert table.to_numpy().tolist() == [["61.2 ± 1.2", "50.0"]]

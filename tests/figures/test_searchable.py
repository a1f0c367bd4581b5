"""Long tables have the reader's names and true minus signs."""

from __future__ import annotations

import pandas as pd

from sslkit.figures import searchable

CELL = {
    "data": "a<b",
    "profile": "quick",
    "variant": "base",
    "method": "simclr",
    "protocol": "linear",
    "fraction": 0.05,
    "labels": 1240,
    "draws": 5,
    "mean": 81.25,
}


def test_a_cell_reads_as_a_reader_would_say_it() -> None:
    rows = pd.DataFrame(
        [
            CELL | {"seeds": 3, "low": 80.0, "high": 82.5},
            CELL | {"seeds": 0, "low": float("nan"), "high": float("nan")},
        ]
    )
    first, second = searchable.cells(rows).to_dict("records")
    assert first["arm"] == "SimCLR"
    assert first["judged"] == "linear probe"
    assert first["labels"] == "1,240 (5\N{NO-BREAK SPACE}%)"
    assert (first["seeds"], second["seeds"]) == ("3", "")
    assert first["95 % interval"] == "80.0 to 82.5"
    assert second["95 % interval"] == ""
    html = searchable.table(searchable.cells(rows), name="cells")
    assert 'class="dataframe searchable"' in html
    assert 'aria-label="cells"' in html
    assert "a&lt;b" in html


def test_a_loss_has_a_true_minus() -> None:
    row = {"data": "x", "asked": "a, less b", "of": "c", "pairs": 3, "verdict": "open"}
    rows = pd.DataFrame([row | {"mean": -1.24, "low": -3.0, "high": 0.5}])
    (found,) = searchable.differences(rows).to_dict("records")
    assert found["points"] == "\N{MINUS SIGN}1.2"
    assert found["95 % interval"] == "\N{MINUS SIGN}3.0 to +0.5"

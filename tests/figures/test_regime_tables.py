"""Tables of regimes: names, units and text."""

from __future__ import annotations

import math

import pandas as pd

from sslkit.figures import regime_tables
from sslkit.study.progress import Way


def test_ways_of_weights_are_columns_of_text() -> None:
    table = regime_tables.ways(
        {"slow": Way(300, 1.5e-3, 0.0014, 3e-4, 0.0071, 1.04, 0.49)}
    )
    texts = [str(text) for text in table["slow"]]
    assert texts == ["300", "1.5e-03", "1.4e-03", "3.0e-04", "0.7%", "1.04", "49%"]


def test_a_reach_without_a_sum_of_rates_is_left_empty() -> None:
    rows = [
        ("tissue", "base", 90, 3e-3, 0.135),
        ("tissue", "field", 90, 0.013, math.nan),
        ("photographs", "warm", 300, 3e-3, 0.45),
    ]
    columns = ["data", "variant", "steps", "lr", "rates"]
    found = regime_tables.reach(pd.DataFrame(rows, columns=columns))
    assert set(found) == {"tissue", "photographs"}
    table = found["tissue"]
    assert table.columns.name == "tissue"
    names = ["random start: cosine", "random start: SGD as in the field"]
    assert list(table.index) == names
    assert table["highest rate"].tolist() == ["3.0e-03", "1.3e-02"]
    assert table["all rates together"].tolist() == ["1.4e-01", ""]


def test_accuracies_come_by_image_set_and_protocol_under_the_names_of_regimes() -> None:
    rows = [
        ("tissue", "linear", "warm", "simclr", 0, 0.5),
        ("tissue", "linear", "base", "simclr", 0, 0.4),
        ("tissue", "linear", "base", "simclr", 1, 0.4),
        ("tissue", "finetune", "base", "rotnet", 0, 0.6),
    ]
    columns = ["data", "protocol", "variant", "method", "draw", "accuracy"]
    same = {"test": "given", "profile": "quick", "fraction": 0.05, "seed": 0}
    shown = pd.DataFrame(rows, columns=columns).assign(**same)
    found = regime_tables.accuracies(shown)
    assert set(found) == {("tissue", "linear"), ("tissue", "finetune")}
    table = found["tissue", "linear"]
    assert list(table.index) == ["warm start: cosine", "random start: cosine"]
    assert list(table["SimCLR"]) == ["50.0", "40.0 ± 0.0"]
    assert list(found["tissue", "finetune"].columns) == ["RotNet"]


def test_last_epochs_are_counted_in_per_cent() -> None:
    last = pd.DataFrame(
        [("tissue", "base", 3, 1 / 3)], columns=["data", "variant", "runs", "last"]
    )
    table = regime_tables.ended_last(last)["tissue"]
    assert table.loc["random start: cosine"].tolist() == [3, 33]
    assert list(table.columns) == ["runs", "last epoch (%)"]


def test_losses_of_the_pretext_task_go_from_the_first_to_the_last() -> None:
    rows = [("tissue", "warm", "simclr", 5.1, 3.724)]
    columns = ["data", "variant", "method", "first", "last"]
    table = regime_tables.pretext(pd.DataFrame(rows, columns=columns))["tissue"]
    assert table.loc["warm start: cosine", "SimCLR"] == "5.10 → 3.72"


def test_differences_are_listed_in_points_under_the_names_of_both_regimes() -> None:
    row = ("warm", "base", 0.05, "tissue", "finetune", "simclr", 5, 0.074, 0.0, 0.1)
    columns = "variant less fraction data protocol method pairs mean low high".split()
    gaps = pd.DataFrame([row], columns=columns).assign(side="higher")
    table = regime_tables.differences(gaps)
    assert list(table.index) == ["warm start: cosine less random start: cosine"]
    texts = ["tissue", "fine-tuned", "SimCLR", 7.4, 0.0, 10.0]
    assert table.iloc[0].tolist() == texts
    assert list(table.columns) == "images protocol method points low high".split()

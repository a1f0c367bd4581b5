"""The appendix lists what the records hold, each cell and difference once."""

from __future__ import annotations

import pandas as pd
import pytest

from sslkit.study import appendix, gains, published, tables


@pytest.fixture(scope="module")
def colon3() -> pd.DataFrame:
    return tables.table(published.runs("colon3", "study-small"))


def test_every_arm_budget_and_way_of_judging_is_one_row(colon3: pd.DataFrame) -> None:
    rows = appendix.cells(colon3)
    place = ["variant", "method", "protocol", "labels"]
    assert not rows.duplicated(place).any()
    assert len(rows) == len(colon3[place].drop_duplicates())
    own = colon3.query("variant == 'warm' and method == 'rotnet'")
    own = own.query("protocol == 'finetune'")
    found = rows.query("variant == 'warm' and method == 'rotnet'")
    found = found.query("protocol == 'finetune'")
    assert found["mean"].item() == pytest.approx(100 * own["accuracy"].mean())
    assert found["draws"].item() == own["draw"].nunique()


def test_a_set_that_was_divided_in_several_ways_says_how() -> None:
    rows = appendix.cells(tables.table(published.runs("lung3", "study-small")))
    assert set(rows["data"]) == {"lung3 (group)", "lung3 (image)", "lung3 (given)"}


def test_differences_are_the_gains_of_their_names(colon3: pd.DataFrame) -> None:
    rows = appendix.differences(colon3).set_index(["asked", "of"])
    row = rows.loc[("fine-tuned, less supervised", "SimCLR 5 %")]
    found = gains.gain(colon3, "simclr", fraction=0.05, protocol="finetune")
    assert row[["mean", "low", "high"]].tolist() == pytest.approx(list(found[:3]))
    assert row["verdict"] == "lower"
    slow = rows.loc[
        (
            "warm start: constant throughout, less warm start: cosine, fine-tuned",
            "RotNet 5 %",
        )
    ]
    assert slow["mean"] < -15
    assert not rows.index.duplicated().any()


def test_sets_without_records_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(appendix, "SETS", (("quick", "shapes"), ("quick", "moons")))
    assert list(appendix.recorded()) == [("quick", "shapes")]

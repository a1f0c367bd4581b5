"""The study's reports, as they are kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from sslkit.study import reports


def test_printed_accuracies_are_shares_and_a_presumed_protocol_loses_its_mark():
    table = reports.printed().set_index(["report", "method", "regime", "fraction"])
    row = table.loc["A", "rotnet", "schedule", 0.05]
    assert row["accuracy"] == pytest.approx(0.6411)
    assert (row["protocol"], row["judged"]) == ("finetune?", "finetune")
    assert table["accuracy"].between(0, 1).all()


def test_without_the_published_table_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SSLKIT_RESULTS", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"study\.csv"):
        reports.printed()


def test_what_was_printed_is_of_our_arms_and_a_share_beside_the_per_cent() -> None:
    table = reports.of_arms()
    assert "simclr+kidney" not in set(table["method"])
    assert set(table["protocol"]) == {"linear", "finetune", "unsaid"}
    twice = table[(table["method"] == "supervised") & (table["fraction"] == 0.05)]
    assert sorted(twice["mean"]) == pytest.approx([0.5343, 0.6710])

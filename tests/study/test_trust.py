"""Kills and audits summed up, and found where the book keeps them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from sslkit.study import published, trust

KILLS = pd.DataFrame(
    [
        ("run", 1, 0.1, "checkpoints/.*.pt.partial", 0, True),
        ("run", 1, 0.9, "records/*.json", 0, True),
        ("run", 2, 0.5, "encoders/*.json", 0, False),
        ("publish", 1, 0.2, ".base.jsonl.partial", 2, True),
    ],
    columns=["work", "try", "moment", "touched", "torn", "same"],
)
AUDIT = pd.DataFrame(
    [
        ("a", "parts are disjoint", "records", 3, 1),
        ("a", "no double", "test images", 10, 4),
        ("b", "parts are disjoint", "records", 5, 0),
    ],
    columns=["records", "check", "of", "checked", "found"],
)


def test_kills_are_counted_by_kind_of_work_and_works_by_how_they_ended() -> None:
    found = trust.by_work(KILLS)
    assert list(found.index) == ["run", "publish"]  # as they were done
    assert found.loc["run"].tolist() == [3, 1, 0, 2, 1]
    assert found.loc["publish"].tolist() == [1, 1, 2, 1, 0]
    assert list(found) == ["kills", "while writing", "torn files", "works", "differing"]


def test_an_audit_is_counted_by_check_over_all_folders() -> None:
    found = trust.by_check(AUDIT)
    assert found.loc["parts are disjoint"].tolist() == ["records", 8, 1]
    assert found.loc["no double"].tolist() == ["test images", 10, 4]


def test_what_nobody_measured_is_an_error_that_names_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSLKIT_RESULTS", str(tmp_path))
    with pytest.raises(ValueError, match=r"no 'kills\.csv' .*python -m tools\.kill"):
        trust.kills()
    with pytest.raises(ValueError, match=r"no 'audit\.csv' .*python -m tools\.audit"):
        trust.audit()
    KILLS.to_csv(tmp_path / "kills.csv", index=False)
    pd.testing.assert_frame_equal(trust.kills(), KILLS)


def test_the_book_has_both_and_they_bear_its_page_out() -> None:
    assert published.file("kills.csv") is not None
    killed, audit = trust.kills(), trust.audit()
    assert killed["moment"].between(0, 1).all()
    assert killed["same"].all()
    assert not killed["torn"].any()
    assert (audit["found"] <= audit["checked"]).all()

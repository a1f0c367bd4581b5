"""Findings: what a page may state, and what stops it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_runs import done

from sslkit.runs.records import to_frame
from sslkit.study import findings, published


def test_a_finding_speaks_of_committed_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSLKIT_RESULTS", str(tmp_path))
    run = replace(done("simclr", {"linear": 0.5}), history=to_frame({}))
    published.write(tmp_path / "smoke-shapes", [run])
    assert findings.recorded("shapes", "smoke")["accuracy"].tolist() == [0.5]
    with pytest.raises(ValueError, match="no committed records of birds"):
        findings.recorded("birds", "smoke")


def test_a_finding_that_records_bear_out_says_nothing_else_it_is_named() -> None:
    findings.holds(2 > 1, "two are more than one")
    with pytest.raises(findings.NotBorneOut, match="bear out: one is more than two"):
        findings.holds(1 > 2, "one is more than two")


def test_numbers_are_inserted_by_name_and_not_shown(monkeypatch) -> None:
    kept = {}

    def glue(name: str, value: object, display: bool) -> None:
        assert not display
        kept[name] = value

    monkeypatch.setattr("myst_nb.glue", glue)
    findings.insert(gain=np.float64(1.5), studies=np.int64(7))
    assert kept == {"gain": 1.5, "studies": 7}
    assert [type(value) for value in kept.values()] == [float, int]

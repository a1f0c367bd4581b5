"""What records say, on made-up scores, and that what is published says something."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from scored import scored, together

from sslkit.folder import recorded


def test_findings_are_the_differences_of_pairs() -> None:
    frame = together(
        scored("supervised", [0.5, 0.5]),
        scored("supervised", [0.9, 0.9], fraction=1.0),
        scored("supervised-plain", [0.45, 0.47]),
        scored("supervised", [0.6, 0.6], variant="budget, many steps"),
        scored("simclr", [0.7, 0.72], variant="all"),
        scored("simclr", [0.7, 0.7], variant="all", protocol="linear"),
        scored("rotnet", [0.6, 0.58], variant="all"),
    )
    found = {one.what: one for one in recorded.of_scores(frame)}
    assert {name: one.mean for name, one in found.items()} == pytest.approx(
        {
            "simclr": 0.11,
            "rotnet": -0.01,
            "jitter": 0.04,
            "labels": 0.05 + 0.95 * 11 / 30,
        }
    )
    assert {(one.data, one.pairs) for one in found.values()} == {("shapes", 2)}
    assert found["simclr"].low < 0.11 < found["simclr"].high


def test_without_records_nothing_is_said() -> None:
    assert recorded.of_scores(pd.DataFrame()) == []
    assert recorded.findings(("no such set",)) == ()


def test_the_blocks_of_the_largest_tiles_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [("made", 32, 50.0), ("made", 96, 90.0), ("other", 200, 99.0)]
    table = pd.DataFrame(rows, columns=["data", "pixels", "axis (%)"])
    table = table.assign(tiles="as stored", tested=900)
    table.to_csv(tmp_path / "cues.csv", index=False)
    monkeypatch.setenv("SSLKIT_RESULTS", str(tmp_path))
    (found,) = recorded.findings(("made",))
    assert (found.what, found.mean, found.pairs) == ("blocks", 0.9, 900)
    assert found.high - found.low == pytest.approx(2 * 1.96 * 0.01)


def test_published_records_know_of_all_that_advice_may_quote() -> None:
    results = Path(__file__).parents[2] / "book/results"
    tiles = pd.read_csv(results / "cues.csv")
    assert set(recorded.SETS) & set(tiles["data"])
    for name in recorded.SETS:
        assert (results / f"{recorded.PROFILE}-{name}").is_dir()

"""What records say, on made-up scores, and that what is published says something."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from folder.looked import looked
from scored import scored, together

from sslkit.folder import advise, recorded


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
    labels = (1000 * frame["fraction"]).round().astype(int)
    frame = frame.assign(labels=labels, pretraining_seed=frame["draw"])
    found = {one.what: one for one in recorded.of_scores(frame)}
    assert {name: one.mean for name, one in found.items()} == pytest.approx(
        {
            "simclr": 0.11,
            "rotnet": -0.01,
            "jitter": 0.04,
            "labels": 20 ** (11 / 30) / 20,
        }
    )
    assert {(one.data, one.pairs) for one in found.values()} == {("shapes", 2)}
    assert found["simclr"].low < 0.11 < found["simclr"].high


def few(method: str, accuracies: list[float], *, fraction: float = 0.05, **more: Any):
    """Scores of a thousand labels in all; of what is pretrained with two seeds."""
    made = scored(method, accuracies, fraction=fraction, **more)
    made = made.assign(labels=round(1000 * fraction), profile="few-labels")
    if method in ("simclr", "rotnet"):
        other = made.assign(pretraining_seed=1, accuracy=made["accuracy"] + 0.02)
        return together(made.assign(pretraining_seed=0), other)
    return made.assign(pretraining_seed=float("nan"))


def few_labels() -> pd.DataFrame:
    return together(
        few("supervised", [0.50, 0.51, 0.52]),
        few("supervised", [0.89, 0.90, 0.91], fraction=1.0),
        few("supervised", [0.80, 0.80, 0.80], variant="as many updates"),
        few("simclr", [0.69, 0.70, 0.71]),
        few("simclr", [0.30, 0.30, 0.30], protocol="linear"),
        few("rotnet", [0.50, 0.50, 0.50]),
    )


def test_findings_of_few_labels_are_gains_over_draws_and_seeds() -> None:
    found = {one.what: one for one in recorded.of_few_labels(few_labels())}
    assert found["simclr"].mean == pytest.approx(0.20)
    assert found["rotnet"].mean == pytest.approx(0.0)
    assert found["simclr"].low < 0.20 < found["simclr"].high
    assert found["labels"].mean == pytest.approx(20 ** (0.2 / 0.39) / 20)
    assert {one.pairs for one in found.values()} == {3}
    assert set(found) == {"simclr", "rotnet", "labels"}
    assert "jitter" not in found, "there is no training without it to compare"


def test_what_is_not_done_yet_is_not_said() -> None:
    frame = few_labels()
    assert recorded.of_few_labels(frame[frame["method"] == "simclr"]) == []
    part = frame[(frame["method"] == "supervised") | (frame["method"] == "rotnet")]
    assert [one.what for one in recorded.of_few_labels(part)] == ["rotnet"]


def test_the_records_of_few_labels_are_preferred_for_images_of_a_kind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    older = together(
        scored("supervised", [0.5, 0.5]),
        scored("supervised-plain", [0.45, 0.47]),
        scored("supervised", [0.6, 0.6], variant="budget, many steps"),
        scored("simclr", [0.7, 0.72], variant="all"),
    )
    there = {
        ("cifar10", "few-labels"): few_labels().assign(data="cifar10"),
        ("cifar3", "study-small"): older.assign(data="cifar3"),
        ("colon3", "study-small"): older.assign(data="colon3"),
    }
    nothing = pd.DataFrame()
    monkeypatch.setattr(recorded, "_blocks", lambda name: [])
    monkeypatch.setattr(recorded, "_table", lambda *source: there.get(source, nothing))
    found = recorded.findings.__wrapped__()
    assert [(one.what, one.data) for one in found] == [
        ("simclr", "cifar10"),
        ("rotnet", "cifar10"),
        ("labels", "cifar10"),
        ("simclr", "colon3"),  # tissue, of which there is none of few labels
        ("jitter", "colon3"),
        ("jitter", "cifar3"),  # which those of photographs do not say
    ]
    said = advise.simclr(looked(), found)
    assert said.basis == "recorded on cifar10 and colon3"
    assert "on cifar10 (photographs)" in said.why


def test_without_records_nothing_is_said() -> None:
    assert recorded.of_scores(pd.DataFrame()) == []
    assert recorded.of_few_labels(pd.DataFrame()) == []
    assert recorded.findings(("no such set",)) == ()


def test_the_blocks_of_the_largest_tiles_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [("made", 32, 50.0), ("made", 96, 90.0), ("other", 200, 99.0)]
    table = pd.DataFrame(rows, columns=["data", "pixels", "axis (%)"])
    table = table.assign(tiles="as stored", tested=900)
    table.to_csv(tmp_path / "cues.csv", index=False)
    monkeypatch.setenv("SSLKIT_RESULTS", str(tmp_path))
    (found,) = recorded.findings.__wrapped__(("made",))
    assert (found.what, found.mean, found.pairs) == ("blocks", 0.9, 900)
    assert found.high - found.low == pytest.approx(2 * 1.96 * 0.01, rel=0.01)


@pytest.mark.parametrize("told", [0.0, 100.0])
def test_an_interval_of_blocks_stays_within_all_and_leaves_doubt(
    told: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = {"data": "made", "pixels": 96, "tiles": "as stored", "tested": 20}
    pd.DataFrame([row | {"axis (%)": told}]).to_csv(tmp_path / "cues.csv")
    monkeypatch.setenv("SSLKIT_RESULTS", str(tmp_path))
    (found,) = recorded.findings.__wrapped__(("made",))
    assert 0 <= found.low <= found.mean <= found.high <= 1
    assert found.high - found.low == pytest.approx(1.96**2 / (20 + 1.96**2), rel=1e-3)


def test_published_records_know_of_all_that_advice_may_quote() -> None:
    results = Path(__file__).parents[2] / "book/results"
    tiles = pd.read_csv(results / "cues.csv")
    assert set(recorded.SETS) & set(tiles["data"])
    there = {name for name in recorded.SETS for folder in results.iterdir()
             if folder.name.endswith(f"-{name}")}  # fmt: skip
    assert {"tissue", "photographs"} <= {recorded.SETS[name] for name in there}

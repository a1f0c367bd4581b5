"""Shares that suffice and bills, on made-up scores."""

from __future__ import annotations

import math

import pytest
from made_labels import NOISY, line, scored, supervised, together

from sslkit.study import exchange
from sslkit.study.crossed import apart, crossed
from sslkit.study.label_efficiency import bill, share_of_full

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture(autouse=True)
def fewer_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "RESAMPLES", 200)


# ------------------------------------------------------------ shares that suffice


def test_the_smallest_budget_within_a_point_of_all_labels_is_found():
    top = line(10_000)
    means = {10: top - 0.2, 100: top - 0.012, 500: top - 0.005, 1000: top + 0.002}
    frame = together(supervised(), scored("simclr", {**means, 2500: top + 0.03}))
    found = share_of_full(frame, "simclr")
    assert (found.labels, found.fraction) == (500, 0.05)
    said = found.by_budget.set_index("labels")["verdict"].to_dict()
    assert said == {
        10: "lower",
        100: "lower",
        500: "within",
        1000: "within",
        2500: "higher",
    }
    assert share_of_full(frame, "simclr", within=1.5).labels == 100


def test_an_interval_that_reaches_over_a_bound_is_open_and_none_may_be_within():
    top = line(10_000)
    arm = scored("simclr", {100: top - 0.01, 500: top - 0.3}, spread=NOISY)
    frame = together(supervised(spread=NOISY), arm)
    found = share_of_full(frame, "simclr")
    assert math.isnan(found.labels)
    assert found.by_budget["verdict"].tolist() == ["open", "lower"]
    full = 100 * frame.query("method == 'supervised' and labels == 10_000")["accuracy"]
    ours = 100 * arm[arm["labels"] == 100].pivot(
        index="draw", columns="pretraining_seed", values="accuracy"
    )
    row = found.by_budget.iloc[0]
    expected = apart(crossed(ours), crossed(full))
    assert (row["mean"], row["low"], row["high"]) == pytest.approx(expected)


# -------------------------------------------------------------------------- bills


def test_a_bill_sets_hours_against_labels():
    arm = scored("simclr", {100: line(800), 500: line(2000)}, seconds=(900, 36))
    short = scored(
        *("simclr", {100: line(200)}),
        variant="50000 images, 500 steps",
        seconds=(90, 36),
    )
    frame = together(supervised(seconds=(0, 180)), arm, short)
    table = bill(frame, "simclr", variants=("base", "50000 images, 500 steps"))
    assert table["labels"].tolist() == [100, 500, 100]
    assert table["pretraining"].tolist() == pytest.approx([0.25, 0.25, 0.025])
    assert table["hours"].tolist() == pytest.approx([0.26, 0.26, 0.035])
    assert table["alone"].tolist() == pytest.approx([0.05] * 3)
    assert table["worth"].tolist() == pytest.approx([800, 2000, 200])
    assert table["saved"].tolist() == pytest.approx([700, 1500, 100])
    assert table["variant"].nunique() == 2
    assert set(zip(table["start"], table["end"], strict=True)) == {(10, 10_000)}
    some = bill(frame, "simclr", labels=[500])
    assert some["saved"].tolist() == pytest.approx([1500])


def test_a_bill_of_what_beats_every_budget_is_open_ended():
    frame = together(supervised(), scored("simclr", {100: 0.95, 300: 0.1}))
    table = bill(frame, "simclr")
    assert table["saved"].tolist() == [math.inf, -math.inf]
    assert math.isnan(table["alone"][1]), "no supervised run has 300 labels"

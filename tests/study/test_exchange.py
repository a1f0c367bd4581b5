"""Label equivalents, shares that suffice and bills, on made-up scores."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from made_labels import BUDGETS, scored, together

from sslkit.study import exchange
from sslkit.study.crossed import apart, crossed
from sslkit.study.exchange import bill, share_of_full, worth

pytestmark = pytest.mark.filterwarnings("error")

NOISY = (0.01, 0.005, 0.003)


@pytest.fixture(autouse=True)
def fewer_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "RESAMPLES", 200)


def line(labels: float) -> float:
    """Accuracy that is a straight line of the logarithm of labels."""
    return 0.2 + 0.15 * math.log10(labels)


def supervised(**options: object) -> pd.DataFrame:
    means = {n: line(n) for n in BUDGETS}
    return scored("supervised", means, protocol="finetune", seeds=0, **options)


@pytest.mark.parametrize("true", [10, 37, 500, 800, 10_000])
def test_on_a_line_of_log_labels_the_equivalent_is_exact(true):
    frame = together(supervised(), scored("simclr", {100: line(true)}))
    found = worth(frame, "simclr", labels=100)
    assert found[:3] == pytest.approx((true, true, true))
    assert found[3:] == (100, 10, 10_000, None, 5, 3)


def test_beyond_the_curve_an_equivalent_is_censored():
    frame = together(
        supervised(),
        scored("simclr", {100: 0.95}),
        scored("rotnet", {100: 0.1}),
    )
    assert worth(frame, "simclr", labels=100)[:3] == (math.inf,) * 3
    assert worth(frame, "rotnet", labels=100)[:3] == (-math.inf,) * 3


def test_an_interval_may_leave_the_curve_on_one_side():
    near = scored("simclr", {100: line(9000)}, spread=(0, 0.02, 0))
    found = worth(together(supervised(), near), "simclr", labels=100)
    assert math.isfinite(found.low)
    assert found.high == math.inf


def test_the_interval_holds_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(0)
    tables, held = 60, 0
    for i in range(tables):
        base = supervised().sort_values(["labels", "draw"])
        base["accuracy"] += 0.01 * rng.normal(size=len(base))
        arm = scored("simclr", {100: line(800)})
        wide = 0.01 * rng.normal(size=(5, 1)) + 0.01 * rng.normal(size=(1, 3))
        arm["accuracy"] += wide.ravel()  # draw by draw, seed by seed
        found = worth(together(base, arm), "simclr", labels=100, seed=i)
        held += found.low <= 800 <= found.high
    assert 0.87 < held / tables <= 1


def test_pairs_are_kept_at_the_budget_that_both_have():
    """What equals supervised training with its labels is worth just these."""
    base = supervised(spread=(0.02, 0, 0))
    arm = base[base["labels"] == 500].assign(method="selftrain", protocol="selftrain")
    found = worth(together(base, arm), "selftrain", labels=500)
    assert found[:3] == pytest.approx((500, 500, 500))
    turned = arm.assign(accuracy=2 * line(500) - arm["accuracy"])
    wide = worth(together(base, turned), "selftrain", labels=500)
    assert wide.low < 450
    assert wide.high > 550


def test_where_the_curve_is_flat_the_interval_holds_all_of_it():
    """Between 100 and 1,000 labels supervised training does not rise."""
    heights = dict(zip(BUDGETS, (0.4, 0.6, 0.62, 0.58, 0.7, 0.8), strict=True))
    base = scored("supervised", heights, protocol="finetune", seeds=0)
    just = together(base, scored("simclr", {10: 0.6}))
    found = worth(just, "simclr", labels=10)
    assert found.flat == (100, 1000)
    assert (found.low, found.high) == (100, 1000)
    above = worth(together(base, scored("simclr", {10: 0.7})), "simclr", labels=10)
    assert above.flat is None
    assert above[:3] == pytest.approx((2500,) * 3)
    near = scored("simclr", {10: 0.605}, spread=(0, 0.02, 0))
    wide = worth(together(base, near), "simclr", labels=10)
    assert wide.flat == (100, 1000)
    assert wide.low <= 100
    assert wide.high >= 1000


def test_a_wider_spread_of_encoders_gives_a_wider_interval():
    arms = {
        wide: scored("simclr", {100: line(800)}, spread=(0, wide, 0))
        for wide in (0.001, 0.01)
    }
    narrow, wide = (
        worth(together(supervised(), arm), "simclr", labels=100)
        for arm in arms.values()
    )
    assert narrow.low / wide.low > 1 > narrow.high / wide.high


def test_a_single_run_has_an_equivalent_and_no_interval():
    arm = scored("simclr", {100: line(800)}, draws=1, seeds=1)
    found = worth(together(supervised(), arm), "simclr", fraction=0.01)
    assert found.labels == pytest.approx(800)
    assert math.isnan(found.low)
    assert math.isnan(found.high)


def test_a_curve_takes_two_budgets():
    frame = together(supervised(), scored("simclr", {100: 0.5}))
    with pytest.raises(ValueError, match="with two budgets or more"):
        worth(frame[frame["labels"] == 100], "simclr", labels=100)


def test_curves_are_made_monotone_as_scikit_learn_does():
    from sklearn.isotonic import isotonic_regression

    rows = np.random.default_rng(0).normal(size=(200, 11)) + np.linspace(0, 2, 11)
    rows[:20] = rows[:20].round()  # with ties
    expected = np.apply_along_axis(isotonic_regression, 1, rows)
    np.testing.assert_allclose(exchange.monotone(rows), expected, atol=1e-12)


def test_the_same_seed_gives_the_same_interval():
    arm = scored("simclr", {100: line(800)}, spread=NOISY)
    frame = together(supervised(spread=NOISY), arm)
    one, other = (worth(frame, "simclr", labels=100, seed=3) for _ in range(2))
    assert one == other


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

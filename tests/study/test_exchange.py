"""Label equivalents on made-up scores."""

from __future__ import annotations

import math

import numpy as np
import pytest
from made_labels import BUDGETS, NOISY, line, scored, supervised, together

from sslkit.study import exchange
from sslkit.study.exchange import worth

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture(autouse=True)
def fewer_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "RESAMPLES", 200)


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

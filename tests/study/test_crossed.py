"""Intervals of draws x seeds: by hand, and by how often they hold the truth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from sslkit.study.crossed import apart, crossed, one_encoder, verdict

pytestmark = pytest.mark.filterwarnings("error")


def made(
    rng: np.random.Generator,
    shape: tuple[int, int],
    of_draws: float,
    of_seeds: float,
    of_rest: float,
) -> NDArray:
    """A table around zero with these standard deviations."""
    draws, seeds = shape
    return (
        of_draws * rng.normal(size=(draws, 1))
        + of_seeds * rng.normal(size=(1, seeds))
        + of_rest * rng.normal(size=shape)
    )


def test_two_draws_and_two_seeds_by_hand():
    """Rows have means 2 and 7, columns 3 and 6, and 1 is left over in each cell.

    Sums of squares 25, 9 and 1, each with one degree of freedom: the variance of the
    mean is (25 + 9 - 1) / 4.
    """
    found = crossed([[1, 3], [5, 9]])
    assert (found.mean, found.draws, found.seeds) == (4.5, 2, 2)
    assert found.of_draws == pytest.approx(math.sqrt((25 - 1) / 2))
    assert found.of_seeds == pytest.approx(math.sqrt((9 - 1) / 2))
    assert found.of_rest == pytest.approx(1)
    assert found.error == pytest.approx(math.sqrt(33 / 4))
    assert found.freedom == pytest.approx(33**2 / (25**2 + 9**2 + 1))
    half = stats.t.ppf(0.975, found.freedom) * found.error
    assert (found.low, found.high) == pytest.approx((4.5 - half, 4.5 + half))


def test_mean_squares_are_those_of_the_sums_written_out():
    x = made(np.random.default_rng(0), (5, 3), 2, 3, 1)
    grand = x.mean()
    draws = sum(3 * (row.mean() - grand) ** 2 for row in x) / 4
    seeds = sum(5 * (column.mean() - grand) ** 2 for column in x.T) / 2
    rest = 0.0
    for i in range(5):
        for j in range(3):
            rest += (x[i, j] - x[i].mean() - x[:, j].mean() + grand) ** 2 / 8
    found = crossed(x)
    assert found.error**2 == pytest.approx((draws + seeds - rest) / 15)
    assert found.of_draws**2 == pytest.approx((draws - rest) / 3)
    assert found.of_seeds**2 == pytest.approx((seeds - rest) / 5)
    assert found.of_rest**2 == pytest.approx(rest)


@pytest.mark.parametrize("shape", [(5, 3), (10, 3)])
@pytest.mark.parametrize(
    "deviations",
    [(3, 1, 1), (1, 3, 1), (2, 2, 1), (3, 0, 1), (0, 3, 1), (0.5, 1, 0.5)],
)
def test_the_interval_holds_the_truth_as_often_as_it_says(shape, deviations):
    rng = np.random.default_rng(1)
    tables = 2000
    found = [crossed(made(rng, shape, *deviations)) for _ in range(tables)]
    held = sum(one.low <= 0 <= one.high for one in found) / tables
    assert 0.92 <= held <= 0.98


def test_cells_taken_as_independent_would_hold_it_far_too_seldom():
    rng = np.random.default_rng(2)
    hits = {"ours": 0, "naive": 0}
    for _ in range(1000):
        x = made(rng, (5, 3), 1, 2, 1)
        ours, naive = crossed(x), crossed(x.ravel())
        hits["ours"] += ours.low <= 0 <= ours.high
        hits["naive"] += naive.low <= 0 <= naive.high
    assert hits["naive"] < 700 < 920 < hits["ours"]


def test_where_nothing_but_the_rest_varies_the_interval_errs_on_the_wide_side():
    rng = np.random.default_rng(3)
    found = [crossed(made(rng, (5, 3), 0, 0, 1)) for _ in range(1000)]
    assert sum(one.low <= 0 <= one.high for one in found) >= 950


def test_the_components_are_those_that_made_the_data():
    x = made(np.random.default_rng(4), (1500, 1500), 3, 2, 1)
    found = crossed(x)
    parts = found.of_draws, found.of_seeds, found.of_rest
    assert parts == pytest.approx((3, 2, 1), rel=0.1)


def test_seeds_that_differ_less_than_the_rest_leave_the_interval_of_the_draws():
    """Each draw has the same mean, 0, over seeds that all have the mean 2."""
    x = np.array([[1, 3, 2], [3, 5, 1], [2, -2, 3]]) * 1.0
    assert x.mean(axis=0) == pytest.approx([2, 2, 2])
    found, alone = crossed(x), crossed(x.mean(axis=1))
    assert found.of_seeds == 0
    assert (found.low, found.high) == pytest.approx((alone.low, alone.high))
    turned = crossed(x.T)
    assert turned.of_draws == 0
    assert (turned.low, turned.high) == pytest.approx((found.low, found.high))


def test_one_seed_gives_the_interval_over_draws_and_says_that_it_is_of_one_encoder():
    x = np.array([0.1, 0.4, 0.2, 0.6])
    found = crossed(x[:, None])
    test = stats.ttest_1samp(x, 0)
    low, high = test.confidence_interval()
    assert (found.low, found.high, found.p) == pytest.approx((low, high, test.pvalue))
    assert (found.draws, found.seeds) == (4, 1)
    assert found.of_draws == pytest.approx(x.std(ddof=1))
    assert math.isnan(found.of_seeds)
    assert math.isnan(found.of_rest)


def test_without_seeds_it_is_the_interval_over_draws():
    found = crossed([0.1, 0.4, 0.2, 0.6])
    assert (found.draws, found.seeds, found.freedom) == (4, 0, 3)
    assert found.mean == pytest.approx(0.325)


def test_one_draw_gives_the_interval_over_seeds():
    found = crossed([[0.1, 0.4, 0.2]])
    assert (found.draws, found.seeds) == (1, 3)
    assert found.of_seeds == pytest.approx(np.std([0.1, 0.4, 0.2], ddof=1))
    assert math.isnan(found.of_draws)


@pytest.mark.parametrize("values", [[0.3], [[0.3]]])
def test_a_single_value_has_a_mean_and_no_interval(values):
    found = crossed(values)
    assert found.mean == 0.3
    assert math.isnan(found.low)
    assert math.isnan(found.high)
    assert math.isnan(found.p)


def test_equal_values_have_an_interval_of_no_width():
    found = crossed(np.full((5, 3), 0.25))
    assert (found.low, found.mean, found.high) == (0.25, 0.25, 0.25)
    assert found.p == 0
    assert crossed(np.zeros((5, 3))).p == 1


@pytest.mark.parametrize("values", [[], [[]], [[1, math.nan], [2, 3]], [[[1.0]]]])
def test_what_is_not_a_complete_table_is_refused(values):
    with pytest.raises(ValueError, match="draws x seeds"):
        crossed(values)


def test_independent_means_are_compared_as_welch_does():
    rng = np.random.default_rng(5)
    one, other = rng.normal(size=5), 3 + 2 * rng.normal(size=3)
    test = stats.ttest_ind(one, other, equal_var=False)
    low, high = test.confidence_interval()
    found = apart(crossed(one), crossed(other))
    assert found == pytest.approx((one.mean() - other.mean(), low, high))


def test_means_without_an_interval_leave_none_and_exact_ones_an_exact_one():
    mean, low, high = apart(crossed([1.0, 2.0]), crossed([1.0]))
    assert mean == 0.5
    assert math.isnan(low)
    assert math.isnan(high)
    assert apart(crossed([2.0, 2.0]), crossed([1.0, 1.0])) == (1, 1, 1)
    exact = apart(crossed([1.0, 2.0, 4.0]), crossed([1.0, 1.0]))
    alone = crossed([0.0, 1.0, 3.0])
    assert exact == pytest.approx(alone[:3])


def test_one_encoder_varies_by_all_components_and_its_losses_are_counted():
    found = one_encoder([[1, 3], [5, -9]])
    parts = crossed([[1, 3], [5, -9]])[5:8]
    assert found.deviation == pytest.approx(math.sqrt(sum(x**2 for x in parts)))
    assert found.loses == 0.25
    alone = one_encoder([0.1, -0.2, -0.3, 0.4])
    assert alone == pytest.approx((np.std([0.1, -0.2, -0.3, 0.4], ddof=1), 0.5))
    assert math.isnan(one_encoder([[0.1], [0.2]]).deviation)


def test_an_interval_above_zero_is_higher_below_it_lower_and_else_open():
    assert verdict(0.1, 0.2) == "higher"
    assert verdict(-0.2, -0.1) == "lower"
    assert verdict(-0.1, 0.2) == verdict(0, 0.2) == verdict(-0.1, 0) == "open"
    assert verdict(math.nan, math.nan) == "open"

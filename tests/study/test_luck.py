"""Luck: spread, wrong orders and the two kinds of intervals, against sums by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from sslkit.study import luck, tables

SAME = {"data": "one", "test": "given", "profile": "quick", "variant": "base"}
ROWS = SAME | {"fraction": 0.05, "protocol": "finetune"}


def runs(method: str, accuracies: list[float], **changes: object) -> pd.DataFrame:
    """A run a draw, with a seed of the same number."""
    return pd.DataFrame(
        ROWS
        | {"method": method, "draw": draw, "seed": draw, "accuracy": accuracy}
        | {"low": accuracy - 0.1, "high": accuracy + 0.2, "n_test": 100}
        | changes
        for draw, accuracy in enumerate(accuracies)
    )


# ------------------------------------------------------------- draws and seeds


@pytest.fixture
def several() -> pd.DataFrame:
    """Three draws; two of them with two seeds, of another variant."""
    values = {(0, 0): 0.50, (0, 10): 0.54, (1, 1): 0.60, (1, 11): 0.64, (2, 2): 0.99}
    return pd.DataFrame(
        ROWS
        | {"method": "simclr", "draw": draw, "seed": seed, "accuracy": accuracy}
        | {"variant": "seeds" if seed >= 10 else "base"}
        for (draw, seed), accuracy in values.items()
    )


def test_runs_that_tell_draws_from_seeds_are_those_of_both_variants_at_one_share(
    several: pd.DataFrame,
) -> None:
    others = [several.assign(fraction=0.25), several.assign(variant="warm")]
    found = luck.nested(pd.concat([several, *others]), fraction=0.05)
    pd.testing.assert_frame_equal(found, several)


def test_the_part_of_the_labels_is_that_of_the_variance_by_hand(
    several: pd.DataFrame,
) -> None:
    other = several.assign(data="two", accuracy=[0.5, 0.6, 0.5, 0.6, 0.5])
    found = luck.labels_part(pd.concat([several, other])).set_index("data")
    within = 0.04**2 / 2  # of two values that far apart
    between = 0.10**2 / 2 - within / 2
    assert list(found.index) == ["one", "two"]
    assert found.loc["one", "part"] == pytest.approx(between / (between + within))
    assert found.loc["two", "part"] == 0, "the means of the draws are the same"
    assert found.loc["two", "of_seeds"] == pytest.approx(0.1 / math.sqrt(2))


def test_without_several_seeds_there_is_no_part(several: pd.DataFrame) -> None:
    assert luck.labels_part(several[several["variant"] == "base"]).empty
    assert luck.labels_part(several.iloc[:0]).empty


# ------------------------------------------------------------- the wrong order


def test_chances_are_those_of_the_normal_distribution_by_hand() -> None:
    arm, base = [0.60, 0.70, 0.50, 0.64], [0.58, 0.60, 0.56, 0.50]
    frame = pd.concat([runs("simclr", arm), runs("supervised", base)])
    (row,) = luck.chances(tables.pairs(frame)).to_dict("records")
    gap = np.subtract(arm, base)
    unrelated = math.sqrt(np.var(arm, ddof=1) + np.var(base, ddof=1))
    assert row["pairs"] == 4
    assert row["mean"] == pytest.approx(gap.mean())
    assert row["alone"] == pytest.approx(np.std(arm, ddof=1))
    assert row["unrelated"] == pytest.approx(unrelated)
    assert row["paired"] == pytest.approx(gap.std(ddof=1))
    expected = stats.norm(gap.mean(), unrelated).cdf(0)
    assert row["wrong_unrelated"] == pytest.approx(expected)
    expected = stats.norm(gap.mean(), gap.std(ddof=1)).cdf(0)
    assert row["wrong_paired"] == pytest.approx(expected)
    assert row["contrary"] == 1


def test_a_pair_contradicts_a_negative_mean_where_the_arm_is_higher() -> None:
    frame = pd.concat([runs("simclr", [0.5, 0.5, 0.7]), runs("supervised", [0.6] * 3)])
    (row,) = luck.chances(tables.pairs(frame)).to_dict("records")
    assert row["mean"] < 0
    assert row["contrary"] == 1


def test_an_arm_with_a_single_pair_has_no_chance() -> None:
    frame = pd.concat([runs("simclr", [0.6]), runs("supervised", [0.5])])
    assert luck.chances(tables.pairs(frame)).empty


@pytest.mark.parametrize("deviation", [0.005, 0.01, 0.02, 0.03, 0.05])
def test_the_runs_needed_give_the_interval_and_one_less_does_not(
    deviation: float,
) -> None:
    needed = luck.runs_needed(deviation)
    low, high = stats.t.interval(0.95, needed - 1, 0, deviation / math.sqrt(needed))
    assert high - low <= 0.04
    fewer = needed - 1
    if fewer >= 2:
        low, high = stats.t.interval(0.95, fewer - 1, 0, deviation / math.sqrt(fewer))
        assert high - low > 0.04


def test_twice_the_interval_takes_as_many_runs_as_half_the_deviation() -> None:
    assert luck.runs_needed(0.06, half=0.04) == luck.runs_needed(0.03)
    assert luck.runs_needed(0.0) == 2


# ----------------------------------------------------------------- luck alone


def test_luck_alone_is_a_t_test_of_two_single_runs_with_equal_means() -> None:
    few, many = [0.60, 0.66, 0.63, 0.61], [0.62, 0.64, 0.70]
    frame = pd.concat([runs("rotnet", few), runs("rotnet", many, fraction=0.25)])
    found = luck.by_luck(frame, 0.03, method="rotnet", fractions=(0.05, 0.25))
    (row,) = found.to_dict("records")
    deviation = math.sqrt(np.var(few, ddof=1) + np.var(many, ddof=1))
    assert (row["draws"], row["pairs"]) == (3, 3)
    assert row["falls"] == 1, "0.66 to 0.64"
    assert row["deviation"] == pytest.approx(deviation)
    luckless = stats.t(2, 0, deviation)
    assert row["chance"] == pytest.approx(luckless.cdf(-0.03) + luckless.sf(0.03))
    interval = stats.t.interval(0.95, 2, 0.03, deviation)
    assert (row["low"], row["high"]) == pytest.approx(interval)


def test_luck_makes_a_step_within_noise_in_more_than_five_of_a_hundred_cases() -> None:
    frame = runs("rotnet", [0.60, 0.66, 0.63])
    sides = set()
    for step in np.linspace(-0.4, 0.4, 41):
        arms = {"method": "rotnet", "fractions": (0.05, 0.05)}
        (row,) = luck.by_luck(frame, step, **arms).to_dict("records")
        side = tables.side(row["low"], row["high"])
        assert (row["chance"] > 0.05) == (side == "within noise")
        sides.add(side)
    assert sides == {"lower", "within noise", "higher"}


def test_luck_is_asked_by_data_set_and_variant_where_there_are_two_draws() -> None:
    frame = pd.concat(
        [
            runs("rotnet", [0.6, 0.7]),
            runs("rotnet", [0.6, 0.8], variant="constant"),
            runs("rotnet", [0.6], variant="warm"),
            runs("rotnet", [0.6, 0.7, 0.8], data="two"),
            runs("simclr", [0.1, 0.9], data="three"),
            runs("rotnet", [0.1, 0.9], data="four", protocol="linear"),
        ]
    )
    found = luck.by_luck(frame, 0.1, method="rotnet", fractions=(0.05, 0.05))
    names = list(zip(found["data"], found["variant"], strict=True))
    assert names == [("one", "base"), ("one", "constant"), ("two", "base")]
    assert found["draws"].tolist() == [2, 2, 3]


# ----------------------------------------------------------- two kinds of luck


def test_half_a_width_is_that_of_scipy() -> None:
    low, high = stats.norm.interval(0.95, 0.7, math.sqrt(0.7 * 0.3 / 150))
    assert luck.half_width(0.7, 150) == pytest.approx((high - low) / 2, rel=1e-4)


def test_two_kinds_are_means_over_runs_and_over_arms() -> None:
    one = pd.concat([runs("simclr", [0.5, 0.7]), runs("supervised", [0.5, 0.9])])
    found = luck.two_kinds(pd.concat([one, runs("simclr", [0.5, 0.5], data="two")]))
    first, second = found.to_dict("records")
    assert (first["data"], first["images"]) == ("one", 100)
    assert first["bootstrap"] == pytest.approx(0.15)
    roots = [math.sqrt(p * (1 - p) / 100) for p in (0.5, 0.7, 0.5, 0.9)]
    assert first["formula"] == pytest.approx(1.96 * sum(roots) / 4)
    spread = (0.2 + 0.4) / 2 / math.sqrt(2)
    assert first["single"] == pytest.approx(1.96 * spread)
    assert (second["data"], second["single"]) == ("two", 0)

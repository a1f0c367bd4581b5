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


# ----------------------------------------------------------------- luck alone


# ----------------------------------------------------------- two kinds of luck

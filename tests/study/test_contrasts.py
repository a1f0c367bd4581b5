"""Named contrasts, spread of draws and seeds: against known ones."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from sslkit.study import contrasts
from sslkit.study.contrasts import Contrast, spread

pytestmark = pytest.mark.filterwarnings("error")

COLUMNS = ["method", "protocol", "fraction", "draw", "seed", "accuracy"]


def arm(
    method: str,
    values: Sequence[float],
    *,
    protocol: str = "finetune",
    fraction: float = 0.05,
) -> pd.DataFrame:
    """A run a draw, with a seed of the same number."""
    rows = [
        (method, protocol, fraction, draw, draw, value)
        for draw, value in enumerate(values)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


# ------------------------------------------------------------------- contrasts


def test_a_contrast_is_the_paired_t_test_of_scipy():
    rng = np.random.default_rng(0)
    ours, theirs = rng.random(8), rng.random(8)
    frame = pd.concat([arm("simclr", ours), arm("supervised", theirs)])
    (row,) = contrasts.contrasts(frame.sample(frac=1, random_state=1)).itertuples()
    test = stats.ttest_rel(ours, theirs)
    low, high = test.confidence_interval()
    assert (row.method, row.against, row.pairs) == ("simclr", "supervised", 8)
    found = row.mean, row.low, row.high, row.p
    assert found == pytest.approx(((ours - theirs).mean(), low, high, test.pvalue))
    assert row.holm == row.p, "alone, so nothing to correct for"


def test_only_runs_with_the_same_labels_and_seed_are_compared():
    frame = pd.concat([arm("simclr", [0.7, 0.8, 0.9]), arm("supervised", [0.6, 0.6])])
    (row,) = contrasts.contrasts(frame).itertuples()
    assert (row.pairs, row.mean) == (2, pytest.approx(0.15))
    other = frame.assign(seed=frame["seed"] + 10 * (frame["method"] == "simclr"))
    assert contrasts.contrasts(other).empty


def test_a_contrast_takes_its_own_protocol_share_and_column():
    frame = pd.concat(
        [
            arm("simclr", [0.9, 0.8], protocol="linear"),
            arm("simclr", [0.1, 0.1]),
            arm("simclr", [0.2, 0.2], protocol="linear", fraction=0.25),
            arm("random", [0.5, 0.5], protocol="linear"),
        ]
    ).assign(loss=lambda rows: 1 - rows["accuracy"])
    named = (Contrast("simclr", "linear", "random", "linear"),)
    assert contrasts.contrasts(frame, named)["mean"].item() == pytest.approx(0.35)
    loss = contrasts.contrasts(frame, named, value="loss")
    assert loss["mean"].item() == pytest.approx(-0.35)


def test_one_pair_has_a_mean_and_no_test_and_does_not_count():
    one = pd.concat([arm("simclr", [0.7]), arm("supervised", [0.6])])
    table = contrasts.contrasts(one)
    assert table["mean"].item() == pytest.approx(0.1)
    assert table[["low", "high", "p", "holm"]].isna().all(axis=None)
    more = pd.concat([one, arm("rotnet", [0.7]), arm("rotnet-jitter", [0.9])])
    assert contrasts.contrasts(more)["holm"].isna().all()
    assert len(contrasts.contrasts(more)) == 4, "random is missing"


def test_holm_by_hand():
    """Holm's steps: 0.005 times 4, 0.01 times 3, 0.03 times 2, 0.04, never falling."""
    p = np.array([0.01, 0.04, 0.03, 0.005])
    assert contrasts.holm(p) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert contrasts.holm(np.array([0.7, 0.6])).tolist() == [1, 1]
    some = contrasts.holm(np.array([0.02, math.nan, 0.01]))
    assert some[[0, 2]] == pytest.approx([0.02, 0.02])
    assert math.isnan(some[1])


def test_all_contrasts_that_can_be_made_count_for_the_correction():
    rng = np.random.default_rng(3)
    names = {one.method for one in contrasts.NAMED} | {"supervised"}
    frame = pd.concat(
        [arm(name, 0.7 + 0.02 * rng.normal(size=10)) for name in sorted(names)]
        + [arm("simclr", 0.8 + 0.02 * rng.normal(size=10), protocol="linear")]
        + [arm("random", 0.6 + 0.02 * rng.normal(size=10), protocol="linear")]
    )
    table = contrasts.contrasts(frame)
    assert len(table) == len(contrasts.NAMED) == 5
    ranks = table["p"].rank().astype(int)
    last = 0.0
    for rank in range(1, 6):
        p, holm = table.loc[ranks == rank, ["p", "holm"]].iloc[0]
        last = min(1, max(last, p * (6 - rank)))
        assert holm == pytest.approx(last)
    assert table["holm"].min() < 1e-6 < table["p"].max()


# ---------------------------------------------------------------------- spread


def nested(values: np.ndarray, method: str = "simclr") -> pd.DataFrame:
    """A row a draw, a column a seed."""
    rows = [
        (method, "finetune", 0.05, draw, draw + 10 * i, value)
        for draw, of_seeds in enumerate(values)
        for i, value in enumerate(of_seeds)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def test_spread_of_two_draws_and_two_seeds_by_hand():
    """Within, the variance is 0.0008; the means 0.52 and 0.62 have 0.005."""
    found = spread(nested(np.array([[0.50, 0.54], [0.60, 0.64]])))
    (row,) = found.itertuples()
    assert (row.draws, row.seeds) == (2, 2)
    assert row.of_seeds == pytest.approx(math.sqrt(0.0008))
    assert row.of_draws == pytest.approx(math.sqrt(0.005 - 0.0008 / 2))


@pytest.mark.parametrize(("of_draws", "of_seeds"), [(0.03, 0.01), (0.01, 0.03)])
def test_spread_finds_the_components_that_made_the_data(of_draws, of_seeds):
    rng = np.random.default_rng(0)
    values = 0.7 + of_draws * rng.normal(size=(2000, 1))
    values = values + of_seeds * rng.normal(size=(2000, 3))
    (row,) = spread(nested(values)).itertuples()
    assert (row.of_draws, row.of_seeds) == pytest.approx((of_draws, of_seeds), rel=0.1)


def test_draws_that_differ_less_than_their_seeds_have_no_spread_of_their_own():
    (row,) = spread(nested(np.array([[0.5, 0.7], [0.7, 0.5]]))).itertuples()
    assert row.of_draws == 0
    assert row.of_seeds == pytest.approx(math.sqrt(0.02))


def test_spread_takes_the_draws_that_have_all_seeds_and_the_arms_that_can():
    frame = pd.concat(
        [
            nested(np.array([[0.50, 0.54], [0.60, 0.64]])),
            nested(np.array([[0.9]])).assign(draw=7),  # one seed
            arm("rotnet", [0.1, 0.2, 0.3]),
            nested(np.array([[0.1, 0.2]]), "supervised"),  # one draw
        ]
    )
    (row,) = spread(frame).itertuples()
    assert (row.method, row.draws) == ("simclr", 2)
    assert row.of_draws == pytest.approx(math.sqrt(0.0046))

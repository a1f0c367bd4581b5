"""What validation chooses, against sums by hand, numpy and scipy."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from sslkit.study import selection

pytestmark = pytest.mark.filterwarnings("error")


def rows(
    method: str, protocol: str = "finetune", *, data: str = "tissue", **columns: Any
) -> pd.DataFrame:
    """A row a draw, seeds of the same number; columns are lists by draw."""
    count = len(next(iter(columns.values())))
    same = {"data": data, "method": method, "protocol": protocol, "fraction": 0.05}
    return pd.DataFrame({"draw": range(count), "seed": range(count)} | columns).assign(
        **same
    )


# ---------------------------------------------------------------------- gaps


def test_a_gap_is_one_column_less_another_where_both_are_known() -> None:
    frame = pd.concat(
        [
            rows("rotnet", "finetune", accuracy=[0.6], last_accuracy=[0.5]),
            rows("rotnet", "linear", accuracy=[0.7, 0.8], last_accuracy=[0.8, None]),
            rows("rotnet", "knn", accuracy=[0.7], last_accuracy=[0.1]),
        ],
        ignore_index=True,
    )
    found = selection.gaps(frame, "accuracy", "last_accuracy")
    assert found["value"].tolist() == pytest.approx([-0.1, 0.1])
    assert found["protocol"].tolist() == ["linear", "finetune"], "in their order"


def test_rows_stand_by_image_set_then_protocol_and_else_as_they_were() -> None:
    frame = pd.concat(
        [
            rows("a", "finetune", data="z", x=[0, 1]),
            rows("a", "linear", data="b", x=[2]),
            rows("b", "linear", data="z", x=[3]),
            rows("b", "finetune", data="b", x=[4]),
        ],
        ignore_index=True,
    )
    found = selection.in_order(frame, ("linear", "finetune"))
    assert found["x"].tolist() == [3, 0, 1, 2, 4]


def test_mean_gaps_are_t_intervals_over_draws_of_the_mean_of_arms() -> None:
    one, other = np.array([0.1, 0.2, 0.6]), np.array([0.3, 0.0, 0.2])
    frame = pd.concat([rows("rotnet", value=one), rows("simclr", value=other)])
    (row,) = selection.mean_gaps(frame).itertuples()
    means = (one + other) / 2
    low, high = stats.ttest_1samp(means, 0).confidence_interval()
    assert row.gap == pytest.approx((means.mean(), low, high, 3))
    assert (row.data, row.protocol) == ("tissue", "finetune")


def test_the_selected_epoch_is_compared_with_the_last_in_accuracy_and_loss() -> None:
    frame = rows(
        "rotnet",
        accuracy=[0.6, 0.8],
        last_accuracy=[0.5, 0.5],
        loss=[1.0, 0.9],
        last_loss=[1.5, 1.2],
    )
    (row,) = selection.chosen(frame).itertuples()
    assert row.accuracy.mean == pytest.approx(0.2)
    assert row.loss.mean == pytest.approx(-0.4)
    assert (row.accuracy.pairs, row.loss.pairs) == (2, 2)


# ------------------------------------------------------- validation and test


def record(name: str, fraction: float, count: int) -> Any:
    """What is read of a run: where its images were, and how many validated."""
    data = SimpleNamespace(name=name)
    recipe = SimpleNamespace(data=data, fraction=fraction)
    return SimpleNamespace(recipe=recipe, about={"counts": {"val": count}})


def test_the_standard_error_is_that_of_so_many_coin_tosses() -> None:
    frame = pd.concat(
        [
            rows("rotnet", "linear", val_accuracy=[0.7, 0.9]),
            rows("rotnet", "finetune", val_accuracy=[0.6, 1.0]),
            rows("rotnet", "mlp", val_accuracy=[0.0, 0.0]),
            rows("rotnet", "linear", data="unknown", val_accuracy=[np.nan]),
        ]
    )
    runs = [
        record("tissue", 0.25, 200),
        record("other", 0.05, 7),
        record("a/folder/tissue", 0.05, 40),
    ]
    (row,) = selection.standard_errors(frame, runs).itertuples()
    assert (row.data, row.images, row.accuracy) == ("tissue", 40, pytest.approx(0.8))
    assert row.error == pytest.approx(stats.binom(40, 0.8).std() / 40)
    needed = round(row.needed)
    assert stats.binom(needed, 0.8).std() / needed == pytest.approx(0.01)


def test_a_correlation_within_arms_is_that_of_what_is_left_of_each_arm() -> None:
    rng = np.random.default_rng(1)
    validation, test = rng.random((6, 3)), rng.random((6, 3))
    left = [x - x.mean(axis=0) for x in (validation, test)]
    expected = stats.pearsonr(left[0].ravel(), left[1].ravel()).statistic
    assert selection.correlation(validation, test) == pytest.approx(expected)
    apart = np.array([0.0, 10.0, -10.0])  # differences between arms do not count
    moved = selection.correlation(validation + apart, test + apart)
    assert moved == pytest.approx(expected)
    assert np.isnan(selection.correlation(np.ones((4, 2)), np.ones((4, 2))))


def test_a_test_that_follows_validation_is_told_from_one_that_does_not() -> None:
    errors = pd.DataFrame({"data": ["tissue", "few"], "error": [0.03, 0.03]})
    x = np.array([0.5, 0.6, 0.7, 0.55, 0.65])
    other = np.array([0.6, 0.5, 0.55, 0.5, 0.6])
    frame = pd.concat(
        [
            rows("rotnet", val_accuracy=x, accuracy=x - 0.1),
            rows("simclr", val_accuracy=other, accuracy=other + 0.1),
            rows("simclr", "mlp", val_accuracy=x, accuracy=-x),
            rows("rotnet", data="few", val_accuracy=x[:3], accuracy=x[:3]),
        ]
    )
    one, few = selection.follows(frame, errors).itertuples()
    assert (one.draws, one.arms) == (5, 2)
    assert (one.r, one.low, one.high) == pytest.approx((1, 1, 1))
    variance = (np.var(x, ddof=1) + np.var(other, ddof=1)) / 2
    assert one.hoped == pytest.approx((variance / (variance + 0.03**2)) ** 0.5)
    assert (few.data, few.draws) == ("few", 3)
    assert np.isnan([few.r, few.low, few.high, few.hoped]).all()


def test_the_bootstrap_takes_whole_draws() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.random((2, 30))
    frame = rows("rotnet", val_accuracy=x, accuracy=y)
    errors = pd.DataFrame({"data": ["tissue"], "error": [0.1]})
    (row,) = selection.follows(frame, errors).itertuples()
    expected = stats.bootstrap(
        (x, y),
        lambda x, y: stats.pearsonr(x, y).statistic,
        paired=True,
        vectorized=False,
        method="percentile",
        n_resamples=2000,
        rng=3,
    ).confidence_interval
    assert (row.low, row.high) == pytest.approx(tuple(expected), abs=0.05)


def test_picking_by_validation_is_compared_with_a_blind_pick_and_with_hindsight() -> (
    None
):
    frame = pd.concat(
        [
            rows("rotnet", accuracy=[0.6, 0.5, 0.9], val_loss=[0.2, 0.9, None]),
            rows("simclr", accuracy=[0.4, 0.8, 0.1], val_loss=[0.3, 0.8, None]),
            rows("supervised", accuracy=[0.8, 0.2, 0.1], val_loss=[0.4, 0.7, None]),
            rows("rotnet", "linear", accuracy=[1, 1, 1], val_loss=[0, 0, 0]),
        ],
        ignore_index=True,
    )
    (row,) = selection.picked(frame).itertuples()
    chosen, blind = np.array([0.6, 0.2]), np.array([0.6, 0.5])
    assert row.gain.mean == pytest.approx((chosen - blind).mean())
    assert row.gain.pairs == 2
    assert row.hindsight == pytest.approx((0.2 + 0.3) / 2)


# --------------------------------------------------------------------- folds


@pytest.fixture
def folded() -> pd.DataFrame:
    frame = pd.concat(
        [
            rows("rotnet", "linear", accuracy=[0.5, 0.7, 0.1], n_train=[8, 8, 8]),
            rows("rotnet", "folds", accuracy=[0.6, 0.7], n_train=[10, 10]),
            rows("simclr", "linear", accuracy=[0.2, 0.4], n_train=[8, 8]),
            rows("simclr", "folds", accuracy=[0.5, 0.3], n_train=[10, 10]),
            rows("simclr", "folds", data="other", accuracy=[0.9], n_train=[10]),
        ],
        ignore_index=True,
    )
    return selection.folds(frame)


def test_folds_are_compared_with_one_part_of_the_same_draw(
    folded: pd.DataFrame,
) -> None:
    assert folded["value"].tolist() == pytest.approx([0.1, 0.0, 0.3, -0.1])
    assert set(folded["data"]) == {"tissue"}
    assert set(folded["protocol"]) == {"linear"}
    assert set(folded["n_train_folds"]) == {10}


def test_what_folds_bring_is_a_mean_of_arms_and_the_scatter_a_mean_variance(
    folded: pd.DataFrame,
) -> None:
    (row,) = selection.fold_gains(folded).itertuples()
    low, high = stats.ttest_1samp([0.2, -0.05], 0).confidence_interval()
    assert row.gain == pytest.approx((0.075, low, high, 2))
    ones = np.var([0.5, 0.7], ddof=1), np.var([0.2, 0.4], ddof=1)
    fives = np.var([0.6, 0.7], ddof=1), np.var([0.5, 0.3], ddof=1)
    assert (row.one, row.five) == pytest.approx(
        (np.mean(ones) ** 0.5, np.mean(fives) ** 0.5)
    )


def test_without_records_there_is_nothing_to_say() -> None:
    empty = rows("rotnet", accuracy=[0.5], val_accuracy=[0.5], val_loss=[1.0])
    empty = empty.assign(last_accuracy=0.5).iloc[:0]
    gaps = selection.gaps(empty, "accuracy", "last_accuracy")
    errors = selection.standard_errors(empty, [])
    for table in (
        gaps,
        selection.mean_gaps(gaps),
        errors,
        selection.follows(empty, errors),
        selection.picked(empty),
        selection.folds(empty),
        selection.fold_gains(selection.folds(empty)),
    ):
        assert table.empty

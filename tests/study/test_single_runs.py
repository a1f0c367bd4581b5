"""Single runs: their orders, how often these agree, and what more labels add."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from sslkit.study import single_runs


def rows(
    method: str,
    accuracies: dict[int, float],
    *,
    data: str = "one",
    fraction: float = 0.05,
    protocol: str = "finetune",
) -> pd.DataFrame:
    """A run a draw, with a seed of the same number."""
    return pd.DataFrame(
        {
            "data": data,
            "method": method,
            "fraction": fraction,
            "protocol": protocol,
            "draw": draw,
            "seed": draw,
            "accuracy": accuracy,
        }
        for draw, accuracy in accuracies.items()
    )


def counted(*accuracies: float) -> dict[int, float]:
    return dict(enumerate(accuracies))


@pytest.fixture
def frame() -> pd.DataFrame:
    """Four draws; SimCLR has the best mean and is best in two of them."""
    return pd.concat(
        [
            rows("simclr", counted(0.80, 0.82, 0.70, 0.76)),
            rows("rotnet", counted(0.70, 0.72, 0.74, 0.60)),
            rows("supervised", counted(0.60, 0.62, 0.64, 0.78)),
            rows("supervised-plain", counted(0.3, 0.3, 0.3, 0.3)),
            rows("simclr", counted(0.5, 0.5, 0.5, 0.5), protocol="linear"),
            rows("random", counted(0.4, 0.4, 0.4, 0.4), protocol="linear"),
        ],
        ignore_index=True,
    )


def test_single_runs_are_whole_draws_with_the_best_mean_first(
    frame: pd.DataFrame,
) -> None:
    single = single_runs.single_runs(frame)
    assert list(single) == ["simclr", "rotnet", "supervised", "supervised-plain"]
    assert single["rotnet"].tolist() == [0.70, 0.72, 0.74, 0.60]
    less = frame.drop(index=frame.index[frame["accuracy"] == 0.72])
    whole = single_runs.single_runs(less)
    assert whole.index.get_level_values("draw").tolist() == [0, 2, 3]
    assert single_runs.single_runs(frame, fraction=0.25).empty


def test_supervised_training_stands_beside_frozen_encoders(frame: pd.DataFrame) -> None:
    single = single_runs.single_runs(frame, protocol="linear")
    assert list(single) == ["supervised", "simclr", "random"]


def test_mixed_settings_are_an_error(frame: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="duplicate"):
        single_runs.single_runs(pd.concat([frame, frame]))


def test_orders_are_counted_by_hand(frame: pd.DataFrame) -> None:
    found = single_runs.orders(single_runs.single_runs(frame))
    last = "supervised-plain"
    assert list(found.items()) == [
        (("simclr", "rotnet", "supervised", last), 2),
        (("rotnet", "simclr", "supervised", last), 1),
        (("supervised", "simclr", "rotnet", last), 1),
    ]


def test_orders_agree_with_pandas_ranks() -> None:
    rng = np.random.default_rng(0)
    single = pd.DataFrame(rng.random((50, 3)), columns=["simclr", "rotnet", "random"])
    found = single_runs.orders(single)
    assert sum(found.values()) == 50
    assert list(found.values()) == sorted(found.values(), reverse=True)
    for order, count in found.items():
        falling = single[list(order)].diff(axis=1).iloc[:, 1:].lt(0).all(axis=1)
        assert falling.sum() == count


def test_the_wrong_order_comes_as_often_as_in_a_simulation() -> None:
    rng = np.random.default_rng(0)
    d, s = 1.5, 2.0
    one, other = d + s * rng.normal(size=200_000), s * rng.normal(size=200_000)
    chance = single_runs.wrong_order(d, s * math.sqrt(2))
    assert chance == pytest.approx((one < other).mean(), abs=0.005)
    assert single_runs.wrong_order(-d, s * math.sqrt(2)) == chance
    assert single_runs.wrong_order(0, s) == 0.5
    assert single_runs.wrong_order(1.959964, 1) == pytest.approx(0.025)


def test_agreement_is_counted_by_hand() -> None:
    frame = pd.concat(
        [
            rows("supervised", counted(0.60, 0.62, 0.64, 0.78)),
            rows("rotnet", counted(0.70, 0.72, 0.74, 0.60)),
            rows("simclr", counted(0.80, 0.82, 0.70, 0.76)),
            rows("supervised", counted(0.5, 0.5), data="two"),
            rows("rotnet", counted(0.6), data="two"),  # one draw has both
            rows("simclr", counted(0.6, 0.4), data="three", protocol="linear"),
            rows("supervised", counted(0.5, 0.3), data="three"),
        ]
    )
    found = single_runs.agreement(frame)
    assert found.to_dict("records") == [
        {
            "data": "one",
            "protocol": "finetune",
            "draws": 4,
            "arms": 3,
            "orders": 3,
            "same": 2,  # SimCLR, RotNet, supervised
            "best": "simclr",
            "best_in": 2,
        },
        # With no frozen encoder beside it, supervised training is alone.
        *(
            {"data": data, "protocol": protocol, "draws": draws, "arms": arms}
            | {"orders": 1, "same": draws, "best": best, "best_in": draws}
            for data, protocol, draws, arms, best in (
                ("one", "linear", 4, 1, "supervised"),
                ("two", "linear", 2, 1, "supervised"),
                ("three", "finetune", 2, 1, "supervised"),
                ("three", "linear", 2, 2, "simclr"),
            )
        ),
    ]
    other = single_runs.agreement(frame, fraction=0.25, protocols=["finetune"])
    assert other.empty


def test_more_labels_are_compared_within_a_draw() -> None:
    frame = pd.concat(
        [
            rows("supervised", {0: 0.5, 1: 0.6, 2: 0.9}),
            rows("supervised", {0: 0.7}),  # the same draw and seed once more
            rows("supervised", {1: 0.8, 0: 0.9, 3: 0.1}, fraction=1.0),
            rows("supervised", {0: 0.1, 1: 0.1}, fraction=1.0, protocol="linear"),
            rows("simclr", {0: 0.2, 1: 0.3}, fraction=1.0),
        ]
    )
    found = single_runs.more_labels(frame, 0.05, 1.0)
    assert found.to_dict() == pytest.approx({(0, 0): 0.3, (1, 1): 0.2})
    assert single_runs.more_labels(frame, 0.05, 1.0, method="simclr").empty

"""What validation chooses, against sums by hand, numpy and scipy."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

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


# ------------------------------------------------------- validation and test


def record(name: str, fraction: float, count: int) -> Any:
    """What is read of a run: where its images were, and how many validated."""
    data = SimpleNamespace(name=name)
    recipe = SimpleNamespace(data=data, fraction=fraction)
    return SimpleNamespace(recipe=recipe, about={"counts": {"val": count}})


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

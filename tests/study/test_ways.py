"""What depends on the way an encoder is judged, on differences made by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd
import pytest

from sslkit.study import ways
from sslkit.study.tables import Difference

pytestmark = pytest.mark.filterwarnings("error")


def arm(
    method: str,
    protocol: str,
    accuracy: Sequence[float],
    *,
    data: str = "tissue",
    val: float = 0.5,
) -> pd.DataFrame:
    draws = range(len(accuracy))
    return pd.DataFrame({"draw": draws, "seed": draws, "accuracy": accuracy}).assign(
        data=data, method=method, protocol=protocol, fraction=0.05, val_accuracy=val
    )


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ((0.1, 0.2), (0.3, 0.4), "same"),
        ((-0.2, -0.1), (-0.4, -0.3), "same"),
        ((0.1, 0.2), (-0.4, -0.3), "opposite"),
        ((-0.4, -0.3), (0.1, 0.2), "opposite"),
        ((0.1, 0.2), (-0.1, 0.3), "open"),
        ((-0.1, 0.2), (-0.1, 0.3), "open"),
        ((0.1, 0.2), (math.nan, math.nan), "open"),
        ((math.nan, math.nan), (math.nan, math.nan), "open"),
    ],
)
def test_two_differences_agree_only_if_both_are_beyond_noise(
    one: tuple[float, float], other: tuple[float, float], expected: str
) -> None:
    first, second = (Difference(0.0, *ends, 5) for ends in (one, other))
    assert ways.agreement(first, second) == expected


def test_what_finetuning_brings_is_asked_of_pretrained_encoders_alone() -> None:
    frame = pd.concat(
        [
            arm("rotnet", "linear", [0.6, 0.6], val=0.5),
            arm("rotnet", "finetune", [0.4, 0.5], val=0.7),
            arm("simclr", "linear", [0.5, 0.5], val=0.6),
            arm("simclr", "finetune", [0.5, 0.6], val=0.6),
            arm("supervised", "finetune", [0.0, 0.0], val=1.0),
            arm("random", "linear", [0.0, 0.0], val=1.0),
            arm("rotnet", "linear", [0.6, 0.6], data="one way"),
        ]
    )
    (row,) = ways.finetuning(frame).itertuples()
    assert row.data == "tissue"
    assert row.validation == pytest.approx((0.1, 0.1, 0.1, 2))
    assert row.test.mean == pytest.approx((-0.1 + 0.0) / 2)
    assert row.agreement == "open"

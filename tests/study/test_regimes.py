"""Regimes compared: the right rows, paired by hand."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import pytest
from scipy import stats

from sslkit.study import regimes

pytestmark = pytest.mark.filterwarnings("error")


def arm(
    variant: str,
    accuracy: Sequence[float],
    method: str = "rotnet",
    protocol: str = "finetune",
    *,
    data: str = "tissue",
    fraction: float = 0.05,
) -> pd.DataFrame:
    draws = range(len(accuracy))
    return pd.DataFrame({"draw": draws, "seed": draws, "accuracy": accuracy}).assign(
        data=data,
        test="given",
        profile="quick",
        variant=variant,
        method=method,
        protocol=protocol,
        fraction=fraction,
    )


def test_every_regime_has_a_start_and_a_name_of_its_own() -> None:
    assert len(regimes.NAMES) == 10
    assert len(set(regimes.NAMES.values())) == 10
    assert regimes.NAMES["base"] == "random start: cosine"
    assert {name for pair in regimes.ASKED for name in pair} == {*regimes.NAMES}


def test_scores_of_regimes_stand_by_image_set_and_regime() -> None:
    frame = pd.concat(
        [
            arm("warm", [0.1], data="z"),
            arm("base", [0.2], data="a"),
            arm("base", [0.3], data="z"),
            arm("base", [0.4], protocol="knn"),
            arm("layers", [0.5]),
            arm("warm", [0.6], method="start", protocol="linear", data="a"),
        ],
        ignore_index=True,
    )
    found = regimes.scores(frame)
    assert found["accuracy"].tolist() == [0.3, 0.1, 0.2, 0.6]
    assert found["method"].tolist() == ["rotnet"] * 3 + ["random"]
    starts = ["random start", "warm start"]
    assert found["start"].tolist() == starts * 2
    assert set(found["regime"]) == {"cosine"}


def test_shown_are_one_share_and_the_draws_that_every_regime_has() -> None:
    share = 0.3  # as a share of counts it may differ in the last digit
    frame = pd.concat(
        [arm("base", [0.1] * 7, fraction=3 * 0.1), arm("base", [0.2], fraction=0.25)]
    )
    found = regimes.shown(frame, fraction=share)
    assert found["draw"].tolist() == [0, 1, 2, 3, 4]
    assert found["fraction"].tolist() == pytest.approx([share] * 5)


@pytest.fixture
def gaps() -> pd.DataFrame:
    frame = pd.concat(
        [
            arm("base", [0.5, 0.6, 0.7, 0.9], data="z"),
            arm("warm", [0.6, 0.8, 0.8], data="z"),
            arm("base", [0.5], method="simclr"),
            arm("warm", [0.4], method="simclr"),
            arm("base", [0.5, 0.5], method="supervised"),
            arm("warm", [0.4, 0.6], method="supervised"),
            arm("constant", [0.3, 0.4], fraction=0.25),
            arm("base", [0.5, 0.7], fraction=0.25),
            arm("constant", [0.9], protocol="linear", fraction=0.25),
        ]
    )
    return regimes.differences(frame.sample(frac=1, random_state=0).sort_values("data"))


def test_a_regime_is_compared_with_another_draw_by_draw(gaps: pd.DataFrame) -> None:
    own = gaps[(gaps["variant"] == "warm") & (gaps["less"] == "base")]
    supervised, simclr, rotnet = own.itertuples()
    assert (supervised.method, supervised.data) == ("supervised", "tissue")
    assert (simclr.method, simclr.pairs, simclr.side) == ("simclr", 1, "open")
    assert simclr.mean == pytest.approx(-0.1)
    assert (rotnet.method, rotnet.data, rotnet.pairs) == ("rotnet", "z", 3)
    test = stats.ttest_rel([0.6, 0.8, 0.8], [0.5, 0.6, 0.7])
    low, high = test.confidence_interval()
    assert (rotnet.low, rotnet.high) == pytest.approx((low, high))
    assert rotnet.side == ("higher" if low > 0 else "open")


def test_only_pairs_that_were_asked_for_and_run_are_compared(
    gaps: pd.DataFrame,
) -> None:
    made = set(zip(gaps["variant"], gaps["less"], gaps["fraction"], strict=True))
    assert made == {("warm", "base", 0.05), ("constant", "base", 0.25)}
    other = regimes.differences(arm("base", [0.5]), [("field", "base")])
    assert other.empty


def test_an_arm_that_was_run_twice_is_refused() -> None:
    twice = pd.concat([arm("base", [0.5]), arm("base", [0.6]), arm("warm", [0.1])])
    with pytest.raises(ValueError, match="duplicate"):
        regimes.differences(twice)

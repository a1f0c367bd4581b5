"""What jitter adds: the right arm is subtracted, judged alike, of the same draw."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import sslkit
from sslkit.judging.scores import Score
from sslkit.runs.records import Run
from sslkit.study import jitter

SAME = {"data": "one", "test": "given", "profile": "quick"}


def rows(
    method: str,
    accuracies: list[float],
    *,
    protocol: str = "finetune",
    fraction: float = 0.05,
    variant: str = "base",
    data: str = "one",
) -> pd.DataFrame:
    return pd.DataFrame(
        SAME
        | {"data": data, "variant": variant, "fraction": fraction, "method": method}
        | {"protocol": protocol, "draw": draw, "seed": draw, "accuracy": accuracy}
        for draw, accuracy in enumerate(accuracies)
    )


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.concat(
        [
            rows("supervised", [0.5, 0.6]),
            rows("supervised-plain", [0.4, 0.4]),
            rows("rotnet", [0.3, 0.3], protocol="linear"),
            rows("rotnet-jitter", [0.4, 0.2], protocol="linear"),
            rows("rotnet", [0.7, 0.7, 0.7]),
            rows("rotnet-jitter", [0.8, 0.9]),
            rows("rotnet-jitter", [0.8, 0.9], protocol="knn"),  # has no partner
            rows("simclr", [0.9, 0.9]),
            rows("rotnet", [0.5], fraction=0.25, variant="constant"),
            rows("rotnet-jitter", [0.4], fraction=0.25, variant="constant"),
        ]
    )


def done(method: str, key: str, *, accuracy: float, draw: int = 0) -> Run:
    recipe = sslkit.recipe(method, profile="smoke", draw=draw, seed=draw)
    score = Score(
        accuracy=accuracy,
        loss=0.7,
        low=0.1,
        high=0.9,
        confusion=[[1, 1], [1, 1]],
        epoch=1,
        last_accuracy=0.5,
        last_loss=0.8,
        val_accuracy=0.5,
        val_loss=0.6,
        n_train=8,
    )
    scores = dict.fromkeys(("linear", "finetune"), score)
    counts = {"train": 4, "val": 1}
    about = {"seconds": {}, "commit": "c", "machine": "m", "counts": counts}
    return Run(recipe, key, scores, pd.DataFrame(), about)


# ------------------------------------------------------------------- the study


def test_what_was_lost_is_what_the_cue_was_worth() -> None:
    found = jitter.leaning([("tint", False, 0.9, 0.3), ("tint", True, 0.5, 0.6)])
    assert found["lost"].tolist() == pytest.approx([0.6, -0.1])
    assert found["cue"].tolist() == ["tint", "tint"]


def test_validation_stands_beside_the_test_where_both_supervised_arms_were() -> None:
    frame = pd.concat(
        [
            rows("supervised", [0.5, 0.7]).assign(val_accuracy=[0.6, 0.8]),
            rows("supervised-plain", [0.4, 0.4]).assign(val_accuracy=0.9),
            rows("supervised", [0.9, 0.9], fraction=0.1).assign(val_accuracy=0.9),
            rows("supervised", [0.1], variant="longer").assign(val_accuracy=0.1),
            rows("supervised", [0.1], fraction=0.01).assign(val_accuracy=np.nan),
            rows("supervised-plain", [0.1], fraction=0.01).assign(val_accuracy=np.nan),
            rows("simclr", [0.9, 0.9]).assign(val_accuracy=0.9),
        ]
    )
    found = jitter.expected_and_found(frame).set_index(["method", "part"])
    assert found["mean"].to_dict() == pytest.approx(
        {
            ("supervised", "validation"): 70,
            ("supervised", "test"): 60,
            ("supervised-plain", "validation"): 90,
            ("supervised-plain", "test"): 40,
        }
    )
    low, high = stats.ttest_1samp([50, 70], 0).confidence_interval()
    ends = found.loc[("supervised", "test"), ["low", "high"]]
    assert [*ends] == pytest.approx([low, high])
    assert set(found["draws"]) == {2}
    assert set(found["fraction"]) == {0.05}

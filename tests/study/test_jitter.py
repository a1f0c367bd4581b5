"""What jitter adds: the right arm is subtracted, judged alike, of the same draw."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import sslkit
from sslkit.judging.scores import Score
from sslkit.runs.records import Run
from sslkit.study import jitter, tables

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


def test_pairs_are_of_arms_judged_alike_with_and_without_colour_changes(frame) -> None:
    found = jitter.pairs(frame[frame["variant"] == "base"])
    names = ["method", "protocol", "draw"]
    differences = found.set_index(names)["difference"]
    assert differences.to_dict() == pytest.approx(
        {
            ("rotnet-jitter", "linear", 0): 0.1,
            ("rotnet-jitter", "linear", 1): -0.1,
            ("rotnet-jitter", "finetune", 0): 0.1,
            ("rotnet-jitter", "finetune", 1): 0.2,
            ("supervised", "finetune", 0): 0.1,
            ("supervised", "finetune", 1): 0.2,
        }
    )
    assert list(differences.index.get_level_values("protocol").unique()) == [
        "linear",
        "finetune",
    ], "in the order of protocols"


def test_differences_are_t_intervals_of_those_pairs(frame) -> None:
    found = jitter.differences(frame)
    paired = jitter.pairs(frame)
    assert len(found) == 4
    for row in found.to_dict("records"):
        same = paired[tables.ARM].eq({name: row[name] for name in tables.ARM})
        own = paired[same.all(axis=1)]["difference"]
        mean, low, high = tables.interval(own)
        assert row["pairs"] == len(own)
        assert [row["mean"], row["low"], row["high"]] == pytest.approx(
            [mean, low, high], nan_ok=True
        )


def test_without_a_partner_there_is_nothing(frame) -> None:
    alone = frame[frame["method"].isin(["rotnet", "simclr", "supervised-plain"])]
    assert jitter.pairs(alone).empty
    assert jitter.differences(alone).empty
    assert "difference" in jitter.pairs(alone)
    assert "mean" in jitter.differences(alone)


def test_comparable_are_both_regimes_up_to_half_of_the_labels() -> None:
    every = [
        rows("rotnet", [0.5], fraction=fraction, variant=variant)
        for fraction in (0.05, 0.5, 1.0)
        for variant in ("base", "constant", "warm")
    ]
    found = jitter.comparable(pd.concat(every))
    kept = {*zip(found["fraction"], found["variant"], strict=True)}
    assert kept == {(f, v) for f in (0.05, 0.5) for v in ("base", "constant")}


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


def test_a_live_run_and_its_record_count_once() -> None:
    runs = [
        done("rotnet", "a", accuracy=0.5),
        done("rotnet", "b", accuracy=0.5),  # the same by an older version
        done("rotnet-jitter", "c", accuracy=0.6),
        done("rotnet", "d", accuracy=0.5, draw=1),
        done("rotnet-jitter", "e", accuracy=0.8, draw=1),
        done("simclr", "f", accuracy=0.9),
    ]
    share = runs[0].recipe.fraction
    found = jitter.added(runs, fraction=share)
    assert found["protocol"].tolist() == ["linear", "finetune"]
    assert found["pairs"].tolist() == [2, 2]
    assert found["mean"].tolist() == pytest.approx([0.2, 0.2])
    assert jitter.added(runs, fraction=0.9).empty


# ------------------------------------------------------------------- the study


def test_the_study_printed_differences_that_can_be_checked_by_hand() -> None:
    study = jitter.study()
    assert len(study) == 6
    assert study.loc[("schedule", 0.05), "difference"] == pytest.approx(0.1521)
    assert study.loc[("constant 5e-6", 0.25), "difference"] == pytest.approx(-0.0453)


def test_ours_stand_beside_the_study_of_the_same_regime_and_share() -> None:
    ours = pd.concat(
        rows(method, [accuracy] * 2, fraction=fraction, variant=variant, data=data)
        for method, accuracy in (("rotnet", 0.5), ("rotnet-jitter", 0.6))
        for data in ("one", "two")
        for variant in ("constant", "base", "warm")
        for fraction in (0.5, 0.05, 0.1)
    )
    found = jitter.beside_study(jitter.differences(ours))
    found = found[found["data"] == "two"]
    assert found["regime"].tolist() == [*["schedule"] * 2, *["constant 5e-6"] * 2]
    assert found["fraction"].tolist() == [0.05, 0.5, 0.05, 0.5]
    expected = [0.7932 - 0.6411, 0.8940 - 0.8576, 0.7916 - 0.8388, 0.9080 - 0.8778]
    np.testing.assert_allclose(found["study"], expected)
    np.testing.assert_allclose(found["mean"], 0.1)


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

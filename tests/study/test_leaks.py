"""Leaks: what is counted, against sums by hand and scipy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from sslkit.study import leaks, tables


def by_scipy(values: list[float]) -> tuple[float, float, float]:
    """Mean and 95 % t-interval."""
    mean, error = np.mean(values), stats.sem(values)
    low, high = stats.t.interval(0.95, len(values) - 1, mean, error)
    return float(mean), float(low), float(high)


def three(row: Any) -> tuple[float, float, float]:
    return row["mean"], row["low"], row["high"]


# ------------------------------------------------------------------- rotations


def rotations(*rows: tuple[str, str, str, float, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["data", "method", "variant", "fraction", "told"])


def test_rotation_accuracy_is_compared_with_a_quarter_by_set_arm_variant_and_share():
    told = [0.3, 0.25, 0.35]
    found = leaks.above_chance(
        rotations(
            ("b", "rotnet", "base", 0.05, 0.9),
            *(("a", "rotnet", "base", 0.05, value) for value in told),
            ("a", "rotnet", "rotated", 0.05, 0.2),
            ("a", "rotnet", "base", 0.25, 0.6),
        )
    )
    by = ["data", "method", "variant", "fraction", "runs"]
    assert found[by].to_numpy().tolist() == [
        ["a", "rotnet", "base", 0.05, 3],
        ["a", "rotnet", "base", 0.25, 1],
        ["a", "rotnet", "rotated", 0.05, 1],
        ["b", "rotnet", "base", 0.05, 1],
    ]
    first = found.iloc[0]
    assert first["told"] == pytest.approx(0.3)
    assert three(first) == pytest.approx(by_scipy([0.05, 0.0, 0.1]))
    assert first["said"].endswith("3 runs), within noise")
    assert "a single run, so" in found["said"].iloc[1]


def test_no_pretraining_gives_no_rows_of_rotation_accuracy():
    found = leaks.above_chance(rotations())
    assert found.empty
    assert {"told", "mean", "low", "high", "runs", "said"} <= {*found}


# ----------------------------------------------------------------- worth of up


def score(
    accuracy: float, variant: str = "base", draw: int = 0, **changes: Any
) -> dict[str, Any]:
    """A row as of ``tables.table``."""
    same = {
        "data": "lung3",
        "test": "group",
        "profile": "quick",
        "variant": variant,
        "fraction": 0.05,
        "method": "rotnet",
        "protocol": "linear",
        "draw": draw,
        "seed": 0,
        "accuracy": accuracy,
    }
    return same | changes


def test_the_worth_of_an_up_is_rotnet_less_the_rotated_one_in_true_pairs():
    base, rotated = [0.5, 0.6, 0.8], [0.4, 0.45, 0.75]
    frame = pd.DataFrame(
        [
            *(score(x, "base", draw) for draw, x in enumerate(base)),
            *(score(x, "rotated", draw) for draw, x in enumerate(rotated)),
            score(0.99, "base", 3),  # has no partner
            score(0.99, "seeds", 0),
            score(0.1, "rotated", 0, method="rotnet-jitter"),
            score(0.1, "rotated", 0, fraction=0.25),
            score(0.7, "base", 0, protocol="finetune"),
            score(0.6, "rotated", 0, protocol="finetune"),
            score(0.7, "base", 0, protocol="knn"),  # the other was not judged so
        ]
    )
    found = leaks.worth_of_up(frame, fraction=0.05)
    assert list(found["protocol"]) == ["finetune", "linear"]
    assert list(found["pairs"]) == [1, 3]
    assert three(found.iloc[1]) == pytest.approx(by_scipy([0.1, 0.15, 0.05]))
    assert found["mean"].iloc[0] == pytest.approx(0.1)
    assert "single pair" in found["said"].iloc[0]


def test_a_set_without_the_control_has_no_worth_of_an_up():
    assert leaks.worth_of_up(pd.DataFrame([score(0.5), score(0.6, draw=1)])).empty


def test_two_runs_of_one_draw_are_no_pair():
    frame = pd.DataFrame([score(0.5), score(0.6), score(0.4, "rotated")])
    with pytest.raises(ValueError, match="duplicate"):
        leaks.worth_of_up(frame)


# ------------------------------------------------------------- three divisions


def divided(*rows: tuple[str, str, int, float, float, float]) -> pd.DataFrame:
    columns = ["method", "protocol", "draw", "group", "given", "image"]
    return pd.DataFrame(rows, columns=columns).assign(fraction=0.05, seed=0)


SCORES = divided(
    ("simclr", "finetune", 0, 0.70, 0.80, 0.82),
    ("simclr", "finetune", 1, 0.60, 0.74, 0.80),
    ("random", "linear", 0, 0.40, 0.42, 0.50),
    ("random", "linear", 1, 0.44, math.nan, 0.46),
)


def test_leaps_are_means_over_draws_in_the_order_of_the_arms():
    found = leaks.leaps(SCORES)
    assert list(found["method"]) == ["simclr", "random"]
    values = found[["group", "given", "image"]].to_numpy()
    assert values == pytest.approx(np.array([[0.65, 0.77, 0.81], [0.42, 0.42, 0.48]]))


def test_a_step_is_the_paired_difference_of_two_divisions():
    found = leaks.steps(SCORES)
    first = found[(found["lower"] == "group") & (found["upper"] == "given")]
    assert list(first["method"]) == ["all", "simclr", "random"]
    assert list(first["protocol"]) == ["", "finetune", "linear"]
    simclr, random = first.iloc[1], first.iloc[2]
    assert three(simclr) == pytest.approx(by_scipy([0.1, 0.14]))
    assert (random["pairs"], random["mean"]) == (1, pytest.approx(0.02))
    assert math.isnan(random["low"])


def test_the_row_of_all_arms_has_a_value_a_draw_the_mean_over_arms():
    found = leaks.steps(SCORES)
    (whole,) = found.query(
        "method == 'all' and lower == 'group' and upper == 'image'"
    ).to_dict("records")
    # The second draw of the random encoder lacks a division, so all of it is left out.
    assert whole["pairs"] == 2
    by_draw = [np.mean([0.12, 0.10]), np.mean([0.20])]
    assert three(whole) == pytest.approx(by_scipy([float(x) for x in by_draw]))


def test_every_step_leads_to_a_division_with_more_copies():
    found = leaks.steps(SCORES)[["lower", "upper"]].drop_duplicates()
    assert [*found.itertuples(index=False, name=None)] == [*leaks.STEPS]
    order = leaks.DIVISIONS.index
    assert all(order(lower) < order(upper) for lower, upper in leaks.STEPS)


def test_ranks_stand_best_first_and_only_where_all_arms_have_scores():
    scores = divided(
        ("supervised", "finetune", 0, 0.5, 0.9, 0.7),
        ("simclr", "finetune", 0, 0.6, 0.8, 0.8),
        ("simclr", "finetune", 1, 0.8, 0.8, 0.9),
        ("random", "linear", 0, 0.99, 0.99, 0.99),
    )
    found = leaks.ranks(scores)
    assert [*found.itertuples(index=False, name=None)] == [
        ("group", "simclr", pytest.approx(0.7)),
        ("group", "supervised", 0.5),
        ("given", "supervised", 0.9),
        ("given", "simclr", 0.8),
        ("image", "simclr", pytest.approx(0.85)),
        ("image", "supervised", 0.7),
    ]
    scores.loc[0, "given"] = math.nan
    assert list(leaks.ranks(scores)["division"].unique()) == ["group", "image"]


def test_ranks_are_those_of_one_share_of_labels():
    more = SCORES.assign(fraction=0.25)
    both = pd.concat([SCORES, more.assign(group=0.0, given=0.0, image=0.0)])
    assert leaks.ranks(both).equals(leaks.ranks(SCORES))


def test_what_pretraining_adds_is_asked_in_every_division_by_group_first():
    accuracies = {"given": (0.9, 0.8), "group": (0.7, 0.65), "image": (0.95, 0.96)}
    rows = [
        score(accuracy + 0.01 * draw, method=method, test=test, draw=draw, **tuned)
        for test, both in accuracies.items()
        for method, accuracy in zip(("simclr", "supervised"), both, strict=True)
        for draw in (0, 1)
        for tuned in ({"protocol": "finetune"},)
    ]
    plain = score(0.5, method="supervised-plain", test="group", protocol="finetune")
    frozen = score(0.1, method="simclr", test="group")
    found = leaks.pretraining_adds(pd.DataFrame([*rows, plain, frozen]))
    assert list(found["test"]) == ["group", "given", "image"]
    assert set(found["method"]) == {"simclr"}
    assert list(found["mean"]) == pytest.approx([0.05, 0.1, -0.01])
    assert list(found["pairs"]) == [2, 2, 2]
    assert found["said"].iloc[0].startswith("+5.0 points")


def test_where_nothing_was_divided_there_is_nothing_to_say():
    nothing = pd.DataFrame()
    made = (leaks.leaps, leaks.steps, leaks.ranks, leaks.pretraining_adds)
    assert all(function(nothing).empty for function in made)
    assert {"division", "method", "accuracy"} <= {*leaks.ranks(nothing)}


# ------------------------------------------------------- test and validation


def test_other_test_images_move_a_score_by_half_its_bootstrap_interval():
    frame = pd.DataFrame(
        [
            score(0.5, test="group", low=0.4, high=0.6),
            score(0.7, test="group", low=0.66, high=0.74, protocol="knn"),
            score(0.7, test="image", low=0.65, high=0.75),
        ]
    )
    found = leaks.other_test_images(frame)
    assert found.to_dict() == pytest.approx({"group": 0.07, "image": 0.05})


def test_kindness_is_validation_less_test_a_mean_over_arms_by_draw():
    tuned: Any = {"protocol": "finetune"}
    frame = pd.DataFrame(
        [
            score(0.5, draw=0, val_accuracy=0.6, **tuned),
            score(0.5, draw=0, val_accuracy=0.8, method="simclr", **tuned),
            score(0.5, draw=1, val_accuracy=0.4, **tuned),
            score(0.5, draw=1, val_accuracy=math.nan, method="simclr", **tuned),
            score(0.5, draw=0, val_accuracy=0.9, fraction=0.25, **tuned),
            score(0.5, draw=2, val_accuracy=0.9),  # frozen
            score(0.5, "seeds", 2, val_accuracy=0.9, **tuned),
        ]
    )
    found = leaks.kindness(frame)
    assert list(found["fraction"]) == [0.05, 0.25]
    assert list(found["draws"]) == [2, 1]
    assert three(found.iloc[0]) == pytest.approx(by_scipy([0.2, -0.1]))
    assert "2 draws)" in found["said"].iloc[0]
    assert tables.side(*found[["low", "high"]].iloc[1]) == "one pair"

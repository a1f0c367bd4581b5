"""What arms are worth in labels: the fair baseline, the claims, the ends."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from scipy import stats
from scored import scored, together

from sslkit.study import label_value

pytestmark = pytest.mark.filterwarnings("error")


def curve(
    accuracies: dict[float, float], *, variant: str = "base", draws: int = 5
) -> pd.DataFrame:
    """Supervised training at several shares, all draws alike."""
    return together(
        *(
            scored("supervised", [mean] * draws, fraction=share, variant=variant)
            for share, mean in accuracies.items()
        )
    )


RISING = {0.05: 0.5, 0.25: 0.7, 0.5: 0.8, 1.0: 0.9}


def test_the_better_recipe_is_that_of_the_higher_mean_over_shares_of_both():
    frame = together(
        curve({0.05: 0.6, 0.25: 0.6, 1.0: 0.99}),
        scored("supervised-plain", [0.5] * 5),
        scored("supervised-plain", [0.8] * 5, fraction=0.25),
        scored("supervised-plain", [1.0] * 5, fraction=0.5, variant="all"),
    )
    means = label_value.baselines(frame)
    assert means.to_dict() == pytest.approx(
        {"supervised": 0.6, "supervised-plain": 0.65}
    )
    assert label_value.better(frame) == "supervised-plain"


def test_without_two_recipes_to_compare_the_one_with_jitter_is_taken():
    assert label_value.better(curve(RISING)) == "supervised"
    apart = together(
        curve({0.05: 0.6}), scored("supervised-plain", [0.9], fraction=0.25)
    )
    assert label_value.better(apart) == "supervised"
    other = scored("simclr", [0.9])
    assert label_value.baselines(other).empty
    assert label_value.better(other) == "supervised"


def test_arms_that_saw_all_images_stand_beside_supervised_training_of_as_many_steps():
    frame = together(
        curve(RISING),
        curve({0.05: 0.55, 0.25: 0.75}, variant="budget, many steps"),
        scored("simclr", [0.7] * 5, variant="all"),
        scored("simclr", [0.7] * 5, variant="all", protocol="knn"),
        scored("simclr", [0.6] * 5),
        scored("simclr", [0.6] * 5, variant="budget, many steps"),
    )
    rows, against = label_value.compared(frame, seen="all")
    assert against == "supervised"
    assert set(rows["variant"]) == {"base"}
    means = rows.groupby(["method", "fraction"])["accuracy"].mean().to_dict()
    assert means == pytest.approx(
        {
            ("simclr", 0.05): 0.7,
            ("supervised", 0.05): 0.55,
            ("supervised", 0.25): 0.75,
            ("supervised", 1.0): 0.9,
        }
    )
    rows, _ = label_value.compared(frame, seen="budget")
    assert rows.groupby("method")["accuracy"].max()["simclr"] == 0.6


def test_an_equivalent_lies_on_the_curve_and_is_claimed_against_its_own_share():
    """0.6 is half way from 5 to 25 %; 0.75 half way from 25 to 50 %."""
    frame = together(
        curve(RISING),
        scored("simclr", [0.6] * 5),
        scored("rotnet", [0.6, 0.5, 0.4, 0.5, 0.5]),
        scored("simclr", [0.6] * 5, fraction=0.25),
        scored("rotnet", [0.95] * 3, fraction=0.5),
        scored("rotnet", [0.75], fraction=0.25),
    )
    one = label_value.worth(frame, seen="budget")
    found = one.equivalents.set_index(["method", "fraction"])
    assert found.loc[("simclr", 0.05), "share"] == pytest.approx(0.15)
    assert found["claim"].to_dict() == {
        ("simclr", 0.05): "higher",
        ("rotnet", 0.05): "within noise",
        ("simclr", 0.25): "lower",
        ("rotnet", 0.5): "few draws",
        ("rotnet", 0.25): "one pair",
    }
    assert found.loc[("rotnet", 0.25), "share"] == pytest.approx(0.375)
    assert found.loc[("rotnet", 0.5), "share"] == math.inf
    assert dict(zip(one.curve["fraction"], one.curve["mean"], strict=True)) == (
        pytest.approx(RISING)
    )


def test_a_censored_interval_is_on_the_side_of_its_end():
    frame = together(
        curve(RISING), scored("simclr", [0.95] * 5), scored("rotnet", [0.1] * 5)
    )
    found = label_value.worth(frame, seen="budget").equivalents.set_index("method")
    assert found["claim"].to_dict() == {"rotnet": "lower", "simclr": "higher"}


def test_sets_with_too_few_records_are_left_out():
    arm = together(
        scored("simclr", [0.6] * 5), scored("simclr", [0.6] * 5, protocol="linear")
    )
    longer = curve({0.05: 0.5}, variant="budget, many steps")
    frames = {
        "whole": together(curve(RISING), arm, arm.assign(variant="all"), longer),
        "base": together(curve(RISING), arm),
        "no arm": curve(RISING),
        "one share": together(curve({0.05: 0.5}), arm),
        "apart": together(curve({0.25: 0.7, 1.0: 0.9}), arm),
        "two tests": together(
            *(together(curve(RISING), arm).assign(test=t) for t in ("image", "group"))
        ),
        "fine-tuned alone": together(curve(RISING), scored("simclr", [0.6] * 5)),
    }
    found = label_value.of_sets(frames)
    assert [*found] == [("whole", "budget"), ("whole", "all"), ("base", "budget")]
    assert label_value.of_sets(frames, method="rotnet") == {}
    assert label_value.of_sets(frames, fraction=0.25) == {}
    with pytest.raises(ValueError, match="two fractions"):
        label_value.worth(frames["one share"], seen="budget")


def test_two_curves_give_the_same_arm_two_shares():
    """0.7 is reached at 25 % of the usual curve, half way to it on the longer one."""
    frame = together(
        curve(RISING),
        curve({0.05: 0.6, 0.25: 0.8, 0.5: 0.85}, variant="budget, many steps"),
        scored("simclr", [0.7] * 5, variant="all"),
        scored("simclr", [0.1] * 5),
        scored("rotnet", [0.7] * 3, variant="all", fraction=0.25),
    )
    (row,) = label_value.two_curves(frame, fraction=0.05).itertuples()
    assert (row.method, row.share_usual) == ("simclr", pytest.approx(0.25))
    assert row.share == pytest.approx(0.15)
    assert (row.data, row.start, row.end) == ("shapes", 0.05, 1.0)


def test_gains_leave_the_other_supervised_recipe_out():
    frame = together(
        curve(RISING),
        scored("supervised-plain", [0.4] * 5),
        scored("simclr", [0.6, 0.7, 0.6, 0.7, 0.6]),
    )
    (row,) = label_value.gains(label_value.worth(frame, seen="budget")).itertuples()
    assert (row.method, row.side) == ("simclr", "higher")
    assert row.mean == pytest.approx(0.14)


def test_a_part_of_the_labels_is_compared_with_all_by_draw_and_seed():
    every = [0.90, 0.94, 0.92, 0.93, 0.91]
    few = [0.80, 0.85, 0.90, 0.94, 0.92]
    frame = together(
        curve({0.05: 0.5, 0.25: 0.7}),
        scored("supervised", every, fraction=1.0),
        scored("simclr", few, fraction=0.25),
        scored("simclr", [0.99, 0.999, 1.0], fraction=0.5, protocol="linear"),
        scored("random", [0.1] * 3, fraction=0.25, protocol="linear"),
    )
    one = label_value.worth(frame, seen="budget")
    quarter, half = label_value.reached(one).itertuples()
    low, high = stats.ttest_rel(few, every).confidence_interval()
    assert (quarter.method, quarter.fraction) == ("simclr", 0.25)
    assert (quarter.low, quarter.high) == pytest.approx((low, high))
    assert quarter.side == "within noise"
    assert (half.side, half.low > 0) == ("few draws", True)  # three: no verdict
    assert half.protocol == "linear"
    assert len(label_value.reached(one, shares=[0.25])) == 1
    assert label_value.reached(one, shares=[0.1]).empty

"""What arms are worth in labels: the fair baseline, the claims, the ends."""

from __future__ import annotations

import math

import pandas as pd
import pytest
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
        ("rotnet", 0.05): "open",
        ("simclr", 0.25): "lower",
        ("rotnet", 0.5): "few draws",
        ("rotnet", 0.25): "open",
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

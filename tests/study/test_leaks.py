"""Leaks: what is counted, against sums by hand and scipy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from sslkit.study import leaks


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
    assert first["said"].endswith("3 runs), open")
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


# ------------------------------------------------------- test and validation

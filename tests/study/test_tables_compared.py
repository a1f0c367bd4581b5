"""Summaries and differences: intervals as scipy has them, taken within pairs."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from made_runs import done, of
from scipy import stats

from sslkit.runs.records import Run
from sslkit.study import tables


@pytest.mark.parametrize("count", [2, 3, 5, 10])
def test_the_interval_is_that_of_students_t_test(count: int) -> None:
    values = np.random.default_rng(count).normal(0.6, 0.1, count)
    mean, low, high = tables.interval(values)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert mean == pytest.approx(np.mean(values))
    assert (low, high) == pytest.approx((expected.low, expected.high))


def test_the_interval_of_two_values_is_as_wide_as_the_table_of_t_says() -> None:
    # t(0.975, 1) = 12.706; the standard error of 0.5 and 0.7 is 0.1.
    assert tables.interval([0.5, 0.7]) == pytest.approx(
        (0.6, 0.6 - 1.2706, 0.6 + 1.2706), abs=1e-4
    )


def test_one_value_has_no_interval() -> None:
    mean, low, high = tables.interval([0.4])
    assert mean == 0.4
    assert math.isnan(low)
    assert math.isnan(high)


def test_a_summary_is_over_draws_and_seeds_and_mixes_nothing_else() -> None:
    accuracies = {
        ("rotnet", 0.05, "smoke"): [0.50, 0.60, 0.55],
        ("rotnet", 0.25, "smoke"): [0.70, 0.80, 0.90],
        ("simclr", 0.05, "smoke"): [0.20, 0.40, 0.30],
        ("rotnet", 0.05, "quick"): [0.96, 0.98, 0.97],
    }
    runs = []
    for (method, fraction, profile), values in accuracies.items():
        for i, value in enumerate(values):
            run = done(method, value, fraction=fraction, draw=i % 2, seed=i // 2)
            recipe = replace(run.recipe, profile=profile)
            runs.append(of(recipe, dict.fromkeys(run.scores, value)))
    summary = tables.summarise(tables.table(runs))
    assert set(summary["protocol"]) == {"linear", "finetune"}
    assert len(summary) == 2 * len(accuracies)
    for row in summary.itertuples():
        values = accuracies[row.method, row.fraction, row.profile]
        expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
        assert row.runs == 3
        assert row.mean == pytest.approx(np.mean(values))
        assert (row.low, row.high) == pytest.approx((expected.low, expected.high))


def test_a_summary_of_another_column_summarises_that_column() -> None:
    runs = [done("supervised", x, draw=i) for i, x in enumerate((0.5, 0.7))]
    summary = tables.summarise(tables.table(runs), value="last_accuracy")
    assert summary["mean"].item() == pytest.approx(0.58)


# ------------------------------------------------------------------ differences

# By draw and seed: what supervised training and a method reached.
PAIRS = {(0, 0): (0.40, 0.50), (1, 0): (0.60, 0.66), (0, 1): (0.50, 0.64)}


def paired_runs() -> list[Run]:
    runs = []
    for (draw, seed), (base, other) in PAIRS.items():
        runs.append(done("supervised", base, draw=draw, seed=seed))
        runs.append(done("rotnet", {"linear": other}, draw=draw, seed=seed))
    return runs


def test_differences_are_taken_within_a_draw_and_seed() -> None:
    # Without partners: neither draw 5 nor fraction 0.25 may count.
    alone = [
        done("rotnet", {"linear": 0.99}, draw=5),
        done("rotnet", {"linear": 0.99}, fraction=0.25),
        done("supervised", 0.01, draw=6),
    ]
    frame = tables.table([*paired_runs(), *alone])
    (row,) = tables.differences(frame).itertuples()
    assert (row.method, row.protocol, row.pairs) == ("rotnet", "linear", 3)
    assert row.mean == pytest.approx(0.1)  # of 0.10, 0.06, 0.14
    # Their standard error is 0.04 / sqrt(3); t(0.975, 2) = 4.3027.
    half = 4.3027 * 0.04 / math.sqrt(3)
    assert (row.low, row.high) == pytest.approx((0.1 - half, 0.1 + half), abs=1e-5)
    # Unpaired, the spread of the draws would have drowned it.
    unpaired = stats.ttest_ind([x for _, x in PAIRS.values()], [0.4, 0.6, 0.5])
    assert unpaired.confidence_interval(0.95).low < 0 < row.low


def test_pairs_keep_the_single_differences() -> None:
    frame = tables.pairs(tables.table(paired_runs()))
    found = {(r.draw, r.seed): r.difference for r in frame.itertuples()}
    assert found == pytest.approx({(0, 0): 0.10, (1, 0): 0.06, (0, 1): 0.14})


def test_differences_are_positive_where_the_method_is_higher() -> None:
    frame = tables.table([done("supervised", 0.6), done("rotnet", {"linear": 0.5})])
    (row,) = tables.differences(frame).itertuples()
    assert row.mean == pytest.approx(-0.1)
    assert math.isnan(row.low)
    (row,) = tables.differences(frame, value="last_accuracy").itertuples()
    assert row.mean == pytest.approx(-0.1)


def test_methods_protocols_and_fractions_are_compared_apart() -> None:
    runs = [
        done("supervised", 0.50),
        done("supervised", 0.70, fraction=0.5),
        done("rotnet", {"linear": 0.51, "finetune": 0.52}),
        done("simclr", {"linear": 0.53, "finetune": 0.54}, fraction=0.5),
        done("random", {"linear": 0.40}),
    ]
    frame = tables.differences(tables.table(runs))
    found = {
        (r.method, r.protocol, r.fraction): r.mean * 100 for r in frame.itertuples()
    }
    assert found == pytest.approx(
        {
            ("rotnet", "linear", 0.05): 1,
            ("rotnet", "finetune", 0.05): 2,
            ("simclr", "linear", 0.5): -17,
            ("simclr", "finetune", 0.5): -16,
            ("random", "linear", 0.05): -10,
        }
    )


def test_variants_and_divisions_are_compared_apart() -> None:
    """One draw and seed, several times: other settings, or other test images."""
    runs = []
    for name, accuracy in (("supervised", 0.5), ("rotnet", 0.6)):
        run = done(name, accuracy)
        other = replace(run.recipe, variant="warm")
        data = replace(run.recipe.data, test="image")
        runs += [run, of(other, {"finetune": accuracy + 0.1 * accuracy})]
        runs += [of(replace(run.recipe, data=data), {"finetune": accuracy**2})]
    frame = tables.table(runs)
    frame = frame[frame["protocol"] == "finetune"]
    assert len(tables.summarise(frame)) == 6
    found = tables.differences(frame).set_index(["variant", "test"])["mean"]
    assert found.to_dict() == {
        ("base", "given"): pytest.approx(0.1),
        ("warm", "given"): pytest.approx(0.11),
        ("base", "image"): pytest.approx(0.11),
    }


def test_against_the_random_floor_its_linear_probe_is_the_baseline() -> None:
    runs = [
        done("random", {"linear": 0.30, "knn": 0.99}),
        done("rotnet", {"linear": 0.50, "knn": 0.60}),
    ]
    frame = tables.differences(tables.table(runs), against="random")
    assert dict(zip(frame["protocol"], frame["mean"], strict=True)) == pytest.approx(
        {"linear": 0.2, "knn": 0.3}
    )


def test_no_partner_at_all_is_an_error_that_names_the_baseline() -> None:
    other_draw = [done("supervised", 0.5, draw=1), done("rotnet", 0.6)]
    other_data = [done("supervised", 0.5), done("rotnet", 0.6, data="a/folder")]
    for runs in ([done("rotnet", 0.6)], other_draw, other_data):
        with pytest.raises(ValueError, match="supervised"):
            tables.differences(tables.table(runs))


@pytest.mark.parametrize("twice", ["supervised", "rotnet"])
def test_two_runs_of_an_arm_for_one_draw_and_seed_are_ambiguous(twice: str) -> None:
    again = done(twice, 0.3, epochs=9)  # the same but for a setting
    frame = tables.table([*paired_runs(), again])
    for compare in (tables.pairs, tables.differences, tables.summarise):
        with pytest.raises(ValueError, match=f"several '{twice}' runs"):
            compare(frame)
    own = frame["settings"] != tables.table([again])["settings"].iloc[0]
    assert tables.differences(frame[own])["pairs"].tolist() == [3]


# --------------------------------------------------------------------- in words


def test_a_difference_in_words_has_its_interval_and_its_pairs() -> None:
    said = tables.in_words(0.1, 0.02, 0.18, 5)
    assert said == "+10.0 points (95 % interval +2.0 to +18.0, 5 pairs)"


@pytest.mark.parametrize(
    ("low", "high", "noise"),
    [(-0.01, 0.2, True), (0.01, 0.2, False), (-0.2, -0.01, False), (-0.2, 0.01, True)],
)
def test_an_interval_that_holds_zero_is_called_noise(
    low: float, high: float, noise: bool
) -> None:
    assert ("open" in tables.in_words(0.05, low, high, 5)) == noise


def test_a_single_pair_claims_nothing() -> None:
    said = tables.in_words(*tables.interval([0.1]), 1)
    assert "+10.0 points" in said
    assert "unknown" in said
    assert "nan" not in said


def test_runs_with_a_count_of_labels_stand_at_the_share_that_they_are() -> None:
    runs = [
        done(method, base + 0.02 * draw, draw=draw, labels=5)
        for method, base in (("supervised", 0.5), ("rotnet", 0.6))
        for draw in (0, 1)
    ]
    frame = tables.table([*runs, done("supervised", 0.9), done("rotnet", 0.9)])
    few = tables.summarise(frame)
    few = few[few["fraction"] == 15 / 60]
    assert few["method"].tolist() == ["supervised", "rotnet", "rotnet"]
    assert few["runs"].tolist() == [2, 2, 2]
    assert few["mean"].tolist() == pytest.approx([0.51, 0.61, 0.61])
    found = tables.differences(frame)
    found = found[found["fraction"] == 15 / 60]
    assert found["mean"].tolist() == pytest.approx([0.1, 0.1])


def test_a_difference_is_a_mean_its_interval_and_their_number() -> None:
    values = [0.1, 0.3, 0.5]
    low, high = stats.ttest_1samp(values, 0).confidence_interval()
    found = tables.difference(values)
    assert found == pytest.approx((0.3, low, high, 3))
    assert tables.in_words(*found).endswith("3 pairs), open")


def test_a_difference_in_words_says_of_what_it_is_the_mean() -> None:
    said = tables.in_words(0.1, 0.02, 0.18, 5, of="draw")
    assert said == "+10.0 points (95 % interval +2.0 to +18.0, 5 draws)"
    assert "a single run, so" in tables.in_words(0.1, math.nan, math.nan, 1, of="run")


def test_every_row_is_worded_as_if_alone() -> None:
    rows = [(0.1, 0.02, 0.18, 5), (0.05, -0.1, 0.2, 3), (0.1, math.nan, math.nan, 1)]
    frame = pd.DataFrame(rows, columns=["mean", "low", "high", "runs"])
    said = list(tables.worded(frame, count="runs")["said"])
    assert said == [tables.in_words(*row, of="run") for row in rows]
    assert "said" not in frame
    assert list(tables.worded(frame[:0], count="runs")["said"]) == []

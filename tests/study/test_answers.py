"""Answers from records: selections, corrections, spread, curves."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scored import scored, together

import sslkit
from sslkit.judging.scores import Score
from sslkit.runs.records import Run
from sslkit.study import answers, contrasts, tables

pytestmark = pytest.mark.filterwarnings("error")


def test_unpaid_are_the_arms_whose_interval_is_not_above_zero():
    frame = together(
        scored("supervised", [0.5, 0.5]),
        scored("simclr", [0.7, 0.71]),
        scored("simclr", [0.4, 0.9], protocol="linear"),
        scored("byol", [0.1, 0.11]),
        scored("vicreg", [0.9]),
    )
    found = answers.unpaid(tables.differences(frame))
    assert found == ["SimCLR (linear)", "BYOL (finetune)", "VICReg (finetune)"]


# -------------------------------------------------- single differences, by figure


def test_amounts_are_single_differences_to_the_budget_alone():
    frame = together(
        scored("simclr", [0.5, 0.6]),
        scored("simclr", [0.7, 0.9], variant="all"),
        scored("simclr", [0.5, 0.4], variant="other alone"),
        scored("simclr", [0.5], protocol="linear"),
        scored("simclr", [0.6], protocol="linear", variant="all"),
        scored("simclr", [0.0], variant="all", fraction=0.25),
    )
    rows = answers.amounts(frame)
    assert list(rows["protocol"]) == ["linear", *["finetune"] * 4]
    assert list(rows["variant"]) == ["all"] * 3 + ["other alone"] * 2
    assert list(rows["difference"]) == pytest.approx([0.1, 0.2, 0.3, 0, -0.2])
    assert set(rows["data"]) == {"shapes"}
    assert answers.amounts(scored("simclr", [0.5])).empty
    assert set(answers.by_amount(frame)["variant"]) == {"all", "other alone"}


def test_differences_to_supervised_are_those_of_the_base_below_all_labels():
    frame = together(
        scored("simclr", [0.7, 0.8]),
        scored("simclr", [0.7], protocol="knn"),
        scored("simclr", [0.9, 0.9], variant="all"),
        scored("supervised", [0.5, 0.5]),
        scored("supervised", [0.9], fraction=1.0),
        scored("supervised-plain", [0.8], fraction=1.0),
    )
    rows = answers.to_supervised(frame)
    assert list(rows["difference"]) == pytest.approx([0.2, 0.3])
    assert answers.to_supervised(frame[frame["method"] != "supervised"]).empty
    assert answers.to_supervised(frame[frame["method"] == "supervised"]).empty


def test_over_supervised_takes_supervised_training_of_as_many_steps_for_all_images():
    frame = together(
        scored("simclr", [0.7, 0.8]),
        scored("simclr", [0.1, 0.1], protocol="linear"),
        scored("simclr", [0.8, 0.9], variant="all"),
        scored("simclr", [0.3, 0.3], variant="budget, many steps"),
        scored("supervised", [0.5, 0.5]),
        scored("supervised", [0.6, 0.7], variant="budget, many steps"),
    )
    (budget,) = answers.over_supervised(frame).itertuples()
    (every,) = answers.over_supervised(frame, seen="all").itertuples()
    (frozen,) = answers.over_supervised(frame, protocol="linear").itertuples()
    assert (budget.method, budget.mean) == ("simclr", pytest.approx(0.25))
    assert (every.method, every.mean) == ("simclr", pytest.approx(0.2))
    assert frozen.mean == pytest.approx(-0.4)
    assert (every.side, frozen.side) == ("higher", "lower"), "equal differences"
    for lacking in (frame[frame["variant"] == "base"], pd.DataFrame()):
        none = answers.over_supervised(lacking, seen="all")
        assert none.empty
        assert {"mean", "side"} <= set(none)


# ------------------------------------------------------- corrected, spread, curves


def test_a_contrast_counts_by_its_corrected_p_value_and_not_by_its_interval():
    """Scores 0.1 + small noise: four p-values, some below 5 % only uncorrected."""
    rng = np.random.default_rng(1)
    noise = 0.02 * rng.normal(size=(4, 10))
    frame = together(
        scored("supervised", (0.5 + noise[0]).tolist()),
        scored("simclr", (0.4 + noise[1]).tolist()),
        scored("rotnet", (0.6 + noise[2]).tolist()),
        scored("rotnet-jitter", (0.52 + noise[3]).tolist()),
        scored("simclr", [0.0] * 10, variant="all"),
    )
    rows = answers.named_before(frame)
    base = frame[frame["variant"] == "base"]
    expected = contrasts.contrasts(base)
    assert rows["holm"].tolist() == expected["holm"].tolist()
    by_hand = [
        "within noise" if holm >= 0.05 else "higher" if mean > 0 else "lower"
        for mean, holm in zip(expected["mean"], expected["holm"], strict=True)
    ]
    assert rows["side"].tolist() == by_hand
    assert {"higher", "lower"} <= set(by_hand)
    strict = answers.named_before(frame, level=rows["p"].min() / 2)
    assert set(strict["side"]) == {"within noise"}


def test_one_pair_is_no_contrast_that_counts():
    frame = together(scored("simclr", [0.9]), scored("supervised", [0.1]))
    assert answers.named_before(frame)["side"].tolist() == ["within noise"]


def test_spread_takes_base_and_seeds_fine_tuned_at_one_share():
    """Within, the variance is 0.0008; the means 0.52 and 0.62 have 0.005."""
    base, more = scored("simclr", [0.5, 0.6]), scored("simclr", [0.54, 0.64])
    frame = together(
        base,
        more.assign(seed=more["seed"] + 10, variant="seeds"),
        base.assign(seed=20, variant="all"),
        scored("simclr", [0.1, 0.9], protocol="linear"),
    )
    (row,) = answers.spread(frame).itertuples()
    assert (row.draws, row.seeds) == (2, 2)
    assert row.of_seeds == pytest.approx(math.sqrt(0.0008))
    assert row.of_draws == pytest.approx(math.sqrt(0.005 - 0.0008 / 2))
    assert answers.spread(frame, fraction=0.25).empty


def test_another_test_set_moves_a_network_by_half_of_its_interval():
    frame = scored("simclr", [0.5, 0.6])
    frame.loc[1, ["high", "macro_recall"]] += [0.04, -0.05]
    half, apart = answers.another_test_set(frame)
    assert half == pytest.approx((0.08 + 0.10) / 2)
    assert apart == pytest.approx(0.08)


def run(method: str, phases: list[str], *, fraction: float = 0.05) -> Run:
    """A fine-tuned run that kept the curves of some phases."""
    recipe = sslkit.recipe(method, profile="smoke", fraction=fraction)
    score = Score(0.5, 0.7, 0.4, 0.6, [[1, 1], [1, 1]], 3, 0.5, 0.7, 8)
    history = pd.DataFrame({"phase": phases, "epoch": 1})
    return Run(recipe, method, {"finetune": score}, history, {})


def test_learning_sorts_runs_by_arm_and_phase_and_leaves_out_other_variants():
    simclr = run("simclr", ["pretrain", "pretrain", "finetune", "linear"])
    supervised = run("supervised", ["finetune"])
    seeds = replace(simclr, recipe=replace(simclr.recipe, variant="seeds"))
    frozen = replace(simclr, scores={})
    quarter = run("simclr", ["finetune"], fraction=0.25)
    runs = [simclr, simclr, supervised, seeds, frozen, quarter]
    found = answers.learning(runs)
    assert list(found) == [
        ("supervised", "finetune"),
        ("simclr", "pretrain"),
        ("simclr", "finetune"),
    ]
    assert found["simclr", "pretrain"] == [simclr, simclr]
    assert answers.learning(runs, fraction=0.25) == {("simclr", "finetune"): [quarter]}
    assert answers.learning([]) == {}

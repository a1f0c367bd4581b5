"""Gains and curves of few labels, on made-up scores."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from made_labels import BUDGETS, POOL, scored, together

from sslkit.study import gains
from sslkit.study.crossed import crossed, one_encoder

pytestmark = pytest.mark.filterwarnings("error")

NOISY = (0.02, 0.01, 0.005)


@pytest.fixture
def frame() -> pd.DataFrame:
    """Two pretrained arms, supervised training, a random encoder."""
    few = {n: 0.5 + 0.05 * i for i, n in enumerate(BUDGETS)}
    low = {n: y - 0.2 for n, y in few.items()}
    more = {n: y + 0.02 for n, y in few.items()}
    return together(
        scored("simclr", few, spread=NOISY),
        scored("simclr", more, protocol="finetune", spread=NOISY),
        scored("rotnet", low, spread=NOISY),
        scored("supervised", low, protocol="finetune", seeds=0, spread=NOISY),
        scored("random", low, seeds=0, spread=NOISY),
        scored("byol", few, seeds=1, spread=NOISY),
    ).sample(frac=1, random_state=0)


def values(frame: pd.DataFrame, method: str, protocol: str, labels: int) -> np.ndarray:
    """(draws, seeds) in per cent, picked one by one."""
    own = frame[(frame["method"] == method) & (frame["labels"] == labels)]
    own = own[own["protocol"] == protocol].set_index(["draw", "pretraining_seed"])
    draws, seeds = (sorted(set(own.index.get_level_values(i))) for i in (0, 1))
    return np.array([[100 * own.loc[(d, s), "accuracy"] for s in seeds] for d in draws])


def test_a_gain_is_paired_with_supervised_training_draw_by_draw(frame):
    found = gains.gain(frame, "simclr", labels=100)
    ours, theirs = (
        values(frame, "simclr", "linear", 100),
        values(frame, "supervised", "finetune", 100),
    )
    assert found == pytest.approx(crossed(ours - theirs))
    assert (found.draws, found.seeds) == (5, 3)
    assert found.mean == pytest.approx(20, abs=3)
    assert found == gains.gain(frame, "simclr", fraction=100 / POOL)


def test_two_pretrained_arms_are_paired_by_draw_and_seed(frame):
    found = gains.gain(frame, "simclr", labels=500, against="rotnet")
    ours, theirs = (values(frame, m, "linear", 500) for m in ("simclr", "rotnet"))
    assert found == pytest.approx(crossed(ours - theirs))
    tuned = gains.gain(
        frame,
        "simclr",
        labels=500,
        protocol="finetune",
        against="simclr",
        against_protocol="linear",
    )
    assert tuned.mean == pytest.approx(2, abs=1)


def test_supervised_training_less_an_arm_is_the_gain_turned_round(frame):
    found = gains.gain(frame, "supervised", labels=100, against="simclr")
    turned = gains.gain(frame, "simclr", labels=100)
    assert (found.mean, found.low) == pytest.approx((-turned.mean, -turned.high))
    assert found.seeds == 3


def test_without_pretraining_there_are_no_seeds_and_with_one_encoder_there_is_one(
    frame,
):
    assert gains.gain(frame, "random", labels=100).seeds == 0
    assert gains.gain(frame, "byol", labels=100).seeds == 1


def test_an_encoder_for_each_draw_is_paired_by_draw(frame):
    own = scored(
        *("simclr", {500: 0.5}),
        protocol="finetune",
        variant="labelled images",
        nested=True,
        spread=NOISY,
    )
    both = together(frame, own)
    arm: dict = {"labels": 500, "protocol": "finetune"}
    found = gains.gain(both, "simclr", variant="labelled images", **arm)
    apart = own.set_index("draw")["accuracy"].to_numpy() * 100
    theirs = values(frame, "supervised", "finetune", 500)[:, 0]
    assert found == pytest.approx(crossed(apart - theirs), nan_ok=True)
    assert found.seeds == 0
    other = gains.gain(
        both, "simclr", against="simclr", against_variant=own.variant[0], **arm
    )
    base = values(frame, "simclr", "finetune", 500)
    assert other == pytest.approx(crossed(base - apart[:, None]))


def test_the_table_of_a_gain_shows_what_one_encoder_may_do(frame):
    table = gains.paired(frame, "simclr", labels=100)
    assert table.shape == (5, 3)
    assert one_encoder(table).loses == 0


def test_while_runs_are_missing_the_complete_part_counts(frame):
    late = frame["method"].eq("simclr") & frame["pretraining_seed"].eq(2)
    some = frame[~(late & frame["draw"].gt(11))]  # the third seed has two draws
    assert gains.paired(some, "simclr", labels=100).shape == (5, 2)
    last = frame[~(late & frame["draw"].eq(14))]
    assert gains.paired(last, "simclr", labels=100).shape == (4, 3)
    base = frame[~(frame["method"].eq("supervised") & frame["draw"].eq(10))]
    assert list(gains.paired(base, "simclr", labels=100).index) == [11, 12, 13, 14]


def test_a_budget_that_was_asked_for_twice_counts_once(frame):
    twice = frame[frame["labels"] == 100].assign(fraction=0.0104)
    both = together(frame, twice)
    assert gains.gain(both, "simclr", labels=100) == gains.gain(
        frame, "simclr", labels=100
    )
    curve = gains.curve(both, "simclr")
    assert curve["labels"].tolist() == [*BUDGETS]
    pd.testing.assert_frame_equal(curve, gains.curve(frame, "simclr"))


def test_mixed_settings_and_sets_and_unknown_budgets_are_refused(frame):
    with pytest.raises(ValueError, match="several 'simclr' runs for one draw"):
        gains.gain(together(frame, frame), "simclr", labels=100)
    mixed = together(frame, frame.assign(data="blood8"))
    with pytest.raises(ValueError, match="one data set and profile"):
        gains.gain(mixed, "simclr", labels=100)
    with pytest.raises(ValueError, match="no score of 'simclr' by 'knn'"):
        gains.gain(frame, "simclr", protocol="knn", labels=100)
    with pytest.raises(ValueError, match="no score of 'simclr'"):
        gains.gain(frame, "simclr", labels=101)
    for budget in ({}, {"labels": 100, "fraction": 0.01}):
        with pytest.raises(ValueError, match="give one of them"):
            gains.gain(frame, "simclr", **budget)
    apart = frame.assign(draw=frame["draw"] + frame["method"].eq("simclr") * 10)
    with pytest.raises(ValueError, match="no draw in common"):
        gains.gain(apart, "simclr", labels=100)


def test_a_curve_has_a_row_a_budget_with_its_interval(frame):
    curve = gains.curve(frame, "simclr", "linear")
    assert curve["labels"].tolist() == [*BUDGETS]
    assert curve["fraction"].tolist() == [n / POOL for n in BUDGETS]
    for _, row in curve.iterrows():
        found = crossed(values(frame, "simclr", "linear", row["labels"]))
        assert (row["mean"], row["low"], row["high"]) == pytest.approx(found[:3])
        assert (row["draws"], row["seeds"]) == (5, 3)
    assert set(curve["data"]) == {"cifar10"}
    alone = gains.curve(frame, "supervised", "knn")
    assert set(alone["protocol"]) == {"finetune"}, "there is but one"
    assert set(alone["seeds"]) == {0}


def test_a_surface_reads_images_and_steps_from_the_variants(frame):
    parts = [
        scored(
            *("simclr", {100: 0.4 + images / 1e5 + steps / 1e5, 500: 0.6}),
            variant=f"{images} images, {steps} steps",
            seeds=3 if steps == 6000 else 1,
        )
        for images in (50_000, 2500)
        for steps in (6000, 500)
    ]
    table = gains.surface(together(frame, *parts), fraction=0.01)
    places = table[["images", "steps"]].to_numpy().tolist()
    assert places == [[2500, 500], [2500, 6000], [50_000, 500], [50_000, 6000]]
    assert table["mean"].tolist() == pytest.approx([43, 48.5, 90.5, 96])
    assert table["seeds"].tolist() == [1, 3, 1, 3]
    assert gains.surface(frame, fraction=0.01).empty

"""Questions as groups of paired differences: against sums by hand and scipy."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scored import scored, together

from sslkit.study import questions
from sslkit.study.cells import Cell

pytestmark = pytest.mark.filterwarnings("error")


def at(rows: pd.DataFrame, group: str, label: str) -> pd.Series:
    """The one difference of that name."""
    (row,) = rows[(rows["group"] == group) & (rows["label"] == label)].index
    return rows.loc[row]


# ---------------------------------------------------------------------- groups


def test_a_named_difference_is_the_paired_t_interval_of_scipy_with_its_side():
    rng = np.random.default_rng(0)
    ours, theirs = rng.random(6) + 1, rng.random(6)
    frame = together(scored("simclr", ours.tolist()), scored("rotnet", theirs.tolist()))
    one, other = Cell("simclr"), Cell("rotnet")
    named = [("a", "x", one, other), ("b", "y", other, one)]
    rows = questions.groups(frame, named)
    low, high = stats.ttest_rel(ours, theirs).confidence_interval()
    assert low > 0, "or the sides below are not tested"
    assert rows.loc[0, ["group", "label", "method", "variant"]].tolist() == [
        "a",
        "x",
        "simclr",
        "base",
    ]
    assert rows.loc[0, "pairs"] == 6
    found = rows.loc[0, ["mean", "low", "high"]].tolist()
    assert found == pytest.approx([(ours - theirs).mean(), low, high])
    assert rows["side"].tolist() == ["higher", "lower"]


def test_sides_keep_their_order_and_differences_without_a_pair_are_left_out():
    frame = together(
        scored("simclr", [0.7, 0.8, 0.6]),
        scored("rotnet", [0.7, 0.6, 0.8]),
        scored("supervised", [0.5]),
    )
    named = [
        ("a", "single", Cell("simclr"), Cell("supervised")),
        ("a", "open", Cell("simclr"), Cell("rotnet")),
        ("a", "none", Cell("simclr"), Cell("random")),
    ]
    rows = questions.groups(frame, named)
    assert list(rows["label"]) == ["single", "open"]
    assert list(rows["side"]) == ["open", "open"]
    assert questions.groups(frame, named[2:]).empty


def test_added_compares_each_way_of_judging_with_its_baselines():
    frame = together(
        scored("simclr", [0.8, 0.9]),
        scored("simclr", [0.6, 0.6], protocol="linear"),
        scored("supervised", [0.7, 0.7]),
        scored("random", [0.5, 0.4], protocol="linear"),
        scored("simclr", [0.1, 0.1], variant="all"),
        scored("simclr", [0.9, 0.9], fraction=0.25),
        scored("supervised", [0.7, 0.6], fraction=0.25),
    )
    rows = questions.added(frame)
    fine, linear = "fine-tuned, less supervised", "linear probe, less supervised"
    floor = "linear probe, less random encoder"
    assert at(rows, fine, "SimCLR 5 %")["mean"] == pytest.approx(0.15)
    assert at(rows, fine, "SimCLR 25 %")["mean"] == pytest.approx(0.25)
    assert at(rows, linear, "SimCLR 5 %")["mean"] == pytest.approx(-0.1)
    assert at(rows, floor, "SimCLR 5 %")["mean"] == pytest.approx(0.15)
    assert len(rows) == 4
    assert list(rows["group"].unique()) == [fine, linear, floor]


def test_reached_names_the_least_share_whose_mean_gets_there():
    frame = together(
        scored("supervised", [0.75, 0.75], fraction=1.0),
        scored("supervised", [0.6, 0.6]),
        scored("simclr", [0.6, 0.7]),
        scored("simclr", [0.5, 1.0], fraction=0.25),
        scored("simclr", [0.9, 0.9], fraction=0.5),
        scored("simclr", [0.9, 0.8], variant="all"),
    )
    rows = questions.reached(frame)
    first = rows.groupby("group", sort=False)["first"].first()
    assert list(first.index) == ["supervised", "SimCLR", "SimCLR, all images"]
    assert math.isnan(first["supervised"])
    assert first["SimCLR"] == 0.25, "a mean of exactly nothing gets there"
    assert first["SimCLR, all images"] == 0.05
    assert at(rows, "SimCLR", "5 %")["mean"] == pytest.approx(-0.1)
    assert (rows["first"].notna() == (rows["group"] != "supervised")).all()


def test_jitter_is_asked_in_the_pretext_task_and_in_training_with_labels():
    frame = together(
        scored("rotnet-jitter", [0.7, 0.8], protocol="linear"),
        scored("rotnet", [0.5, 0.6], protocol="linear"),
        scored("supervised", [0.9, 0.9], fraction=1.0),
        scored("supervised-plain", [0.6, 0.8], fraction=1.0),
    )
    rows = questions.jitter(frame)
    assert len(rows) == 2
    pretext = at(rows, "RotNet + jitter, less RotNet", "linear probe 5 %")
    labels = at(rows, "supervised, less supervised in plain views", "100 %")
    assert (pretext["mean"], labels["mean"]) == pytest.approx((0.2, 0.2))


def test_regimes_keep_rate_and_start_apart():
    means = {"base": 0.8, "warm": 0.9, "constant": 0.6, "constant, random start": 0.5}
    frame = together(
        *(scored("simclr", [x, x + 0.01], variant=v) for v, x in means.items())
    )
    rows = questions.regimes(frame)
    head = "5 % of the labels, "
    found = dict(zip(rows["group"], rows["mean"], strict=True))
    assert found == pytest.approx(
        {
            head + "constant from the warm start, less cosine from random": -0.2,
            head + "both from the warm start": -0.3,
            head + "both from random weights": -0.3,
        }
    )


def test_more_images_are_compared_with_the_budget_their_controls_and_labels_alone():
    means = {
        "base": 0.5,
        "all": 0.75,
        "all, few steps": 0.6,
        "budget, many steps": 0.55,
        "budget + other": 0.7,
        "other alone": 0.65,
    }
    frame = together(
        *(scored("simclr", [x, x], variant=v) for v, x in means.items()),
        scored("supervised", [0.4, 0.4]),
        scored("supervised", [0.45, 0.45], variant="budget, many steps"),
    )
    rows = questions.more(frame)
    found = {
        (row.group, row.label): round(row.mean, 9)
        for row in rows.itertuples()
        if row.method == "simclr"
    }
    simclr = {
        "all images, less the budget": 0.25,
        "all images, steps of the budget, less the budget": 0.1,
        "budget, steps of all, less the budget": 0.05,
        "budget and another source, less the budget": 0.2,
        "another source alone, less the budget": 0.15,
        "budget and another source, less the budget for as many steps": 0.15,
        "budget and another source, less as many more images of its own kind": -0.05,
        "all images, less supervised": 0.35,
        "all images, less supervised for as many steps": 0.3,
    }
    assert found == {(group, "SimCLR 5 %"): mean for group, mean in simclr.items()}
    supervised = at(rows, "budget, steps of all, less the budget", "supervised 5 %")
    assert supervised["mean"] == pytest.approx(0.05)
    assert len(rows) == len(simclr) + 1

"""Pairs of the study's printed figures, and how their orders fare in runs."""

from __future__ import annotations

import pandas as pd
import pytest
from scipy import stats
from scored import scored, together

from sslkit.study import orders, reports

pytestmark = pytest.mark.filterwarnings("error")


def figures(*rows: tuple[str, str, str, float, float]) -> pd.DataFrame:
    names = ["method", "regime", "judged", "fraction", "accuracy"]
    return pd.DataFrame(rows, columns=names)


def test_two_figures_are_a_pair_if_they_differ_in_the_method_alone():
    table = figures(
        ("rotnet", "schedule", "finetune", 0.05, 0.7),
        ("rotnet-jitter", "schedule", "finetune", 0.05, 0.6),
        ("rotnet", "constant 5e-6", "finetune", 0.05, 0.9),  # another regime
        ("simclr", "schedule", "linear", 0.05, 0.5),  # judged otherwise
        ("simclr", "schedule", "finetune", 0.25, 0.5),  # another share
    )
    (row,) = orders.method_pairs(table).itertuples()
    assert row[1:-1] == ("rotnet", "rotnet-jitter", "finetune", 0.05, "base")
    assert row.printed == pytest.approx(0.1)


def test_a_figure_without_a_regime_stands_beside_both():
    table = figures(
        ("supervised", "unsaid", "finetune", 0.05, 0.5),
        ("rotnet", "schedule", "finetune", 0.05, 0.7),
        ("rotnet", "constant 5e-6", "finetune", 0.05, 0.4),
        ("simclr", "unsaid", "finetune", 0.05, 0.6),
    )
    pairs = orders.method_pairs(table)
    found = {
        (row.method, row.other, row.variant): round(row.printed, 9)
        for row in pairs.itertuples()
    }
    assert found == {
        ("supervised", "rotnet", "base"): -0.2,
        ("supervised", "rotnet", "constant"): 0.1,
        ("supervised", "simclr", "base"): -0.1,
        ("rotnet", "simclr", "base"): 0.1,
        ("rotnet", "simclr", "constant"): -0.2,
    }


def test_unknown_methods_and_unsaid_protocols_have_no_pair():
    table = figures(
        ("rotnet", "schedule", "finetune", 0.05, 0.7),
        ("simclr+kidney", "schedule", "finetune", 0.05, 0.6),
        ("supervised", "unsaid", "unsaid", 0.05, 0.5),
        ("simclr", "unsaid", "unsaid", 0.05, 0.5),
    )
    assert orders.method_pairs(table).empty


def test_our_differences_are_turned_into_the_order_of_the_study():
    ours, theirs = [0.5, 0.6, 0.52], [0.7, 0.8, 0.75]
    frame = together(
        scored("rotnet", ours), scored("simclr", theirs), scored("supervised", ours)
    )
    table = figures(
        ("rotnet", "schedule", "finetune", 0.05, 0.6),
        ("simclr", "schedule", "finetune", 0.05, 0.9),  # before RotNet, as in ours
        ("supervised", "schedule", "finetune", 0.05, 0.95),  # before SimCLR: not so
    )
    rows = orders.fared(frame, orders.method_pairs(table))
    sides = rows.set_index(["method", "other"])["side"].to_dict()
    assert sides == {
        ("rotnet", "simclr"): "higher",
        ("rotnet", "supervised"): "open",
        ("simclr", "supervised"): "lower",
    }
    low, high = stats.ttest_rel(theirs, ours).confidence_interval()
    first = rows.iloc[0]
    assert (first["low"], first["high"]) == pytest.approx((low, high))
    assert first["pairs"] == 3


def test_luck_is_a_difference_below_two_deviations_of_single_ones():
    """Ours differ by 0.1 and 0.3: a standard deviation of 0.1 times the root of two."""
    frame = together(scored("rotnet", [0.6, 0.8]), scored("simclr", [0.5, 0.5]))
    for printed, lucky in ((0.28, True), (0.29, False), (-0.28, True)):
        table = figures(
            ("rotnet", "schedule", "finetune", 0.05, 0.5 + printed),
            ("simclr", "schedule", "finetune", 0.05, 0.5),
        )
        (row,) = orders.fared(frame, orders.method_pairs(table)).itertuples()
        assert row.deviation == pytest.approx(0.1 * 2**0.5)
        assert row.luck == lucky


def test_a_pair_that_we_ran_once_or_in_another_variant_is_left_out():
    table = figures(
        ("rotnet", "constant 5e-6", "finetune", 0.05, 0.6),
        ("simclr", "constant 5e-6", "finetune", 0.05, 0.9),
    )
    base = together(scored("rotnet", [0.6, 0.8]), scored("simclr", [0.5, 0.5]))
    pairs = orders.method_pairs(table)
    assert orders.fared(base, pairs).empty
    assert len(orders.fared(base.assign(variant="constant"), pairs)) == 1
    once = base[base["draw"] == 0].assign(variant="constant")
    none = orders.fared(once, pairs)
    assert none["luck"].sum() == 0
    assert none["side"].value_counts()["higher"] == 0


# --------------------------------------------------------- studies of single runs


ARMS = (("supervised", "finetune"), ("rotnet", "finetune"), ("simclr", "linear"))


def test_the_printed_order_takes_the_first_figure_of_each_arm_under_a_schedule():
    table = figures(
        ("rotnet", "constant 5e-6", "finetune", 0.05, 0.99),
        ("rotnet", "schedule", "finetune", 0.05, 0.7),
        ("rotnet", "schedule", "linear", 0.05, 0.1),  # judged otherwise
        ("supervised", "unsaid", "finetune", 0.05, 0.5),
        ("supervised", "unsaid", "finetune", 0.05, 0.9),  # a later report
        ("simclr", "unsaid", "linear", 0.05, 0.6),
        ("rotnet", "schedule", "finetune", 0.25, 0.3),
    )
    order = orders.printed_order(table, ARMS, fraction=0.05)
    assert order == ("rotnet", "simclr", "supervised")
    assert orders.printed_order(table, ARMS, fraction=0.25) == ("rotnet",)
    assert orders.printed_order(table, ARMS, fraction=0.5) == ()


def test_the_reports_order_all_arms_at_every_share():
    table = reports.printed()
    first = ("rotnet-jitter", "simclr", "rotnet", "supervised")
    last = ("rotnet-jitter", "supervised", "rotnet", "simclr")
    found = [
        orders.printed_order(table, orders.STUDIED, fraction=share)
        for share in (0.05, 0.25, 0.5)
    ]
    assert found == [first, first, last]


def test_a_study_is_a_draw_that_has_every_arm_each_judged_its_way():
    frame = together(
        scored("simclr", [0.6, 0.4, 0.9], protocol="linear"),
        scored("simclr", [0.1, 0.1, 0.1]),  # not as the study judged it
        scored("supervised", [0.5, 0.5]),
        scored("rotnet", [0.4, 0.5, 0.5]),
        scored("rotnet", [0.4], fraction=0.25),
    )
    table = figures(
        ("rotnet", "schedule", "finetune", 0.05, 0.5),
        ("simclr", "unsaid", "linear", 0.05, 0.9),
    )
    found = orders.studies(frame, table, arms=ARMS)
    assert found["fraction"].tolist() == [0.05, 0.05]
    assert found[["supervised", "rotnet", "simclr"]].to_numpy().tolist() == [
        [0.5, 0.4, 0.6],
        [0.5, 0.5, 0.4],
    ]
    assert found["best"].tolist() == ["simclr", "supervised"]
    assert found["order"].tolist() == [
        ("simclr", "supervised", "rotnet"),
        ("supervised", "rotnet", "simclr"),  # equal ones as the arms are given
    ]
    assert found["as_printed"].tolist() == [True, False], "of those that were printed"
    assert set(found["data"]) == {"shapes"}
    with pytest.raises(ValueError, match="duplicate"):
        orders.studies(together(frame, frame), table, arms=ARMS)
    assert orders.studies(frame, table, arms=ARMS, fractions=[0.5]).empty

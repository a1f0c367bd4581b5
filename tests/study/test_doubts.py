"""Which published pretrainings gave an alarm."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
from small_runs import by_hand

from sslkit.runs.records import Run
from sslkit.study.doubts import doubts


def run(method: str, loss: float, seed: int, variant: str = "base") -> Run:
    one = by_hand(seed, method)
    columns = ["phase", "epoch", "step", "metric", "value"]
    history = pd.DataFrame([("pretrain", 1, 3, "train_loss", loss)], columns=columns)
    recipe = replace(one.recipe, variant=variant)
    about = one.about | {"pretraining_key": f"{method} {seed}"}
    return replace(one, recipe=recipe, history=history, about=about)


def alone() -> Run:
    """A run without pretraining."""
    one = by_hand(method="random")
    return replace(one, about=one.about | {"pretraining_key": "random"})


def test_runs_with_an_alarm_are_counted_by_images_and_method() -> None:
    table = doubts(
        [
            run("simclr", 2.0, 0),
            run("rotnet", 1.38, 0),
            run("rotnet", 30.0, 1),
            run("rotnet", 0.7, 2),
            run("rotnet", 1.38, 3, variant="rotated"),
            alone(),
        ]
    )
    assert table.to_dict("records") == [
        {
            "data": "shapes",
            "method": "rotnet",
            "pretrainings": 3,
            "doubted": 2,
            "alarms": "at chance, rate too high",
        },
        {
            "data": "shapes",
            "method": "simclr",
            "pretrainings": 1,
            "doubted": 0,
            "alarms": "",
        },
    ]


def test_runs_that_share_an_encoder_are_one_pretraining() -> None:
    stuck, well = run("rotnet", 1.38, 0), run("rotnet", 0.7, 1)
    most = replace(stuck, about=stuck.about | {"health": {"labelled": 90}})
    (row,) = doubts([stuck, well, most, stuck]).to_dict("records")
    assert (row["pretrainings"], row["doubted"]) == (2, 1)


def test_without_any_pretraining_the_table_is_empty() -> None:
    assert list(doubts([alone()])) == list(doubts([]))
    assert len(doubts([])) == 0

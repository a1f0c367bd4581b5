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
    return replace(one, recipe=recipe, history=history)


def test_runs_with_an_alarm_are_counted_by_images_and_method() -> None:
    table = doubts(
        [
            run("simclr", 2.0, 0),
            run("rotnet", 1.38, 0),
            run("rotnet", 30.0, 1),
            run("rotnet", 0.7, 2),
            run("rotnet", 1.38, 3, variant="rotated"),
            by_hand(method="random"),
        ]
    )
    assert table.to_dict("records") == [
        {
            "data": "shapes",
            "method": "rotnet",
            "runs": 3,
            "doubted": 2,
            "alarms": "at chance, rate too high",
        },
        {"data": "shapes", "method": "simclr", "runs": 1, "doubted": 0, "alarms": ""},
    ]


def test_without_any_pretraining_the_table_is_empty() -> None:
    assert list(doubts([by_hand(method="random")])) == list(doubts([]))
    assert len(doubts([])) == 0

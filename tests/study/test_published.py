"""Published records of several image sets in one table."""

from __future__ import annotations

import pandas as pd
import pytest

import sslkit
from sslkit.judging.scores import Score
from sslkit.runs.records import Run
from sslkit.study import published, tables


def run(data: str) -> Run:
    recipe = sslkit.recipe("supervised", data=data, profile="smoke")
    score = Score(
        accuracy=0.5,
        loss=1.0,
        low=0.4,
        high=0.6,
        confusion=[[5, 5], [5, 5]],
        epoch=1,
        last_accuracy=0.5,
        last_loss=1.0,
        n_train=8,
    )
    about = {"seconds": {}, "commit": "", "machine": ""}
    return Run(recipe, data, {"finetune": score}, pd.DataFrame(), about)


def test_scores_of_image_sets_stand_below_each_other_in_the_order_given() -> None:
    z, a = [run("z")], [run("a")]
    frame = published.scores([z, [], a])
    assert frame["data"].tolist() == ["z", "a"]
    one = published.scores([a])
    pd.testing.assert_frame_equal(one, tables.table(a))


def test_without_runs_there_are_no_rows_but_the_columns() -> None:
    frame = published.scores([[], []])
    assert frame.empty
    assert {*frame} <= {*tables.table([run("a")])}
    assert tables.summarise(frame).empty
    assert tables.at_fraction(frame, 0.05).empty
    with pytest.raises(KeyError):
        frame["another"]

"""How far training went, on weights and records made by hand."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pandas as pd
import pytest
import torch

import sslkit
from sslkit.judging.scores import Score
from sslkit.learning.training import Training
from sslkit.runs.records import Run
from sslkit.study import progress

pytestmark = pytest.mark.filterwarnings("error")


def run(
    arm: str = "rotnet",
    variant: str = "base",
    *,
    data: str = "tissue",
    fraction: float = 0.05,
    epoch: int = 3,
    n_train: int = 100,
    protocol: str = "finetune",
    losses: tuple[float, ...] = (),
    **downstream: Any,
) -> Run:
    """A record of one protocol, with a history of pretraining if there are losses."""
    recipe = sslkit.recipe(arm, data=data, profile="smoke", fraction=fraction)
    recipe = dataclasses.replace(
        recipe, variant=variant, downstream=Training(**downstream)
    )
    score = Score(
        accuracy=0.5,
        loss=1.0,
        low=0.4,
        high=0.6,
        confusion=[[5, 5], [5, 5]],
        epoch=epoch,
        last_accuracy=0.5,
        last_loss=1.0,
        n_train=n_train,
    )
    history = pd.DataFrame(
        {
            "phase": "pretrain",
            "epoch": range(len(losses)),
            "step": range(len(losses)),
            "metric": "train_loss",
            "value": losses,
        }
    )
    return Run(recipe, "key", {protocol: score}, history, {})


def test_all_rates_of_a_cosine_are_half_of_what_the_highest_would_give() -> None:
    constant = Training(lr=0.01, schedule="constant")
    assert progress.all_rates(constant, 40) == pytest.approx(0.4)
    cosine = Training(lr=0.01, schedule="cosine")
    assert progress.all_rates(cosine, 40) == pytest.approx(0.2)


def test_the_way_of_weights_is_measured_from_where_they_began() -> None:
    before, moves = torch.tensor([3.0, 4.0, 0.0]), torch.tensor([0.0, -3.0, 4.0])
    history = pd.DataFrame(
        [
            (1, 10, "train_loss", 2.0),
            (2, 20, "train_loss", 1.5),
            (2, 20, "train_accuracy", 0.75),
        ],
        columns=["epoch", "step", "metric", "value"],
    )
    training = Training(lr=0.1, schedule="constant")
    way = progress.way(history, moves, before, training=training)
    assert way == (20, pytest.approx(2.0), 4.0, 3.0, 1.0, 1.5, 0.75)


def test_reach_counts_the_steps_of_finetuning_and_adds_up_adams_rates() -> None:
    adam = {"lr": 0.01, "schedule": "constant", "epochs": 3, "batch_size": 30}
    runs = [
        run("rotnet", "warm", **adam),
        run("rotnet", "base", data="a/photographs", optimiser="sgd", steps=7, lr=0.5),
        run("rotnet", "base", **adam),
        run("supervised", "constant", **adam),
        run("rotnet", "constant", fraction=0.25, **adam),
        run("rotnet", "layers", **adam),
        run("rotnet", "field", protocol="linear", **adam),
    ]
    table = progress.reach(runs, fraction=0.05)
    assert table[["data", "variant", "steps", "lr"]].to_numpy().tolist() == [
        ["tissue", "base", 12, 0.01],
        ["tissue", "warm", 12, 0.01],
        ["photographs", "base", 7, 0.5],
    ]
    assert table["rates"].tolist()[:2] == pytest.approx([0.12, 0.12])
    assert math.isnan(table["rates"].iloc[2])


def test_tuned_are_runs_of_regimes_in_which_a_whole_network_learnt() -> None:
    one, other = run("rotnet", "base"), run("simclr", "warm")
    runs = [one, other, run("rotnet", "base", protocol="linear"), run(variant="x")]
    assert progress.tuned(runs, fraction=0.05) == [one, other]
    assert progress.tuned(runs, fraction=0.05, variant="warm") == [other]
    assert progress.tuned(runs, fraction=0.05, arm="rotnet") == [one]
    assert progress.tuned(runs, fraction=0.25) == []


def test_how_often_the_last_epoch_was_the_selected_one() -> None:
    runs = [
        run(variant="warm", epoch=4, epochs=4),
        run("supervised", "base", epoch=4, epochs=4),
        run(variant="base", epoch=3, epochs=4),
        run("simclr", "base", epoch=1, epochs=4),
        run("simclr", "base", epoch=4, epochs=4),
    ]
    table = progress.ended_last(runs, fraction=0.05)
    assert table[["data", "variant", "runs", "last"]].to_numpy().tolist() == [
        ["tissue", "base", 4, 0.5],
        ["tissue", "warm", 1, 1.0],
    ]


def test_the_loss_of_the_pretext_task_is_a_mean_of_draws_at_both_ends() -> None:
    runs = [
        run("simclr", "warm", losses=(5.0, 4.0)),
        run("rotnet", "base", losses=(1.4, 1.3, 1.2)),
        run("rotnet", "base", losses=(1.2, 9.0, 0.8)),
        run("supervised", "base"),
        run("rotnet", "base", losses=(7.0, 7.0), fraction=0.5),
    ]
    table = progress.pretext(runs, fraction=0.05)
    assert table[["variant", "method"]].to_numpy().tolist() == [
        ["base", "rotnet"],
        ["warm", "simclr"],
    ]
    assert table["first"].tolist() == pytest.approx([1.3, 5.0])
    assert table["last"].tolist() == pytest.approx([1.0, 4.0])


def test_without_records_there_is_nothing_to_say() -> None:
    for tell in (progress.reach, progress.ended_last, progress.pretext):
        assert tell([], fraction=0.05).empty

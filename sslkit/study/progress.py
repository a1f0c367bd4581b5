"""How far training went: rates, weights, and losses from the first epoch to the last.

Records are compared by regime, see ``regimes``; image sets stand in the order of the
runs, regimes in theirs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import pandas as pd
from torch import Tensor

from sslkit.learning.training import Training, learning_rate
from sslkit.runs.records import Run
from sslkit.study.regimes import NAMES, in_order
from sslkit.study.tables import data_of


def all_rates(training: Training, steps: int) -> float:
    """The learning rates of all steps together: about as far as Adam moves a weight."""
    return sum(learning_rate(step, steps, training) for step in range(steps))


class Way(NamedTuple):
    """How far the weights of a network went.

    Attributes:
        steps: Of training.
        rates: All learning rates together.
        largest: Move of a weight.
        median: Move of a weight.
        share: Norm of all moves, over that of the weights at the start.
        loss: In training, in the last epoch, in nats.
        accuracy: In training, in the last epoch, in [0, 1].
    """

    steps: int
    rates: float
    largest: float
    median: float
    share: float
    loss: float
    accuracy: float


def way(
    history: pd.DataFrame, moves: Tensor, before: Tensor, *, training: Training
) -> Way:
    """How far the weights of a network went while it was trained.

    Args:
        history: Of one phase: columns epoch, step, metric, value.
        moves: Weights at the end less those at the start, (P,).
        before: Weights at the start, (P,).
        training: How it was trained.
    """
    steps = int(history["step"].max())
    last = history.groupby("metric")["value"].last()
    return Way(
        steps,
        all_rates(training, steps),
        float(moves.abs().max()),
        float(moves.abs().median()),
        float(moves.norm() / before.norm()),
        float(last["train_loss"]),
        float(last["train_accuracy"]),
    )


def reach(runs: Iterable[Run], *, fraction: float) -> pd.DataFrame:
    """How far a weight could go while labels trained whole networks, by regime.

    Args:
        runs: Records; those of pretrained and fine-tuned networks count.
        fraction: Share of the labels.

    Returns:
        Columns data, variant, ``steps``, ``lr`` (the highest) and ``rates``, all of
        them together, NaN but for Adam; image sets in the order of the runs, regimes
        in theirs.
    """
    rows = []
    for one in tuned(runs, fraction=fraction):
        recipe, training = one.recipe, one.recipe.downstream
        if recipe.method is not None:
            count = one.scores["finetune"].n_train
            batches = math.ceil(count / training.batch_size)
            steps = training.steps or training.epochs * batches
            adam = training.optimiser == "adam"
            rates = all_rates(training, steps) if adam else math.nan
            rows.append((data_of(recipe), recipe.variant, steps, training.lr, rates))
    table = pd.DataFrame(rows, columns=["data", "variant", "steps", "lr", "rates"])
    return in_order(table.drop_duplicates(["data", "variant"], keep="last"))


def tuned(
    runs: Iterable[Run],
    *,
    fraction: float,
    variant: str | None = None,
    arm: str | None = None,
) -> list[Run]:
    """The runs of regimes in which labels trained a whole network.

    Args:
        runs: Any records.
        fraction: Share of the labels.
        variant: One regime alone.
        arm: One arm alone, as ``Recipe.arm``.
    """
    return [
        one
        for one in runs
        if one.recipe.fraction == fraction
        and "finetune" in one.scores
        and one.recipe.variant in ([variant] if variant else NAMES)
        and arm in (None, one.recipe.arm)
    ]


def ended_last(runs: Iterable[Run], *, fraction: float) -> pd.DataFrame:
    """For how many networks the selected epoch was the last one.

    Args:
        runs: Records; those with ``finetune`` count.
        fraction: Share of the labels.

    Returns:
        Columns data, variant, ``runs`` and ``last`` (a share of them), in order.
    """
    rows = [
        (
            data_of(one.recipe),
            one.recipe.variant,
            one.scores["finetune"].epoch == one.recipe.downstream.epochs,
        )
        for one in tuned(runs, fraction=fraction)
    ]
    table = pd.DataFrame(rows, columns=["data", "variant", "last"])
    by = table.groupby(["data", "variant"], sort=False)["last"]
    counts = by.agg(["count", "mean"]).reset_index()
    return in_order(counts.rename(columns={"count": "runs", "mean": "last"}))


def pretext(runs: Iterable[Run], *, fraction: float) -> pd.DataFrame:
    """Training loss of pretraining in its first and last epoch, means of all draws.

    Args:
        runs: Records; those with a history of pretraining count.
        fraction: Share of the labels.

    Returns:
        Columns data, variant, method, ``first`` and ``last`` (nats), in order.
    """
    rows = []
    for one in runs:
        own = one.history["phase"] == "pretrain"
        loss = one.history[own & (one.history["metric"] == "train_loss")]["value"]
        if one.recipe.fraction == fraction and len(loss):
            names = data_of(one.recipe), one.recipe.variant, one.recipe.arm
            rows.append((*names, loss.iloc[0], loss.iloc[-1]))
    by = ["data", "variant", "method"]
    table = pd.DataFrame(rows, columns=[*by, "first", "last"])
    return in_order(table.groupby(by, sort=False).mean().reset_index())

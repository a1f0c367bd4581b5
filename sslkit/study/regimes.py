"""Learning-rate regimes compared: how far weights can go, and what it was worth.

A regime is a variant of ``grids.study``: a schedule, a start, and the phase that it
governs. A ``frame`` is from ``tables.table`` (or ``published.scores``); image sets
stand in the order in which it has them first.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import pandas as pd
from torch import Tensor

from sslkit.learning.training import Training, learning_rate
from sslkit.runs.arms import ordered
from sslkit.runs.records import Run
from sslkit.study.tables import DRAW, data_of, interval, side

STARTS = {
    "random start": {
        "base": "cosine",
        "lr/3": "cosine from a third",
        "field": "SGD as in the field",
        "long": "SGD for 1000 epochs",
        "constant, random start": "constant",
    },
    "warm start": {
        "warm": "cosine",
        "constant pretext": "constant pretext",
        "constant downstream": "constant with labels",
        "constant": "constant throughout",
        "constant 5e-6": "constant 5e-6",
    },
}
"""Regimes by where training begins: the variant of a recipe, and how it is called."""

NAMES = {
    variant: f"{start}: {name}"
    for start, regimes in STARTS.items()
    for variant, name in regimes.items()
}
DRAWS = range(5)  # those that every regime was run with
JUDGED = ("finetune", "linear")
LISTED = (
    *((variant, "warm") for variant in STARTS["warm start"] if variant != "warm"),
    *((variant, "base") for variant in STARTS["random start"] if variant != "base"),
    ("warm", "base"),
)
"""A regime less the cosine from the same start, and one start less the other."""

ASKED = (*LISTED, ("constant", "constant, random start"), ("constant", "base"))
_SIDES = ["higher", "lower", "within noise", "one pair"]


# ---------------------------------------------------------------- how far to go


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


# -------------------------------------------------------------- what it was worth


def in_order(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of regimes by image set, then by regime; what is equal stays as it was.

    Args:
        frame: Columns data and variant, among others.
    """
    rows = frame[frame["variant"].isin(NAMES)]
    sets, variants = list(rows["data"].unique()), list(NAMES)
    ranks = rows["data"].map(sets.index) * len(variants)
    ranks += rows["variant"].map(variants.index)
    return rows.loc[ranks.sort_values(kind="stable").index].reset_index(drop=True)


def scores(frame: pd.DataFrame) -> pd.DataFrame:
    """The scores of regimes, fine-tuned and frozen, in order of image set and regime.

    An encoder that was not pretrained, and frozen, has one name whatever its start:
    ``random``.

    Args:
        frame: Any variants.

    Returns:
        The rows, with columns ``start`` and ``regime`` as in ``STARTS``.
    """
    rows = in_order(frame[frame["protocol"].isin(JUDGED)])
    names = [NAMES[variant].split(": ") for variant in rows["variant"]]
    return rows.replace({"method": {"start": "random"}}).assign(
        start=[start for start, _ in names], regime=[name for _, name in names]
    )


def shown(frame: pd.DataFrame, *, fraction: float) -> pd.DataFrame:
    """The scores of the draws that every regime was run with.

    Args:
        frame: From ``scores``.
        fraction: Share of the labels.
    """
    return frame[(frame["fraction"] == fraction) & frame["draw"].isin(DRAWS)]


def differences(
    frame: pd.DataFrame, asked: Sequence[tuple[str, str]] = ASKED
) -> pd.DataFrame:
    """One regime less another for each method: same labels, seed and test images.

    Args:
        frame: From ``scores``.
        asked: A regime, and the one that is subtracted.

    Returns:
        Columns variant, ``less``, fraction, data, protocol, method, ``pairs``,
        ``mean``, ``low``, ``high`` (95 % t-interval) and ``side`` (a category, see
        ``tables.side``), in the order of ``asked``, then of the others.

    Raises:
        ValueError: If an arm was run twice for one draw and seed.
    """
    by = ["fraction", "data", "protocol", "method"]
    keys = [*by, "test", "profile", *DRAW]
    kinds = {name: ordered(map(str, frame[name])) for name in ["method", "protocol"]}
    kinds["data"] = list(frame["data"].unique())
    kinds = {name: pd.CategoricalDtype(known) for name, known in kinds.items()}
    wide = frame.astype(kinds).pivot(index=keys, columns="variant", values="accuracy")
    rows = []
    for variant, less in asked:
        if {variant, less} <= {*wide.columns}:
            gap = (wide[variant] - wide[less]).dropna().sort_index()
            for names, values in gap.groupby(by, observed=True):
                ends = interval(values)
                where = side(*ends[1:])
                rows.append((variant, less, *names, len(values), *ends, where))
    columns = ["variant", "less", *by, "pairs", "mean", "low", "high", "side"]
    table = pd.DataFrame(rows, columns=columns)
    return table.astype({"side": pd.CategoricalDtype(_SIDES)})


def in_print(study: pd.DataFrame) -> pd.DataFrame:
    """The study's two regimes beside each other, as it printed them.

    Args:
        study: From ``single_runs.printed``.

    Returns:
        Columns method, fraction, ``schedule``, ``fixed`` and ``difference`` (fixed
        less schedule), in per cent; a row where both were printed.
    """
    wide = study.pivot_table(
        index=["method", "fraction"], columns="regime", values="accuracy"
    )
    both = wide[["schedule", "constant 5e-6"]].dropna()
    both.columns = pd.Index(["schedule", "fixed"])
    gap = (both["fixed"] - both["schedule"]).round(2)
    return both.assign(difference=gap).reset_index()


# -------------------------------------------------------------- epoch by epoch


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

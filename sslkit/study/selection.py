"""What validation images choose: the epoch, the arm, how to judge; and by how much.

A ``frame`` is from ``tables.table`` (or ``published.scores``) and has one share of the
labels; image sets stand in the order in which it has them first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sslkit.runs.records import Run
from sslkit.study.tables import data_of, difference

JUDGED = ("linear", "mlp", "finetune")  # where an epoch is chosen
ENDS = ("linear", "finetune")
_ACCURACIES = ["val_accuracy", "accuracy"]
LEAST = 4  # draws, for a correlation to be told
_RESAMPLES = 1000


# ---------------------------------------------------------------------- gaps


def gaps(
    frame: pd.DataFrame, value: str, less: str, *, protocols: Sequence[str] = JUDGED
) -> pd.DataFrame:
    """One column of every score less another, as ``value``.

    Args:
        frame: One share of the labels.
        value: The column.
        less: What is subtracted.
        protocols: Those to keep, in the order in which they shall stand.

    Returns:
        The rows that have both, with a column ``value``.
    """
    rows = frame[frame["protocol"].isin(protocols)]
    rows = rows.assign(value=rows[value].astype(float) - rows[less].astype(float))
    return in_order(rows, protocols).dropna(subset="value")


def in_order(frame: pd.DataFrame, protocols: Sequence[str]) -> pd.DataFrame:
    """The rows by image set and then by protocol; what is equal stays as it was."""
    sets = list(frame["data"].unique())
    ranks = frame["data"].map(sets.index) * len(protocols)
    ranks += frame["protocol"].map(list(protocols).index)
    return frame.loc[ranks.sort_values(kind="stable").index]


def mean_gaps(gaps: pd.DataFrame) -> pd.DataFrame:
    """By image set and protocol the mean of all arms, with its spread over draws.

    Args:
        gaps: From ``gaps``.

    Returns:
        Columns data, protocol, ``gap``.
    """
    rows = [
        (*names, difference(own.groupby("draw")["value"].mean()))
        for names, own in gaps.groupby(["data", "protocol"], sort=False)
    ]
    return pd.DataFrame(rows, columns=["data", "protocol", "gap"])


def chosen(frame: pd.DataFrame) -> pd.DataFrame:
    """The selected epoch less the last one in the test, mean of all arms.

    Args:
        frame: One share of the labels.

    Returns:
        Columns data, protocol, ``accuracy`` and ``loss`` (in nats).
    """
    right, loss = (
        mean_gaps(gaps(frame, name, f"last_{name}")).rename(columns={"gap": name})
        for name in ("accuracy", "loss")
    )
    return right.merge(loss, on=["data", "protocol"])


# ------------------------------------------------------- validation and test


def standard_errors(frame: pd.DataFrame, runs: Iterable[Run]) -> pd.DataFrame:
    """How far the accuracy on the validation images scatters for their number alone.

    Args:
        frame: One share of the labels.
        runs: Records of the same image sets, which say how many images validate.

    Returns:
        Columns data, ``images`` that validate, ``accuracy`` on them (mean of linear
        probes and fine-tuned networks), its binomial standard ``error`` and
        ``needed``, the images that make it one point. Sets without accuracies in
        validation are left out.
    """
    counts = [
        (data_of(one.recipe), one.recipe.fraction, one.about["counts"]["val"])
        for one in runs
    ]
    rows = []
    own = frame[frame["protocol"].isin(ENDS)]
    for data, scores in own.groupby("data", sort=False):
        right = float(scores["val_accuracy"].astype(float).mean())
        if np.isfinite(right):
            share = scores["fraction"].iloc[0]
            images = next(
                n for s, f, n in counts if s == data and f and np.isclose(f, share)
            )
            variance = right * (1 - right)
            error = (variance / images) ** 0.5
            rows.append((data, images, right, error, variance / 0.01**2))
    return pd.DataFrame(rows, columns=["data", "images", "accuracy", "error", "needed"])


def correlation(validation: NDArray, test: NDArray) -> float:
    """The correlation of two tables (draws, arms) within arms.

    Every arm's own mean is taken away first, so that what differs between arms does
    not count.

    Returns:
        In [-1, 1]; NaN if either table does not scatter.
    """
    first, second = validation - validation.mean(0), test - test.mean(0)
    both = (first**2).sum() * (second**2).sum()
    return float((first * second).sum() / both**0.5) if both else np.nan


def follows(frame: pd.DataFrame, errors: pd.DataFrame) -> pd.DataFrame:
    """How well test accuracy follows validation accuracy from draw to draw.

    Args:
        frame: One share of the labels.
        errors: From ``standard_errors``.

    Returns:
        Columns data, ``draws`` that have every arm, ``arms``, the correlation ``r``
        within arms, ``low`` and ``high`` (95 % percentiles of a bootstrap over draws)
        and ``hoped``, the r of a fair sample of so many images; NaN for fewer than
        four draws.
    """
    rows = []
    own = frame[frame["protocol"].isin(ENDS)]
    for data, error in errors[["data", "error"]].itertuples(index=False):
        wide = own[own["data"] == data].pivot_table(
            index="draw", columns=["method", "protocol"], values=_ACCURACIES
        )
        whole = wide.astype(float).dropna()
        val, test = (whole[column].to_numpy() for column in _ACCURACIES)
        told = [np.nan] * 4
        if len(test) >= LEAST:
            rng = np.random.default_rng(0)
            some = rng.integers(len(test), size=(_RESAMPLES, len(test)))
            again = [correlation(val[i], test[i]) for i in some]
            variance = test.var(0, ddof=1).mean()
            hoped = (variance / (variance + error**2)) ** 0.5
            ends = np.nanquantile(again, [0.025, 0.975])
            told = [correlation(val, test), *ends, hoped]
        rows.append((data, *test.shape, *told))
    return pd.DataFrame(
        rows, columns=["data", "draws", "arms", "r", "low", "high", "hoped"]
    )


def picked(frame: pd.DataFrame) -> pd.DataFrame:
    """What it brings to choose among fine-tuned arms by their validation loss.

    Args:
        frame: One share of the labels.

    Returns:
        Columns data, ``gain``: test accuracy of the chosen arm less the mean of all
        (a blind pick), a value a draw and seed; and ``hindsight``, the mean of the
        best arm less that of all. Sets without losses in validation are left out.
    """
    rows = []
    own = frame[frame["protocol"] == "finetune"].dropna(subset="val_loss")
    for data, scores in own.astype({"val_loss": float}).groupby("data", sort=False):
        by_draw = scores.groupby(["draw", "seed"])
        blind = by_draw["accuracy"].mean().to_numpy()
        lowest = scores.loc[by_draw["val_loss"].idxmin(), "accuracy"].to_numpy()
        best = by_draw["accuracy"].max().to_numpy()
        rows.append((data, difference(lowest - blind), (best - blind).mean()))
    return pd.DataFrame(rows, columns=["data", "gain", "hindsight"])


# --------------------------------------------------------------------- folds


def folds(frame: pd.DataFrame) -> pd.DataFrame:
    """Five folds less one validation part, for the same encoder, labels and start.

    Args:
        frame: One share of the labels, with the protocols ``linear`` and ``folds``.

    Returns:
        The rows of ``linear`` that have a partner; the columns of ``folds`` beside
        them end in ``_folds``, and ``value`` is the difference of the accuracies.
    """
    one, five = (frame[frame["protocol"] == name] for name in ("linear", "folds"))
    keys = ["data", "method", "draw", "seed"]
    both = one.merge(five, on=keys, suffixes=("", "_folds"))
    return both.assign(value=both["accuracy_folds"] - both["accuracy"])


def fold_gains(folded: pd.DataFrame) -> pd.DataFrame:
    """What five folds bring, and what becomes of the scatter over draws.

    Args:
        folded: From ``folds``.

    Returns:
        Columns data, ``gain`` (mean of all arms, a value a draw), and the standard
        deviations of an arm's accuracy from draw to draw with ``one`` part and with
        ``five`` folds; NaN for a single draw.
    """
    rows = []
    for data, own in folded.groupby("data", sort=False):
        gain = difference(own.groupby("draw")["value"].mean())
        scores = own.groupby("method")[["accuracy", "accuracy_folds"]]
        rows.append((data, gain, *scores.var().mean() ** 0.5))
    return pd.DataFrame(rows, columns=["data", "gain", "one", "five"])

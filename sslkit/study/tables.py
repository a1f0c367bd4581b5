"""From records to tables: a row a score, means with intervals, paired differences."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from sslkit.judging.protocols import UNFROZEN
from sslkit.runs import keys
from sslkit.runs.arms import ordered
from sslkit.runs.recipes import Data, Recipe, arm_name
from sslkit.runs.records import Run
from sslkit.study.crossed import verdict

# What two runs have in common that are compared: images and how they were divided,
# settings, labels.
SAME = ["data", "test", "profile", "variant", "fraction"]
ARM = [*SAME, "method", "protocol"]
DRAW = ["draw", "seed"]
_APART = ["settings", "pretrain", "pretraining_seed"]  # runs that are not one


def table(runs: Iterable[Run]) -> pd.DataFrame:
    """Every score of every run, a row a score, sorted; a run given twice counts once.

    So does a recipe that two versions, or machines of another precision, recorded under
    different keys: the later one.

    ``low`` and ``high`` are the bootstrap interval over test images of that one trained
    model; intervals over draws and seeds are ``summarise``'s.
    """
    once = {run.key: run for run in runs}.values()
    rows = [_row(run, protocol) for run in once for protocol in run.scores]
    frame = pd.DataFrame(rows)
    if frame.empty:
        return frame
    order = pd.Categorical(frame["method"], ordered(frame["method"]))
    by = [*ARM, *DRAW]
    return (
        frame.assign(method=order)
        .drop_duplicates([*by, *_APART], keep="last")
        .sort_values(by)
        .astype({"method": str})
        .reset_index(drop=True)
    )


def _row(run: Run, protocol: str) -> dict[str, object]:
    recipe, score = run.recipe, run.scores[protocol]
    trained = recipe.downstream if protocol in UNFROZEN else recipe.probe
    return {
        "data": data_of(recipe.data),
        "profile": recipe.profile,
        "variant": recipe.variant,
        "settings": _settings(recipe),
        "method": arm_name(recipe, protocol),
        "schedule": trained.schedule,
        "init": Path(recipe.encoder.init).stem,
        "pretrain": _pretrain(recipe),
        "pretraining_seed": recipe.pretraining_seed,
        "fraction": _share(run),
        "labels": run.about["counts"]["train"] + run.about["counts"]["val"],
        "protocol": protocol,
        "draw": recipe.draw,
        "seed": recipe.seed,
        "backbone": recipe.encoder.backbone,
        "image_size": recipe.data.image_size,
        "test": recipe.data.test,
        "epochs": recipe.pretraining.epochs if recipe.method else trained.epochs,
        "n_train": score.n_train,
        "n_test": score.n_test,
        "loss": score.loss,
        "accuracy": score.accuracy,
        "low": score.low,
        "high": score.high,
        "macro_recall": score.macro_recall,
        "majority": score.majority,
        "last_accuracy": score.last_accuracy,
        "last_loss": score.last_loss,
        "val_accuracy": score.val_accuracy,
        "val_loss": score.val_loss,
        "pretraining_seconds": run.about["seconds"].get("pretrain", 0),
        "seconds": sum(run.about["seconds"].get(p, 0) for p in ("pretrain", protocol)),
        "commit": run.about["commit"],
        "machine": run.about["machine"],
    }


def _share(run: Run) -> float:
    """The share of the labels: asked for, or that of so many labels a class."""
    if run.recipe.fraction is not None:
        return run.recipe.fraction
    counts = run.about["counts"]
    return float((counts["train"] + counts["val"]) / counts["pool"])


def data_of(data: Data) -> str:
    """The name of an image set, however its folder was given."""
    return Path(data.name).name


def _pretrain(recipe: Recipe) -> str:
    """Which images pretraining learnt from, in a word."""
    if recipe.method is None:
        return "none"
    if recipe.extra_unlabelled is None:
        return recipe.pretrain
    other = data_of(recipe.extra_unlabelled)
    return other if recipe.pretrain == "extra" else f"{recipe.pretrain}+{other}"


def _settings(recipe: Recipe) -> str:
    """A short digest that tells apart what no other column does: how it was trained.

    Not the precision, which is that of whoever's machine it was.
    """
    names = ("method", "encoder", "pretraining", "downstream", "probe", "augmentation")
    decides = {name: keys.plain(getattr(recipe, name)) for name in names}
    text = json.dumps(decides, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def interval(values: ArrayLike) -> tuple[float, float, float]:
    """Mean and 95 % t-interval of independent values: one a draw (and seed).

    Returns:
        Mean, lower and upper end; the ends are NaN for fewer than two values.
    """
    x = np.asarray(values, dtype=float)
    mean = float(x.mean())
    if len(x) < 2:
        return mean, np.nan, np.nan
    half = float(stats.t.ppf(0.975, len(x) - 1) * stats.sem(x))
    return mean, mean - half, mean + half


class Difference(NamedTuple):
    """A mean difference with its 95 % t-interval, as ``in_words`` takes it.

    Attributes:
        mean, low, high: From ``interval``.
        pairs: How many values it is the mean of.
    """

    mean: float
    low: float
    high: float
    pairs: int


def difference(values: ArrayLike) -> Difference:
    """Differences of pairs, in one: mean, interval and number."""
    return Difference(*interval(values), len(np.asarray(values)))


def summarise(frame: pd.DataFrame, *, value: str = "accuracy") -> pd.DataFrame:
    """Mean and 95 % t-interval over draws and seeds, an arm and protocol a row.

    Args:
        frame: From ``table``.
        value: The column to summarise.

    Returns:
        Columns of ``ARM``, then ``runs``, ``mean``, ``low``, ``high``.

    Raises:
        ValueError: If an arm was run twice for one draw and seed (with other settings).
    """
    _check_single(frame)
    rows = [
        (*names, len(group), *interval(group[value]))
        for names, group in frame.groupby(ARM, sort=False, dropna=False)
    ]
    return pd.DataFrame(rows, columns=[*ARM, "runs", "mean", "low", "high"])


def _check_single(frame: pd.DataFrame) -> None:
    """Refuse to count one draw and seed twice, as where settings are mixed."""
    twice = frame[frame.duplicated([*ARM, *DRAW])]
    if len(twice):
        raise ValueError(
            f"several '{twice['method'].iloc[0]}' runs for one draw and seed; select "
            "one first, for example by the column settings"
        )


def pairs(
    frame: pd.DataFrame, *, against: str = "supervised", value: str = "accuracy"
) -> pd.DataFrame:
    """Every score beside the baseline's of the same data, variant, labels and seed.

    Args:
        frame: From ``table``.
        against: The baseline: ``"supervised"``, or ``"random"`` (its linear probe).
        value: The column to compare.

    Returns:
        The rows that have a partner, with a column ``difference``, positive where the
        method is higher.

    Raises:
        ValueError: If an arm was run twice for one draw and seed, so that pairs would
            be ambiguous, or no row has a partner.
    """
    _check_single(frame)
    keys = [*SAME, *DRAW]
    base = frame[frame["method"] == against]
    if against == "random":
        base = base[base["protocol"] == "linear"]
    if base.duplicated(keys).any():
        raise ValueError(
            f"several '{against}' runs for one draw and seed; select one first"
        )
    others = frame[frame["method"] != against]
    paired = others.merge(base[[*keys, value]], on=keys, suffixes=("", "_base"))
    if paired.empty:
        raise ValueError(f"no run has a '{against}' run of its draw and seed beside it")
    return paired.assign(difference=paired[value] - paired[f"{value}_base"])


def differences(
    frame: pd.DataFrame, *, against: str = "supervised", value: str = "accuracy"
) -> pd.DataFrame:
    """Each method less a baseline, paired by draw and seed, with a 95 % t-interval.

    Args and errors are those of ``pairs``.

    Returns:
        Columns of ``ARM``, then ``pairs``, ``mean``, ``low``, ``high``; positive where
        the method is higher.
    """
    paired = pairs(frame, against=against, value=value)
    rows = [
        (*names, len(group), *interval(group["difference"]))
        for names, group in paired.groupby(ARM, sort=False, dropna=False)
    ]
    return pd.DataFrame(rows, columns=[*ARM, "pairs", "mean", "low", "high"])


def at_fraction(frame: pd.DataFrame, fraction: float) -> pd.DataFrame:
    """The rows of one share of the labels."""
    return frame[np.isclose(frame["fraction"], fraction)]


def in_words(
    mean: float, low: float, high: float, count: int, *, of: str = "pair"
) -> str:
    """A difference of accuracies as a sentence may say it, and that it is open.

    Args:
        mean: The difference, as a share of one.
        low: Lower end of its 95 % interval.
        high: Its upper end.
        count: Of how many values it is the mean.
        of: What these are, in the singular.
    """
    if count < 2:
        return f"{100 * mean:+.1f} points in a single {of}, so of unknown spread"
    ends = f"{100 * low:+.1f} to {100 * high:+.1f}"
    said = f"{100 * mean:+.1f} points (95 % interval {ends}, {count} {of}s)"
    return f"{said}, open" if verdict(low, high) == "open" else said


def worded(frame: pd.DataFrame, *, count: str = "pairs") -> pd.DataFrame:
    """A column ``said`` beside differences: each as ``in_words`` says it.

    Args:
        frame: Columns ``mean``, ``low``, ``high``, and how many values they are of.
        count: The column of that number, a plural: ``"pairs"``, ``"runs"``,
            ``"draws"``.
    """
    values = frame[["mean", "low", "high", count]].to_numpy().tolist()
    said = [
        in_words(mean, low, high, int(many), of=count.removesuffix("s"))
        for mean, low, high, many in values
    ]
    return frame.assign(said=said)

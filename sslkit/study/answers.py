"""The book's questions, answered from records: named groups of paired differences.

A ``frame`` is from ``tables.table``, of one data set and profile, with all variants of
``grids.study``. The groups of a question are a frame, a row a difference: columns
``group`` and ``label`` (names of both), method, protocol, fraction and variant of what
is compared, ``pairs``, ``mean``, ``low``, ``high`` (95 % t-interval over draws and
seeds) and ``side`` (``tables.side``, a category in the order of ``SIDES``). Differences
without a pair are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
import pandas as pd

from sslkit.runs.arms import ARMS, look
from sslkit.runs.recipes import method_name
from sslkit.runs.records import Run
from sslkit.study import contrasts
from sslkit.study.cells import FEW, SHARES, Cell, gaps
from sslkit.study.tables import (
    ARM,
    DRAW,
    at_fraction,
    differences,
    interval,
    pairs,
    side,
)

SIDES = ("higher", "lower", "within noise", "one pair")
PRETRAINED = tuple(name for name, arm in ARMS.items() if arm.pretrained)
EVERY = ("supervised", *PRETRAINED)
AMOUNTS = {
    "all": "all images",
    "all, few steps": "all images, steps of the budget",
    "budget, many steps": "budget, steps of all",
    "budget + other": "budget and another source",
    "other alone": "another source alone",
}
"""Names of the variants with other images, or more steps, than the label budget's."""

_JUDGED = {"finetune": "fine-tuned", "linear": "linear probe"}
_PARTS = SHARES[:-1]
_STARTS = {
    "constant from the warm start, less cosine from random": ("constant", "base"),
    "both from the warm start": ("constant", "warm"),
    "both from random weights": ("constant, random start", "base"),
}
_CONTROLS = {
    "budget, many steps": "the budget for as many steps",
    "all": "as many more images of its own kind",
}
_SUPERVISED = {
    "base": "supervised",
    "budget, many steps": "supervised for as many steps",
}
_SEEN = {"budget": ("base", "base"), "all": ("all", "budget, many steps")}
_Named = tuple[str, str, Cell, Cell]  # group, label, what is compared, and with what


def groups(frame: pd.DataFrame, named: Iterable[_Named]) -> pd.DataFrame:
    """Paired differences of cells under names, a row each, as the module describes.

    Args:
        frame: As the module describes.
        named: Name of the group, name within it, a cell, and the one to subtract.
    """
    rows = []
    for group, label, one, other in named:
        gap = gaps(frame, one, other)
        if len(gap):
            rows.append((group, label, *one, len(gap), *interval(gap)))
    columns = ["group", "label", *Cell._fields, "pairs", "mean", "low", "high"]
    return with_side(pd.DataFrame(rows, columns=columns))


def with_side(rows: pd.DataFrame) -> pd.DataFrame:
    """Add to differences (columns low, high) the ``side`` on which each lies."""
    sides = [side(*ends) for ends in rows[["low", "high"]].itertuples(index=False)]
    return rows.assign(side=pd.Categorical(sides, SIDES, ordered=True))


def added(frame: pd.DataFrame) -> pd.DataFrame:
    """How many points does each pretext task add, by share of the labels?

    A group a way of judging and what it is compared with: supervised training and, for
    the linear probe, a random encoder.
    """
    against = [
        ("finetune", "supervised", "finetune"),
        ("linear", "supervised", "finetune"),
        ("linear", "random", "linear"),
    ]
    return groups(
        frame,
        [
            (
                f"{_JUDGED[judged]}, less {look(base).label}",
                f"{look(method).label} {_percent(share)}",
                Cell(method, judged, share),
                Cell(base, base_judged, share),
            )
            for judged, base, base_judged in against
            for method in PRETRAINED
            for share in _PARTS
        ],
    )


def reached(frame: pd.DataFrame) -> pd.DataFrame:
    """Does an arm with a part of the labels reach supervised training with all of them?

    Returns:
        A group an arm, supervised training first, pretraining on all images last; and a
        column ``first``: the least share whose mean gets there, NaN if none does.
    """
    arms = [("supervised", "base")]
    arms += [(method, seen) for seen in ("base", "all") for method in PRETRAINED]
    rows = groups(
        frame,
        [
            (
                look(method).label + ", all images" * (variant == "all"),
                _percent(share),
                Cell(method, "finetune", share, variant),
                Cell("supervised", "finetune", 1.0),
            )
            for method, variant in arms
            for share in _PARTS
        ],
    )
    there = rows["fraction"].where(rows["mean"] >= 0)
    return rows.assign(first=there.groupby(rows["group"]).transform("min"))


def jitter(frame: pd.DataFrame) -> pd.DataFrame:
    """What does colour jitter add to RotNet, and what to training with labels?"""
    pretext = [
        (
            "RotNet + jitter, less RotNet",
            f"{name} {_percent(share)}",
            Cell("rotnet-jitter", judged, share),
            Cell("rotnet", judged, share),
        )
        for judged, name in _JUDGED.items()
        for share in _PARTS
    ]
    labels = [
        (
            "supervised, less supervised in plain views",
            _percent(share),
            Cell("supervised", fraction=share),
            Cell("supervised-plain", fraction=share),
        )
        for share in SHARES
    ]
    return groups(frame, [*pretext, *labels])


def regimes(frame: pd.DataFrame) -> pd.DataFrame:
    """What does a small constant rate add to a cosine with 5 % of labels, by start?"""
    return groups(
        frame,
        [
            (
                f"{_percent(FEW)} of the labels, {start}",
                look(method).label,
                Cell(method, variant=constant),
                Cell(method, variant=cosine),
            )
            for start, (constant, cosine) in _STARTS.items()
            for method in EVERY
        ],
    )


def more(frame: pd.DataFrame) -> pd.DataFrame:
    """What do more unlabelled images add, fine-tuned, and what their controls?"""
    named = [
        _variants(f"{name}, less the budget", method, variant, "base", share)
        for variant, name in AMOUNTS.items()
        for method in EVERY
        for share in _PARTS
    ]
    named += [
        _variants(
            f"budget and another source, less {name}",
            "simclr",
            "budget + other",
            control,
            share,
        )
        for control, name in _CONTROLS.items()
        for share in _PARTS
    ]
    named += [
        (
            f"all images, less {name}",
            f"{look(method).label} {_percent(share)}",
            Cell(method, "finetune", share, "all"),
            Cell("supervised", "finetune", share, variant),
        )
        for variant, name in _SUPERVISED.items()
        for method in PRETRAINED
        for share in _PARTS
    ]
    return groups(frame, named)


QUESTIONS = {
    "added": added,
    "reached": reached,
    "jitter": jitter,
    "regimes": regimes,
    "more": more,
}
"""The questions that are answered by groups, in the order of their page."""


def _variants(group: str, method: str, one: str, other: str, share: float) -> _Named:
    """One variant of an arm, fine-tuned, less another."""
    return (
        group,
        f"{look(method).label} {_percent(share)}",
        Cell(method, "finetune", share, one),
        Cell(method, "finetune", share, other),
    )


def _percent(share: float) -> str:
    return f"{100 * share:g} %"


def amounts(
    frame: pd.DataFrame, *, protocols: Sequence[str] = ("linear", "finetune")
) -> pd.DataFrame:
    """Single differences of each of ``AMOUNTS`` to the budget alone, with 5 %.

    Args:
        frame: As the module describes.
        protocols: How encoders were judged.

    Returns:
        A row a pair: columns protocol, variant, method, draw, seed, ``difference``,
        data and profile, in the order of ``protocols``, ``AMOUNTS`` and arms.
    """
    found = [
        gaps(frame, Cell(method, protocol, variant=variant), Cell(method, protocol))
        .rename("difference")
        .reset_index()
        .assign(protocol=protocol, variant=variant, method=method)
        for protocol in protocols
        for variant in AMOUNTS
        for method in EVERY
    ]
    rows = pd.concat([one for one in found if len(one)] or found[:1])
    names = ["protocol", "variant", "method", *DRAW, "difference"]
    source = {name: frame[name].iloc[0] for name in ("data", "profile")}
    return rows[names].reset_index(drop=True).assign(**source)


def by_amount(frame: pd.DataFrame) -> pd.DataFrame:
    """The scores of ``AMOUNTS``: of supervised training and of what was pretrained."""
    own = frame["variant"].isin([*AMOUNTS]) & frame["method"].isin(EVERY)
    return frame[own]


def to_supervised(frame: pd.DataFrame) -> pd.DataFrame:
    """Single differences to supervised training with the same part of the labels.

    Returns:
        As ``tables.pairs``, frozen with a linear probe and fine-tuned; no row where
        supervised training, or all else, is missing.
    """
    rows = frame[frame["variant"] == "base"]
    rows = rows[rows["fraction"].isin(_PARTS) & rows["protocol"].isin([*_JUDGED])]
    if not {"supervised"} < set(rows["method"]):
        return rows.iloc[:0]
    return pairs(rows)


def over_supervised(
    frame: pd.DataFrame,
    *,
    seen: Literal["budget", "all"] = "budget",
    protocol: str = "finetune",
) -> pd.DataFrame:
    """Each arm less supervised training with the same labels, by share of labels.

    Args:
        frame: As the module describes; it may be empty.
        seen: Which images pretraining saw, those of the budget alone or all of the
            pool; the latter is compared with supervised training of as many steps.
        protocol: How encoders were judged.

    Returns:
        As ``tables.differences``, with ``side``; no row where records lack.
    """
    variant, against = _SEEN[seen]
    if frame.empty or not {variant, against} <= set(frame["variant"]):
        return with_side(pd.DataFrame(columns=[*ARM, "pairs", "mean", "low", "high"]))
    arms = (frame["variant"] == variant) & (frame["protocol"] == protocol)
    base = (frame["variant"] == against) & (frame["method"] == "supervised")
    return with_side(differences(frame[arms | base].assign(variant=variant)))


def named_before(frame: pd.DataFrame, *, level: float = 0.05) -> pd.DataFrame:
    """The contrasts that were named beforehand, and what is left of them corrected.

    Args:
        frame: As the module describes; its base is taken.
        level: Below which a p-value by Holm counts.

    Returns:
        As ``contrasts.contrasts``, with ``side``: that of the mean where the corrected
        p-value is below the level, and else as of an interval that holds zero.
    """
    rows = contrasts.contrasts(frame[frame["variant"] == "base"])
    counts = rows["holm"] < level
    ends = {
        "low": rows["mean"].where(counts, -np.inf),
        "high": rows["mean"].where(counts, np.inf),
    }
    return rows.assign(side=with_side(rows.assign(**ends))["side"])


def spread(frame: pd.DataFrame, *, fraction: float = FEW) -> pd.DataFrame:
    """Draws against seeds, fine-tuned: ``contrasts.spread`` of base and seeds.

    Args:
        frame: As the module describes.
        fraction: Share of the labels.
    """
    rows = frame[frame["variant"].isin(["base", "seeds"])]
    rows = at_fraction(rows[rows["protocol"] == "finetune"], fraction)
    return contrasts.spread(rows)


def another_test_set(frame: pd.DataFrame) -> tuple[float, float]:
    """How far another test set would move one network, and what recall would change.

    Returns:
        Mean over all scores of half of the bootstrap interval over test images, and the
        largest distance of accuracy and macro-recall, as shares.
    """
    half = (frame["high"] - frame["low"]).mean() / 2
    apart = (frame["accuracy"] - frame["macro_recall"]).abs().max()
    return float(half), float(apart)


def learning(
    runs: Iterable[Run], *, fraction: float = FEW
) -> dict[tuple[str, str], list[Run]]:
    """The runs whose curves show how each arm of the base learnt, by arm and phase.

    Args:
        runs: Records with their histories.
        fraction: Share of the labels.

    Returns:
        By method and phase (``"pretrain"``, ``"finetune"``), supervised training first,
        the fine-tuned runs that kept curves of it.
    """
    kept: dict[tuple[str, str], list[Run]] = {
        (method, phase): []
        for method in ("supervised", "supervised-plain", *PRETRAINED)
        for phase in ("pretrain", "finetune")
    }
    for run in runs:
        recipe = run.recipe
        if (recipe.variant, recipe.fraction) != ("base", fraction):
            continue
        if "finetune" not in run.scores:
            continue
        for phase in run.history["phase"].unique():
            arm = method_name(recipe, "finetune"), phase
            if arm in kept:
                kept[arm].append(run)
    return {arm: found for arm, found in kept.items() if found}

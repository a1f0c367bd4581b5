"""The book's questions as named groups of paired differences.

A ``frame`` is from ``tables.table``, of one data set and profile, with all variants of
``grids.study``. The groups of a question are a frame, a row a difference: columns
``group`` and ``label`` (names of both), method, protocol, fraction and variant of what
is compared, ``pairs``, ``mean``, ``low``, ``high`` (95 % t-interval over draws and
seeds) and ``side`` (as of ``cells.with_side``). Differences without a pair are left
out.
"""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from sslkit.runs.arms import ARMS, arm_of
from sslkit.study.cells import FEW, SHARES, Cell, gaps, with_side
from sslkit.study.tables import interval

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

JUDGED = {"finetune": "fine-tuned", "linear": "linear probe"}
"""How a sentence calls a protocol."""

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
                f"{JUDGED[judged]}, less {arm_of(base).label}",
                f"{arm_of(method).label} {_percent(share)}",
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
                arm_of(method).label + ", all images" * (variant == "all"),
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
        for judged, name in JUDGED.items()
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
                arm_of(method).label,
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
            f"{arm_of(method).label} {_percent(share)}",
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
        f"{arm_of(method).label} {_percent(share)}",
        Cell(method, "finetune", share, one),
        Cell(method, "finetune", share, other),
    )


def _percent(share: float) -> str:
    return f"{100 * share:g} %"

"""What the book's own records say that bears on advice, where they can be had."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from sslkit.study import answers, jitter, label_value, published, tables
from sslkit.study.cells import FEW
from sslkit.study.tables import at_fraction

PROFILE = "study-small"
SETS = ("colon3", "cifar3")
"""Tissue, which has no up, and photographs, which have one."""

What = Literal["simclr", "rotnet", "jitter", "labels"]


@dataclass(frozen=True)
class Finding:
    """One number of the records, with 5 % of the labels.

    Attributes:
        what: Of pretraining with ``"simclr"`` or ``"rotnet"`` on all images, fine-tuned,
            the accuracy less that of supervised training of as many steps; of
            ``"jitter"``, the accuracy that colour changes add to supervised training;
            of ``"labels"``, the share of all labels with which supervised training does
            as well as SimCLR on all images.
        data: The image set.
        mean: The value; all are shares of one.
        low: Lower end of its 95 % interval, and
        high: the upper one, which for labels may be beyond all curves (inf).
        pairs: Of how many draws it is the mean.
    """

    what: What
    data: str
    mean: float
    low: float
    high: float
    pairs: int


@cache
def findings(data: Sequence[str] = SETS, profile: str = PROFILE) -> tuple[Finding, ...]:
    """What the published records of some sets say; nothing where there are none."""
    return tuple(one for name in data for one in _of(name, profile))


def _of(data: str, profile: str) -> list[Finding]:
    frame = tables.table(published.runs(data, profile))
    if frame.empty:
        return []
    found: list[Finding] = []
    over = at_fraction(answers.over_supervised(frame, seen="all"), FEW)
    added = jitter.differences(frame[frame["variant"] == "base"])
    added = at_fraction(added[added["method"] == "supervised"], FEW)
    for rows, names in ((over, ("simclr", "rotnet")), (added, ("supervised",))):
        for row in rows[rows["method"].isin(names)].itertuples():
            what = "jitter" if row.method == "supervised" else row.method
            found.append(Finding(what, data, row.mean, row.low, row.high, row.pairs))
    if label_value.enough(frame, seen="all"):
        equal = label_value.worth(frame, seen="all").equivalents
        own = (equal["method"] == "simclr") & (equal["protocol"] == "finetune")
        for row in at_fraction(equal[own], FEW).itertuples():
            values = row.share, row.low, row.high, row.draws
            found.append(Finding("labels", data, *values))
    return found

"""What the book's own records say that bears on advice, where they can be had."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import pandas as pd

from sslkit.study import (
    answers,
    cues,
    exchange,
    few_labels,
    gains,
    jitter,
    published,
    tables,
)
from sslkit.study.cells import FEW
from sslkit.study.tables import at_fraction

PROFILE = "study-small"  # where the records of few labels say nothing
SETS = {
    "colon3": "tissue",
    "cifar10": "photographs",
    "blood8": "blood cells",
    "cifar3": "photographs",
}
"""The image sets, and of what they are: photographs have an up, the others none."""

What = Literal["simclr", "rotnet", "jitter", "labels", "blocks"]


@dataclass(frozen=True)
class Finding:
    """One number of the records, with 5 % of the labels where labels matter.

    Attributes:
        what: Of pretraining with ``"simclr"`` or ``"rotnet"`` on all images,
            fine-tuned, the accuracy less that of supervised training (in ``PROFILE`` of
            as many steps); of ``"jitter"``, the accuracy that changes of colour add to
            supervised training; of ``"labels"``, the share of all labels with which
            supervised training does as well as SimCLR on all images; of ``"blocks"``,
            the share of tiles, as JPEG files store them, of which waves tell if they
            lie or stand.
        data: The image set.
        mean: The value; all are shares of one.
        low: Lower end of its 95 % interval, and
        high: the upper one, which for labels may be beyond all curves (inf).
        pairs: Of how many draws, or tiles, it is the mean.
    """

    what: What
    data: str
    mean: float
    low: float
    high: float
    pairs: int

    @property
    def where(self) -> str:
        """The image set, as a sentence says it."""
        about = SETS.get(self.data)
        return f"{self.data} ({about})" if about else self.data


@cache
def findings(data: tuple[str, ...] = tuple(SETS)) -> tuple[Finding, ...]:
    """What the published records of some sets say; nothing where there are none.

    Those of few labels come first. Of the images of one kind those of ``PROFILE`` say
    only what these do not.
    """
    found = [
        one for name in data for one in of_few_labels(_table(name, few_labels.PROFILE))
    ]
    said = {(one.what, SETS.get(one.data)) for one in found}
    found += [
        one
        for name in data
        for one in of_scores(_table(name, PROFILE))
        if (one.what, SETS.get(one.data)) not in said
    ]
    return *found, *(one for name in data for one in _blocks(name))


def _table(data: str, profile: str) -> pd.DataFrame:
    return tables.table(published.runs(data, profile, histories=False))


def of_few_labels(frame: pd.DataFrame) -> list[Finding]:
    """What the scores of one data set say, of one encoder for every budget.

    Args:
        frame: From ``tables.table``, of the grid ``few_labels``; it may be empty, or
            lack what is not done yet.
    """
    if frame.empty:
        return []
    data, found = str(frame["data"].iloc[0]), []
    base = frame[(frame["variant"] == "base") & (frame["protocol"] == "finetune")]
    there = set(at_fraction(base, FEW)["method"])
    pairs: tuple[tuple[What, str, str], ...] = (
        ("simclr", "simclr", "supervised"),
        ("rotnet", "rotnet", "supervised"),
        ("jitter", "supervised", "supervised-plain"),
    )
    for what, arm, against in pairs:
        if {arm, against} <= there:
            mean, low, high, draws = gains.gain(
                *(frame, arm), fraction=FEW, protocol="finetune", against=against
            )[:4]
            found.append(Finding(what, data, mean / 100, low / 100, high / 100, draws))
    return found + _labels(data, frame)


def of_scores(frame: pd.DataFrame) -> list[Finding]:
    """What the scores of one data set say.

    Args:
        frame: From ``tables.table``, of the grid ``grids.study``; it may be empty.
    """
    if frame.empty:
        return []
    data, found = str(frame["data"].iloc[0]), []
    over = at_fraction(answers.over_supervised(frame, seen="all"), FEW)
    added = jitter.differences(frame[frame["variant"] == "base"])
    added = at_fraction(added, FEW)
    arms: tuple[tuple[What, pd.DataFrame], ...] = (
        ("simclr", over[over["method"] == "simclr"]),
        ("rotnet", over[over["method"] == "rotnet"]),
        ("jitter", added[added["method"] == "supervised"]),
    )
    for what, rows in arms:
        found += [_finding(what, data, row) for row in rows.to_dict("records")]
    return found + _labels(data, _of_as_many_steps(frame))


def _of_as_many_steps(frame: pd.DataFrame) -> pd.DataFrame:
    """As one variant what saw all images, and supervised training of as many steps.

    With all labels this is what it was anyway.
    """
    rows = frame.query(
        "variant == 'all' or method == 'supervised' and (variant == "
        "'budget, many steps' or variant == 'base' and fraction == 1)"
    )
    return rows.assign(variant="base")


def _labels(data: str, frame: pd.DataFrame) -> list[Finding]:
    """What SimCLR is worth in labels; nothing if it or a part of the curve lacks."""
    base = frame[(frame["variant"] == "base") & (frame["protocol"] == "finetune")]
    alone = base[base["method"] == "supervised"]
    there = set(at_fraction(base, FEW)["method"])
    if "simclr" not in there or not {FEW, 1.0} <= set(alone["fraction"]):
        return []
    had = exchange.worth(frame, "simclr", "finetune", fraction=FEW)
    mean, low, high = (n / had.end for n in (had.labels, had.low, had.high))
    return [Finding("labels", data, mean, low, high, had.draws)]


def _finding(what: What, data: str, row: dict[Any, Any]) -> Finding:
    return Finding(what, data, row["mean"], row["low"], row["high"], int(row["pairs"]))


def _blocks(data: str) -> list[Finding]:
    """Of the largest tiles that were asked, with Wilson's interval."""
    from scipy.stats import binomtest

    file = published.file("cues.csv")
    if file is None:
        return []
    table = pd.read_csv(file)
    own = table[(table["data"] == data) & (table["tiles"] == cues.TILES[0])]
    found = []
    for row in own.nlargest(1, "pixels").to_dict("records"):
        share, tiles = row["axis (%)"] / 100, int(row["tested"])
        told = binomtest(round(share * tiles), tiles).proportion_ci(method="wilson")
        found.append(Finding("blocks", data, share, told.low, told.high, tiles))
    return found

"""The ladder: what of a gain is due to updates, to a pretext, and to more images.

Its rungs, all trained on the labels alike: labels alone; as many updates as
pretraining and fine-tuning have together; SimCLR on the images of the labels; SimCLR on
all images, for as many steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd

from sslkit.study.cells import FEW
from sslkit.study.contrasts import holm
from sslkit.study.crossed import crossed, verdict
from sslkit.study.gains import accuracies, complete, gain


class Rung(NamedTuple):
    """An arm of the ladder.

    Attributes:
        name: As figures and sentences call it.
        method, variant: In tables.
    """

    name: str
    method: str
    variant: str


RUNGS = (
    Rung("labels alone", "supervised", "base"),
    Rung("as many updates", "supervised", "as many updates"),
    Rung("SimCLR, the labelled images", "simclr", "labelled images"),
    Rung("SimCLR, all images", "simclr", "base"),
)


def rungs(frames: Mapping[str, pd.DataFrame], *, fraction: float = FEW) -> pd.DataFrame:
    """What each rung reaches.

    Args:
        frames: By image set, each as ``gains`` describes.
        fraction: Share of the labels.

    Returns:
        A row a set and rung: data, profile, fraction, rung, method, variant, and of
        ``crossed`` mean, low, high (in per cent), draws and seeds.

    Raises:
        ValueError: As ``gains.accuracies``.
    """
    rows = []
    for data, frame in frames.items():
        for name, method, variant in RUNGS:
            table = accuracies(
                frame, method, "finetune", fraction=fraction, variant=variant
            )
            place = data, frame["profile"].iloc[0], fraction, name, method, variant
            rows.append((*place, *crossed(complete(table))[:5]))
    columns = ["data", "profile", "fraction", "rung", "method", "variant"]
    columns += ["mean", "low", "high", "draws", "seeds"]
    return pd.DataFrame(rows, columns=columns)


def ladder(
    frames: Mapping[str, pd.DataFrame], *, fraction: float = FEW, level: float = 0.05
) -> pd.DataFrame:
    """The steps of the ladder, in one family of contrasts.

    Args:
        frames: By image set, each as ``gains`` describes. All that is given counts for
            the correction.
        fraction: Share of the labels.
        level: Below which a corrected p-value counts.

    Returns:
        A row a set and step: data, profile, fraction, ``rung`` and ``over``, the rung
        below it; of ``gains.gain`` mean, low, high (in points, not corrected), draws,
        seeds and ``p``; ``holm``, corrected; and ``verdict``, that of the interval
        where the corrected p-value is below the level, and else ``"open"``.

    Raises:
        ValueError: As ``gains.paired``.

    Source:
        Holm, A Simple Sequentially Rejective Multiple Test Procedure (1979).
    """
    rows = []
    for data, frame in frames.items():
        for below, rung in zip(RUNGS[:-1], RUNGS[1:], strict=True):
            found = gain(
                frame,
                rung.method,
                fraction=fraction,
                protocol="finetune",
                variant=rung.variant,
                against=below.method,
                against_variant=below.variant,
            )
            place = data, frame["profile"].iloc[0], fraction, rung.name, below.name
            rows.append((*place, *found[:5], found.p))
    columns = ["data", "profile", "fraction", "rung", "over"]
    columns += ["mean", "low", "high", "draws", "seeds", "p"]
    table = pd.DataFrame(rows, columns=columns)
    corrected = holm(table["p"].to_numpy())
    said = [
        verdict(low, high) if p < level else "open"
        for low, high, p in zip(table["low"], table["high"], corrected, strict=True)
    ]
    return table.assign(holm=corrected, verdict=said)

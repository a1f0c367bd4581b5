"""What arms are worth in labels, against supervised training that is fair to each.

A ``frame`` is from ``tables.table``, of one data set and profile, with all variants of
``grids.study``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from sslkit.runs.arms import arm_of
from sslkit.study.cells import FEW, with_side
from sslkit.study.contrasts import label_equivalents
from sslkit.study.tables import at_fraction, differences, side, summarise

Seen = Literal["budget", "all"]
"""Which images pretraining saw: those of the label budget, or all of the pool."""

BASELINES = ("supervised", "supervised-plain")
LEAST = 5  # draws: of fewer there is no verdict
FEW_DRAWS = "few draws"


@dataclass(frozen=True)
class Worth:
    """Label equivalents, and what they were read from.

    Attributes:
        arms: Scores of all arms and of supervised training, of one variant.
        against: The supervised recipe that the arms are compared with.
        curve: Its summary, by ``tables.summarise``.
        equivalents: From ``contrasts.label_equivalents``, with ``claim``: the
            ``tables.side`` of the interval less the share that the arm had, or
            ``"few draws"``.
    """

    arms: pd.DataFrame
    against: str
    curve: pd.DataFrame
    equivalents: pd.DataFrame


def baselines(frame: pd.DataFrame) -> pd.Series:
    """Mean accuracy of each supervised recipe of the base over the shares of them all.

    Returns:
        By method; empty if there is none.
    """
    own = frame[(frame["variant"] == "base") & frame["method"].isin(BASELINES)]
    if own.empty:
        return pd.Series(dtype=float)
    by_share = own.pivot_table(index="fraction", columns="method", values="accuracy")
    return by_share.dropna().mean()


def better(frame: pd.DataFrame) -> str:
    """The supervised recipe with the higher mean; views with jitter if none has one."""
    means = baselines(frame).dropna()
    return str(means.idxmax()) if len(means) else BASELINES[0]


def compared(frame: pd.DataFrame, *, seen: Seen) -> tuple[pd.DataFrame, str]:
    """The scores of the arms by the images that they saw, and their supervised recipe.

    The arms that saw all images stand beside supervised training of as many steps,
    which with all labels is what it was anyway.

    Returns:
        Scores, frozen with a linear probe and fine-tuned, of one variant; and the
        method to compare with.
    """
    rows = frame[frame["protocol"].isin(["linear", "finetune"])]
    if seen == "budget":
        return rows[rows["variant"] == "base"], better(frame)
    rows = rows.query(
        "variant == 'all' or method == 'supervised' and (variant == "
        "'budget, many steps' or variant == 'base' and fraction == 1)"
    )
    return rows.assign(variant="base"), BASELINES[0]


def enough(
    frame: pd.DataFrame, *, seen: Seen, method: str = "simclr", fraction: float = FEW
) -> bool:
    """Whether records suffice for a curve and for a method that is held against it.

    Args:
        frame: As the module describes.
        seen: Which images pretraining saw.
        method: The method, which takes scores frozen and fine-tuned.
        fraction: Its share of the labels, which is one of the curve's.
    """
    rows, against = compared(frame, seen=seen)
    curve = rows[rows["method"] == against]
    here = at_fraction(rows[rows["method"] == method], fraction)
    return (
        curve["fraction"].nunique() > 1
        and len(at_fraction(curve, fraction)) > 0
        and here["protocol"].nunique() == 2
        and rows["test"].nunique() == 1  # or arms would stand there twice
    )


def worth(frame: pd.DataFrame, *, seen: Seen) -> Worth:
    """What each arm is worth in labels.

    Raises:
        ValueError: If the supervised curve has fewer than two shares.
    """
    arms, against = compared(frame, seen=seen)
    found = label_equivalents(arms, against=against)
    rows: list[Any] = list(found.itertuples())
    claims = [
        FEW_DRAWS
        if 1 < row.draws < LEAST
        else side(row.low - row.fraction, row.high - row.fraction)
        for row in rows
    ]
    curve = summarise(arms[arms["method"] == against])
    return Worth(arms, against, curve, found.assign(claim=claims))


def of_sets(
    frames: Mapping[str, pd.DataFrame], *, method: str = "simclr", fraction: float = FEW
) -> dict[tuple[str, Seen], Worth]:
    """``worth`` of several data sets, by name and images seen, where records suffice.

    Args:
        frames: By name, each as the module describes.
        method: As for ``enough``.
        fraction: As for ``enough``.
    """
    ways: tuple[Seen, ...] = ("budget", "all")
    return {
        (name, seen): worth(frame, seen=seen)
        for name, frame in frames.items()
        for seen in ways
        if enough(frame, seen=seen, method=method, fraction=fraction)
    }


def two_curves(frame: pd.DataFrame, *, fraction: float) -> pd.DataFrame:
    """Equivalents of arms that saw all images, off two supervised curves.

    Args:
        frame: As the module describes.
        fraction: Share of the labels that the arms had.

    Returns:
        Columns data, method, protocol, fraction, ``share`` (off the curve of as many
        steps), ``share_usual`` (off that of the base), ``start`` and ``end`` (shares at
        the ends of the former), a row an arm.

    Raises:
        ValueError: If a curve has fewer than two shares.
    """
    arms, against = compared(frame, seen="all")
    every = frame[frame["variant"] == "all"].assign(variant="base")
    usual = frame.query("variant == 'base' and method == 'supervised'")
    by = ["method", "protocol", "fraction"]
    both = label_equivalents(arms).merge(
        label_equivalents(pd.concat([every, usual])), on=by, suffixes=("", "_usual")
    )
    shares = arms.loc[arms["method"] == against, "fraction"]
    table = both.assign(
        data=frame["data"].iloc[0], start=shares.min(), end=shares.max()
    )
    columns = ["data", *by, "share", "share_usual", "start", "end"]
    return at_fraction(table, fraction)[columns]


def gains(one: Worth) -> pd.DataFrame:
    """What each arm has over the supervised recipe with the same labels.

    Returns:
        As ``tables.differences``, with ``side``, or ``"few draws"`` in its place.
    """
    left_out = [name for name in BASELINES if name != one.against]
    rows = one.arms[~one.arms["method"].isin(left_out)]
    return _with_verdict(differences(rows, against=one.against))


def reached(one: Worth, *, shares: Sequence[float] = (0.25, 0.5)) -> pd.DataFrame:
    """Pretrained arms with a part of the labels less supervised training with all.

    They are paired by draw and seed, as if both had had the same labels.

    Args:
        one: From ``worth``.
        shares: The parts.

    Returns:
        As ``gains``, by share; no row where records lack.
    """
    every = at_fraction(one.arms[one.arms["method"] == one.against], 1.0)
    arms = one.arms[[arm_of(name).pretrained for name in one.arms["method"]]]
    few = pd.concat([at_fraction(arms, share) for share in shares])
    if few.empty or every.empty:
        return pd.DataFrame()
    alike = [every.assign(fraction=share) for share in few["fraction"].unique()]
    return _with_verdict(differences(pd.concat([few, *alike]), against=one.against))


def _with_verdict(rows: pd.DataFrame) -> pd.DataFrame:
    """Differences with the side on which each lies, where there are draws enough."""
    sides = with_side(rows)["side"].astype(str)
    few = rows["pairs"].between(2, LEAST - 1)
    return rows.assign(side=sides.mask(few, FEW_DRAWS))

"""What pretraining adds to the same labels: accuracies, gains and curves of few labels.

A ``frame`` is from ``tables.table``, of one data set and profile, with all variants of
``few_labels``. A budget is given as ``labels``, the images whose label was used, or as
``fraction``, their share as it was asked for. Accuracies are in per cent, and their
differences in points.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pandas as pd

from sslkit.runs.arms import arm_of
from sslkit.study.crossed import Crossed, crossed
from sslkit.study.tables import at_fraction

Table = pd.Series | pd.DataFrame
"""Values by draw; or by draw and, a column each, by seed of pretraining."""

_NUMBERS = ["mean", "low", "high", "draws", "seeds"]
_PART = re.compile(r"(\d+) images, (\d+) steps")


def scores(
    frame: pd.DataFrame,
    method: str,
    protocol: str = "linear",
    *,
    labels: float | None = None,
    fraction: float | None = None,
    variant: str = "base",
) -> pd.DataFrame:
    """The rows of one arm, with one budget or (if none is given) with all.

    A budget that was asked for in two ways, as ten labels a class and as a share, is
    one: of rows with equally many labels, one a draw and seed of pretraining is kept.

    Raises:
        ValueError: If there is none, the frame mixes data sets or profiles, or
            settings: a draw has several values with one seed of pretraining.
    """
    sources = frame[["data", "profile"]].drop_duplicates()
    if len(sources) > 1:
        raise ValueError(f"a gain takes one data set and profile, not\n{sources}")
    protocol = arm_of(method).judged(protocol)
    own = frame[
        (frame["method"] == method)
        & (frame["protocol"] == protocol)
        & (frame["variant"] == variant)
    ]
    if labels is not None:
        own = own[own["labels"] == labels]
    if fraction is not None:
        own = at_fraction(own, fraction)
    if own.empty:
        asked = {"labels": labels, "fraction": fraction}
        raise ValueError(
            f"no score of '{method}' by '{protocol}', variant '{variant}', with {asked}"
        )
    place = ["labels", "draw", "pretraining_seed"]
    if own.duplicated([*place, "fraction"]).any():
        raise ValueError(f"several '{method}' runs for one draw and seed; select one")
    return own.drop_duplicates(place)


def by_budget(rows: pd.DataFrame) -> Iterator[tuple[int, float, pd.DataFrame]]:
    """Labels, their share and the rows of each budget, fewest labels first."""
    for labels in sorted(rows["labels"].unique()):
        group = rows[rows["labels"] == labels]
        yield int(labels), float(group["fraction"].iloc[0]), group


def accuracies(
    frame: pd.DataFrame,
    method: str,
    protocol: str = "linear",
    *,
    labels: float | None = None,
    fraction: float | None = None,
    variant: str = "base",
) -> Table:
    """The accuracies of one arm with one budget.

    Returns:
        By draw and seed of pretraining, with gaps where runs are missing; by draw alone
        if nothing was pretrained, or every draw has an encoder of its own.

    Raises:
        ValueError: As ``scores``; or if a budget is given in no way, or in both.
    """
    if (labels is None) == (fraction is None):
        raise ValueError(f"{labels=} and {fraction=}: give one of them")
    budget: Any = {"labels": labels, "fraction": fraction}
    own = scores(frame, method, protocol, **budget, variant=variant)
    wide = 100 * own.pivot(index="draw", columns="pretraining_seed", values="accuracy")
    nested = wide.shape[1] > 1 and (wide.count(axis=1) == 1).all()
    if nested or not arm_of(method).pretrained:
        return wide.mean(axis=1)
    return wide


def paired(
    frame: pd.DataFrame,
    method: str,
    *,
    labels: float | None = None,
    fraction: float | None = None,
    protocol: str = "linear",
    against: str = "supervised",
    against_protocol: str | None = None,
    variant: str = "base",
    against_variant: str = "base",
) -> Table:
    """Points of one arm over another with the same labels: draw by draw.

    Where both have encoders, they are paired by the seed of pretraining, too.

    Args:
        frame: As the module describes.
        method: The arm.
        labels: The budget in images; or
        fraction: its share.
        protocol: How the arm was judged.
        against: What is subtracted.
        against_protocol: How that was judged, ``protocol`` if not given; supervised
            training and self-training have but one way.
        variant: Of the arm.
        against_variant: Of the other.

    Returns:
        As ``accuracies``, without gaps: draws or seeds that lack a part are left out.

    Raises:
        ValueError: As ``accuracies``; or if the two have no draw in common.
    """
    budget: Any = {"labels": labels, "fraction": fraction}
    one = accuracies(frame, method, protocol, **budget, variant=variant)
    way = against_protocol or protocol
    other = accuracies(frame, against, way, **budget, variant=against_variant)
    gaps: Table
    if isinstance(one, pd.Series) and isinstance(other, pd.DataFrame):
        gaps = -other.sub(one, axis=0)
    elif isinstance(one, pd.DataFrame) and isinstance(other, pd.Series):
        gaps = one.sub(other, axis=0)
    else:
        gaps = one - other
    table = complete(gaps)
    if table.empty:
        raise ValueError(f"'{method}' and '{against}' have no draw in common")
    return table


def complete(table: Table) -> Table:
    """What is left without the draws and seeds that lack a value, the worst first."""
    if isinstance(table, pd.Series):
        return table.dropna()
    table = table.dropna(how="all").dropna(how="all", axis=1)
    while table.isna().any(axis=None):
        rows, columns = table.isna().mean(axis=1), table.isna().mean()
        if rows.max() >= columns.max():
            table = table.drop(index=rows.idxmax())
        else:
            table = table.drop(columns=columns.idxmax())
    return table


def gain(
    frame: pd.DataFrame,
    method: str,
    *,
    labels: float | None = None,
    fraction: float | None = None,
    protocol: str = "linear",
    against: str = "supervised",
    against_protocol: str | None = None,
    variant: str = "base",
    against_variant: str = "base",
) -> Crossed:
    """How many points one arm has over another with the same labels.

    Args and errors are those of ``paired``.
    """
    return crossed(
        paired(
            frame,
            method,
            labels=labels,
            fraction=fraction,
            protocol=protocol,
            against=against,
            against_protocol=against_protocol,
            variant=variant,
            against_variant=against_variant,
        )
    )


def curve(
    frame: pd.DataFrame,
    method: str,
    protocol: str = "linear",
    *,
    variant: str = "base",
) -> pd.DataFrame:
    """Accuracy over labels.

    Returns:
        A row a budget, fewest labels first: data, profile, variant, method, protocol,
        labels, fraction, and of ``crossed`` mean, low, high, draws and seeds.

    Raises:
        ValueError: As ``scores``.
    """
    own = scores(frame, method, protocol, variant=variant)
    rows = []
    for labels, fraction, group in by_budget(own):
        table = accuracies(group, method, protocol, labels=labels, variant=variant)
        rows.append((labels, fraction, *crossed(complete(table))[:5]))
    shared = ["data", "profile", "variant", "method", "protocol"]
    found = pd.DataFrame(rows, columns=["labels", "fraction", *_NUMBERS])
    same: Any = own[shared].iloc[0].to_dict()
    return found.assign(**same)[[*shared, *found.columns]]


def place_of(variant: str) -> tuple[int, int] | None:
    """How many images and steps a variant of the surface had; None for any other."""
    found = _PART.fullmatch(variant)
    return None if found is None else (int(found[1]), int(found[2]))


def surface(
    frame: pd.DataFrame,
    *,
    fraction: float,
    method: str = "simclr",
    protocol: str = "linear",
) -> pd.DataFrame:
    """Accuracy by how many images pretraining saw, and for how many steps.

    Returns:
        A row a place: data, profile, fraction, method, protocol, images, steps, and of
        ``crossed`` mean, low, high, draws and seeds; no row where records lack.
    """
    own = frame[(frame["method"] == method) & (frame["protocol"] == protocol)]
    here = at_fraction(own, fraction)
    rows = []
    for variant in here["variant"].unique():
        place = place_of(variant)
        if place is None:
            continue
        table = accuracies(here, method, protocol, fraction=fraction, variant=variant)
        rows.append((*place, *crossed(complete(table))[:5]))
    found = pd.DataFrame(rows, columns=["images", "steps", *_NUMBERS])
    same: Any = {"fraction": fraction, "method": method, "protocol": protocol}
    source: Any = {name: frame[name].iloc[0] for name in ("data", "profile")}
    return found.assign(**source, **same).sort_values(
        ["images", "steps"], ignore_index=True
    )

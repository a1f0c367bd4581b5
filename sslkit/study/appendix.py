"""The appendix: every cell of the records and every difference, a row each.

Accuracies are in per cent, differences in points.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from sslkit.runs.arms import arm_of
from sslkit.runs.records import Run
from sslkit.study import gains, published, regimes
from sslkit.study.questions import JUDGED, QUESTIONS
from sslkit.study.regimes import NAMES

SETS = (
    ("few-labels", "cifar10"),
    ("few-labels", "blood8"),
    ("few-labels", "colon3"),
    ("study-small", "colon3"),
    ("study-small", "cifar3"),
    ("study-small", "lung3"),
    ("quick", "shapes"),
)
"""Profile and images of the committed records, in the appendix's order."""

_ENDS = ["mean", "low", "high"]
_CELL = ["data", "profile", "variant", "method", "protocol", "fraction", "labels"]


def recorded() -> dict[tuple[str, str], list[Run]]:
    """The records of ``SETS`` without histories; a set without any is left out."""
    found = {
        (profile, data): published.runs(data, profile, histories=False)
        for profile, data in SETS
    }
    return {name: runs for name, runs in found.items() if runs}


def cells(frame: pd.DataFrame) -> pd.DataFrame:
    """What every arm reached with every budget, judged in every way.

    Args:
        frame: From ``tables.table``, of one data set and profile.

    Returns:
        Columns data (with how it was divided, if it was in several ways), profile,
        variant, method, protocol, fraction, ``labels`` (images), ``draws``, ``seeds``
        (of pretraining, crossed with the draws; 0 where there are none to cross),
        ``mean``, ``low``, ``high`` (by ``crossed``).
    """
    several = frame["test"].nunique() > 1
    rows = []
    by = ["test", "variant", "method", "protocol"]
    for names, own in frame.groupby(by, sort=False):
        test, variant, method, protocol = map(str, names)
        curve = gains.curve(own, method, protocol, variant=variant)
        divided = f" ({test})" if several else ""
        rows.append(curve.assign(data=curve["data"] + divided))
    return pd.concat(rows, ignore_index=True)[[*_CELL, "draws", "seeds", *_ENDS]]


def differences(frame: pd.DataFrame) -> pd.DataFrame:
    """What was asked of the study's grid: paired differences with 95 % t-intervals.

    None is corrected for their number.

    Args:
        frame: From ``tables.table``, of one data set, with all of ``grids.study``.

    Returns:
        Columns data, ``asked`` (what less what), ``of`` (which arm or share),
        ``pairs``, ``mean``, ``low``, ``high`` and ``verdict``.
    """
    questioned = [one(frame) for one in QUESTIONS.values()]
    rates: Any = regimes.differences(regimes.scores(frame), regimes.LISTED)
    starts = rates.assign(
        group=[
            f"{NAMES[one.variant]}, less {NAMES[one.less]}, {JUDGED[one.protocol]}"
            for one in rates.itertuples()
        ],
        label=[
            f"{arm_of(one.method).label} {100 * one.fraction:g} %"
            for one in rates.itertuples()
        ],
    )
    rows = pd.concat([*questioned, starts], ignore_index=True)
    rows[_ENDS] *= 100
    rows = rows.rename(columns={"group": "asked", "label": "of", "side": "verdict"})
    rows = rows.assign(data=frame["data"].iloc[0])
    return rows[["data", "asked", "of", "pairs", *_ENDS, "verdict"]]

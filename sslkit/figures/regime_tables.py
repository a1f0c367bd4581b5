"""Tables of learning-rate regimes for a page: text, a regime a row.

Tables that come as a dict have one entry an image set, by its name, which also stands
in their corner.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from sslkit.figures import sheets
from sslkit.study import tables
from sslkit.study.progress import Way
from sslkit.study.regimes import NAMES

_ENDS = ["mean", "low", "high"]


def ways(ways: Mapping[str, Way]) -> pd.DataFrame:
    """How far networks went, a column each.

    Args:
        ways: From ``progress.way``, by name.
    """
    texts = {
        name: {
            "steps": way.steps,
            "all rates together": f"{way.rates:.1e}",
            "largest move of a weight": f"{way.largest:.1e}",
            "median move of a weight": f"{way.median:.1e}",
            "all moves, as a share of the start": f"{way.share:.1%}",
            "training loss at the end": f"{way.loss:.2f}",
            "training accuracy at the end": f"{way.accuracy:.0%}",
        }
        for name, way in ways.items()
    }
    return pd.DataFrame(texts)


def reach(reach: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """How far a weight could go, by image set.

    Args:
        reach: From ``progress.reach``.
    """
    together = reach["rates"].map("{:.1e}".format, na_action="ignore")
    texts = {
        "steps": reach["steps"],
        "highest rate": reach["lr"].map("{:.1e}".format),
        "all rates together": together.fillna(""),
    }
    return _by_set(reach[["data", "variant"]].assign(**texts))


def accuracies(shown: pd.DataFrame) -> dict[tuple[str, str], pd.DataFrame]:
    """Mean accuracies ± half of their intervals, by image set and protocol.

    Args:
        shown: From ``regimes.shown``.
    """
    found = {}
    for names, own in tables.summarise(shown).groupby(["data", "protocol"]):
        data, protocol = map(str, names)
        texts = sheets.accuracies(own, rows="variant")
        found[data, protocol] = _named(texts, data)
    return found


def ended_last(last: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """How often the last epoch was the selected one, by image set.

    Args:
        last: From ``progress.ended_last``.
    """
    percent = (100 * last["last"]).round(0)
    return _by_set(last.drop(columns="last").assign(**{"last epoch (%)": percent}))


def pretext(losses: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """How far the loss of each pretext task fell, by image set.

    Args:
        losses: From ``progress.pretext``.
    """
    ends = zip(losses["first"], losses["last"], strict=True)
    losses = losses.assign(text=[f"{first:.2f} → {last:.2f}" for first, last in ends])
    return {
        str(data): _named(sheets.wide(own, rows="variant"), str(data))
        for data, own in losses.groupby("data")
    }


def differences(gaps: pd.DataFrame) -> pd.DataFrame:
    """Differences between regimes with their intervals, in points, a line each.

    Args:
        gaps: From ``regimes.differences``.
    """
    named = gaps.drop(columns="side").replace(NAMES | sheets.NAMES)
    named[_ENDS] = (100 * named[_ENDS]).round(1)
    named = named.rename(columns={"data": "images", "mean": "points"})
    regimes = (named["variant"] + " less " + named["less"]).rename("regimes")
    shown = ["images", "protocol", "method", "points", "low", "high"]
    return named.set_index(regimes)[shown]


def _by_set(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The rows of each image set, under the names of regimes."""
    return {
        str(data): _named(own.drop(columns="data").set_index("variant"), str(data))
        for data, own in frame.groupby("data")
    }


def _named(table: pd.DataFrame, data: str) -> pd.DataFrame:
    return table.rename(index=NAMES).rename_axis(index=None, columns=data)

"""Doubts: which of the published pretrainings gave an alarm."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from sslkit.judging.alarms import alarms
from sslkit.runs.arms import ordered
from sslkit.runs.records import Run
from sslkit.runs.watching import one_each, watched
from sslkit.study.tables import data_of


def doubts(runs: Iterable[Run]) -> pd.DataFrame:
    """How many pretrainings gave an alarm, by images and method.

    Args:
        runs: Any; those of the variant ``"base"`` count, and those that pretrained.
            Runs that share an encoder count as one.

    Returns:
        Columns data, method, ``pretrainings``, ``doubted`` (those with an alarm) and
        ``alarms`` (the names of all of them, in the order in which they came); methods
        in the order of tables.
    """
    rows = []
    for run in one_each(run for run in runs if run.recipe.variant == "base"):
        seen = watched(run)
        if seen is not None:
            names = [alarm.name for alarm in alarms(seen)]
            rows.append((data_of(run.recipe.data), run.recipe.arm, names))
    table = pd.DataFrame(rows, columns=["data", "method", "names"])
    found = [
        {
            "data": data,
            "method": method,
            "pretrainings": len(own),
            "doubted": int((own["names"].str.len() > 0).sum()),
            "alarms": ", ".join(dict.fromkeys(own["names"].explode().dropna())),
        }
        for data in table["data"].unique()
        for method in ordered(table["method"])
        if len(own := table.query("data == @data and method == @method"))
    ]
    columns = ["data", "method", "pretrainings", "doubted", "alarms"]
    return pd.DataFrame(found, columns=columns)

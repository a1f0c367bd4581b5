"""The study's reports: what they printed, a single run each figure."""

from __future__ import annotations

import pandas as pd

from sslkit.runs.arms import ARMS
from sslkit.study import published


def printed() -> pd.DataFrame:
    """The figures of the study's reports, in their order.

    Returns:
        Columns report, method, regime, protocol (with a question mark where it is
        presumed), init, fraction, loss, ``accuracy`` (a share) and ``judged``, the
        protocol without its question mark.

    Raises:
        FileNotFoundError: If the table is not among the published results.
    """
    file = published.file("study.csv")
    if file is None:
        raise FileNotFoundError("no study.csv among the published results")
    table = pd.read_csv(file)
    judged = table["protocol"].str.rstrip("?")
    return table.assign(accuracy=table["accuracy"] / 100, judged=judged)


def of_arms() -> pd.DataFrame:
    """Those of the arms of this book, a presumed protocol as if it had been said.

    Returns:
        The columns of ``printed`` less ``judged``, and ``mean``, the accuracy under the
        name that it has in summaries.
    """
    table = printed()
    own = table[table["method"].isin([*ARMS])]
    own = own.assign(protocol=own["judged"], mean=own["accuracy"])
    return own.drop(columns="judged")

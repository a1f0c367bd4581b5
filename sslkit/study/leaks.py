"""Leaks: turns told of images without an up, and copies on both sides of a division.

A ``frame`` is from ``tables.table``. ``divided`` has a row a score that was made in
several divisions: columns fraction, method, protocol, draw, seed, and the accuracies
in [0, 1] by group, as given and by image, as ``DIVISIONS`` names them; NaN where one
was not made. What is empty gives an empty frame. ``said`` is a difference in words
(``tables.in_words``).
"""

from __future__ import annotations

import pandas as pd

from sslkit.study.tables import interval, worded

DIVISIONS = ("group", "given", "image")
"""Where the test comes from (``Data.test``), the one with the most copies last."""

_ARM = ["fraction", "method", "protocol"]
_MEAN = ["mean", "low", "high"]


def above_chance(rotations: pd.DataFrame) -> pd.DataFrame:
    """Rotation accuracy less a quarter, which guessing gives, with a 95 % t-interval.

    Args:
        rotations: A row a pretraining: columns data, method, variant, fraction and
            ``told``, the share of turns told apart, in [0, 1].

    Returns:
        Columns data, method, variant, fraction, ``runs``, ``told`` (their mean), and
        ``mean``, ``low``, ``high``, ``said`` of the difference; sorted.
    """
    by = ["data", "method", "variant", "fraction"]
    rows = [
        (*names, len(told), told.mean(), *interval(told - 0.25))
        for names, told in rotations.groupby(by)["told"]
    ]
    found = pd.DataFrame(rows, columns=[*by, "runs", "told", *_MEAN])
    return worded(found, count="runs")


def leaps(divided: pd.DataFrame) -> pd.DataFrame:
    """Mean accuracy in every division, an arm and share of labels a row.

    Returns:
        Columns fraction, method, protocol and ``DIVISIONS``, in the order of
        ``divided``; NaN where a division has no score.
    """
    if divided.empty:
        return pd.DataFrame(columns=[*_ARM, *DIVISIONS])
    return divided.groupby(_ARM, sort=False)[[*DIVISIONS]].mean().reset_index()

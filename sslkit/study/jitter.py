"""What changing the colours adds: by jitter before there are labels, or at the labels.

An arm with colour changes is always compared with the same arm without, judged alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import pandas as pd

from sslkit.judging.protocols import PROTOCOLS
from sslkit.study import tables
from sslkit.study.crossed import crossed

PAIRS = (("rotnet-jitter", "rotnet"), ("supervised", "supervised-plain"))
"""An arm with colour changes and the same without."""


def differences(frame: pd.DataFrame) -> pd.DataFrame:
    """What colour changes add to the accuracy, with 95 % t-intervals.

    Args:
        frame: From ``tables.table``.

    Returns:
        As ``tables.differences``, for each of ``PAIRS`` in turn and by protocol; no row
        if there is no such pair.
    """
    made = [
        tables.differences(two, against=against)
        for two, against in _judged_alike(frame)
    ]
    return _joined(made, [*tables.ARM, "pairs", "mean", "low", "high"])


def _judged_alike(frame: pd.DataFrame) -> Iterator[tuple[pd.DataFrame, str]]:
    """The rows of both arms of a pair by one protocol, and the arm without changes."""
    keys = [*tables.SAME, *tables.DRAW]
    for arm, against in PAIRS:
        two = frame[frame["method"].isin([arm, against])]
        for protocol in PROTOCOLS:
            alike = two[two["protocol"] == protocol]
            if (alike.groupby(keys)["method"].nunique() == 2).any():
                yield alike, against


def _joined(made: list[pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    if not made:
        return pd.DataFrame(columns=list(columns))
    return pd.concat(made, ignore_index=True)


def leaning(answers: Iterable[tuple[str, bool, float, float]]) -> pd.DataFrame:
    """How much networks leant on planted cues.

    Args:
        answers: For each network: the cue that its images had, whether it was trained
            with jitter, and the share of turns that it told with the cue in place and
            with the cue taken away.

    Returns:
        Columns cue, jitter, ``kept``, ``gone``, and ``lost``, their difference.
    """
    table = pd.DataFrame(answers, columns=["cue", "jitter", "kept", "gone"])
    return table.assign(lost=table["kept"] - table["gone"])


def expected_and_found(frame: pd.DataFrame) -> pd.DataFrame:
    """What validation images promise of supervised training, and what the test says.

    Validation images are of the training part; where the test part was stained or
    photographed otherwise, only jitter at the labels prepares a network for it.

    Args:
        frame: From ``tables.table``, of one data set and profile; its base is taken.

    Returns:
        A row a share of the labels, arm (``PAIRS[1]``) and part: data, profile,
        fraction, method, ``part`` (``"validation"`` or ``"test"``), and of ``crossed``
        mean, low, high (in per cent) and draws; of shares that both arms had, and
        validation images.
    """
    own = frame[(frame["variant"] == "base") & frame["method"].isin(PAIRS[1])]
    own = own[(own["protocol"] == "finetune") & own["val_accuracy"].notna()]
    own = own[own.groupby("fraction")["method"].transform("nunique") == 2]
    rows = []
    for place, group in own.groupby(["data", "profile", "fraction", "method"]):
        for part, column in (("validation", "val_accuracy"), ("test", "accuracy")):
            found = crossed(100 * group[column])
            rows.append((*place, part, *found[:3], found.draws))
    names = ["data", "profile", "fraction", "method", "part"]
    return pd.DataFrame(rows, columns=[*names, "mean", "low", "high", "draws"])

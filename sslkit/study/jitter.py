"""What changing the colours adds: by jitter before there are labels, or at the labels.

An arm with colour changes is always compared with the same arm without, judged alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import pandas as pd

from sslkit.judging.protocols import PROTOCOLS
from sslkit.runs.records import Run
from sslkit.study import reports, tables
from sslkit.study.crossed import crossed

PAIRS = (("rotnet-jitter", "rotnet"), ("supervised", "supervised-plain"))
"""An arm with colour changes and the same without."""

REGIMES = {"base": "schedule", "constant": "constant 5e-6"}
"""The study's names of the learning rates, by variant."""

_MOST = 0.5  # of the labels: nothing is pretrained for more


def comparable(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of the study's two regimes, at most half of the labels.

    Args:
        frame: From ``tables.table``.
    """
    return frame[frame["variant"].isin(REGIMES) & (frame["fraction"] <= _MOST)]


def pairs(frame: pd.DataFrame) -> pd.DataFrame:
    """Every score with colour changes beside that without, of the same draw and seed.

    Args:
        frame: From ``tables.table``.

    Returns:
        As ``tables.pairs``, for each of ``PAIRS`` in turn and by protocol; no row if
        there is no such pair.
    """
    made = [tables.pairs(two, against=against) for two, against in _judged_alike(frame)]
    columns = [*frame.columns, "accuracy_base", "difference"]
    return _joined(made, columns)


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


def added(
    runs: Iterable[Run],
    *,
    fraction: float,
    protocols: Sequence[str] = ("linear", "finetune"),
) -> pd.DataFrame:
    """What jitter adds to RotNet at a share of the labels.

    Args:
        runs: Of one data set and profile; of several runs of one arm, draw and seed one
            counts.
        fraction: Share of the labels.
        protocols: How encoders were judged; a row each, if there are pairs.

    Returns:
        As ``differences``.
    """
    frame = tables.table(runs)
    frame = tables.at_fraction(frame[frame["variant"] == "base"], fraction)
    frame = frame.drop_duplicates(["method", "protocol", *tables.DRAW])
    two = frame["method"].isin(PAIRS[0]) & frame["protocol"].isin(protocols)
    return differences(frame[two])


def study() -> pd.DataFrame:
    """What the study printed of RotNet without jitter and with it, a run each.

    Returns:
        Accuracies in [0, 1] by regime and fraction (the index): columns rotnet,
        rotnet-jitter and ``difference``.
    """
    wide = reports.of_arms().pivot_table(
        index=["regime", "fraction"], columns="method", values="mean"
    )
    both = wide[["rotnet", "rotnet-jitter"]].dropna()
    return both.assign(difference=both["rotnet-jitter"] - both["rotnet"])


def beside_study(differences: pd.DataFrame) -> pd.DataFrame:
    """The study's differences by jitter, fine-tuned, and those of records.

    Args:
        differences: From the function of that name, of any data sets and variants.

    Returns:
        The rows of RotNet + jitter, fine-tuned, of which the study printed the share
        and the regime (by ``REGIMES``), in that order of regimes; with columns regime
        and ``study``, its difference as a share of one.
    """
    ours = differences[differences["method"] == "rotnet-jitter"]
    ours = ours[ours["protocol"] == "finetune"]
    ours = ours.assign(regime=ours["variant"].map(REGIMES))
    theirs = study()["difference"].rename("study").reset_index()
    order = {regime: place for place, regime in enumerate(REGIMES.values())}
    return ours.merge(theirs, on=["regime", "fraction"]).sort_values(
        ["regime", "fraction"],
        key=lambda column: column.map(order) if column.name == "regime" else column,
        ignore_index=True,
    )


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

"""Leaks: turns told of images without an up, and copies on both sides of a division.

A ``frame`` is from ``tables.table``. ``divided`` has a row a score that was made in
several divisions: columns fraction, method, protocol, draw, seed, and the accuracies
in [0, 1] by group, as given and by image, as ``DIVISIONS`` names them; NaN where one
was not made. What is empty gives an empty frame. ``said`` is a difference in words
(``tables.in_words``).
"""

from __future__ import annotations

import pandas as pd

from sslkit.runs.arms import arm_of
from sslkit.study.tables import at_fraction, differences, interval, worded

DIVISIONS = ("group", "given", "image")
"""Where the test comes from (``Data.test``), the one with the most copies last."""

STEPS = (("given", "image"), ("group", "given"), ("group", "image"))
"""From a division to one with more copies: in the test, among the labels, in both."""

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


def worth_of_up(frame: pd.DataFrame, *, fraction: float = 0.05) -> pd.DataFrame:
    """RotNet less RotNet on images whose up was taken away, paired by draw and seed.

    Args:
        frame: Of one data set and profile; variants ``"base"`` and ``"rotated"``.
        fraction: Share of the labels.

    Returns:
        Columns protocol, ``pairs``, ``mean``, ``low``, ``high`` (95 % t-interval),
        ``said``.

    Raises:
        ValueError: If a variant was run twice for one draw and seed.
    """
    rows = at_fraction(frame[frame["method"] == "rotnet"], fraction)
    by = ["protocol", "draw", "seed"]
    wide = rows[rows["variant"].isin(["base", "rotated"])].pivot(
        index=by, columns="variant", values="accuracy"
    )
    both = wide.reindex(columns=["base", "rotated"]).dropna()
    gains = (both["base"] - both["rotated"]).groupby(level="protocol")
    found = [(protocol, len(gain), *interval(gain)) for protocol, gain in gains]
    return worded(pd.DataFrame(found, columns=["protocol", "pairs", *_MEAN]))


def leaps(divided: pd.DataFrame) -> pd.DataFrame:
    """Mean accuracy in every division, an arm and share of labels a row.

    Returns:
        Columns fraction, method, protocol and ``DIVISIONS``, in the order of
        ``divided``; NaN where a division has no score.
    """
    if divided.empty:
        return pd.DataFrame(columns=[*_ARM, *DIVISIONS])
    return divided.groupby(_ARM, sort=False)[[*DIVISIONS]].mean().reset_index()


def steps(divided: pd.DataFrame) -> pd.DataFrame:
    """What copies are worth: accuracy in one division less that in another, paired.

    Returns:
        Columns ``lower`` and ``upper`` (as in ``STEPS``), fraction, method, protocol,
        ``pairs``, ``mean``, ``low``, ``high`` (95 % t-interval), ``said``. Of every
        step and share the first row is the mean over all arms, by draw: its method is
        ``"all"``, its protocol empty.
    """
    rows: list[tuple[object, ...]] = []
    for lower, upper in STEPS if len(divided) else ():
        gains = divided.assign(gain=divided[upper] - divided[lower]).dropna()
        for fraction, group in gains.groupby("fraction"):
            where = lower, upper, fraction
            by_draw = group.groupby("draw")["gain"].mean()
            rows.append((*where, "all", "", len(by_draw), *interval(by_draw)))
            rows += [
                (*where, *arm, len(gain), *interval(gain))
                for arm, gain in group.groupby(_ARM[1:], sort=False)["gain"]
            ]
    columns = ["lower", "upper", *_ARM, "pairs", *_MEAN]
    return worded(pd.DataFrame(rows, columns=columns))


def ranks(divided: pd.DataFrame, *, fraction: float = 0.05) -> pd.DataFrame:
    """Fine-tuned arms by mean accuracy in every division, the best of each first.

    Args:
        divided: Scores by division.
        fraction: Share of the labels.

    Returns:
        Columns ``division``, ``method``, ``accuracy``. A division that lacks an arm is
        left out, for ranks in it would say something else.
    """
    columns = ["division", "method", "accuracy"]
    if divided.empty:
        return pd.DataFrame(columns=columns)
    tuned = at_fraction(divided[divided["protocol"] == "finetune"], fraction)
    means = tuned.groupby("method")[[*DIVISIONS]].mean().dropna(axis=1)
    rows = [
        (division, method, accuracy)
        for division, own in means.items()
        for method, accuracy in own.sort_values(ascending=False, kind="stable").items()
    ]
    return pd.DataFrame(rows, columns=columns)


def pretraining_adds(frame: pd.DataFrame, *, fraction: float = 0.05) -> pd.DataFrame:
    """Pretrained and fine-tuned arms less supervised training, in every division.

    Args:
        frame: Of one data set, profile and variant.
        fraction: Share of the labels.

    Returns:
        Columns of ``tables.differences``, ``said``; by division (``test``, as in
        ``DIVISIONS``).

    Raises:
        ValueError: As ``tables.pairs``.
    """
    if frame.empty:
        return frame
    tuned = at_fraction(frame[frame["protocol"] == "finetune"], fraction)
    less = differences(tuned)
    own = less[[arm_of(method).pretrained for method in less["method"]]]
    place = own["test"].map(DIVISIONS.index)
    return worded(own.loc[place.sort_values(kind="stable").index])


def other_test_images(frame: pd.DataFrame) -> pd.Series:
    """How far other test images would move the accuracy of one trained network.

    Returns:
        By division (``test``), half the width of the bootstrap interval over test
        images or groups, in [0, 1]: a mean over networks and protocols.
    """
    halves = (frame["high"] - frame["low"]) / 2
    return halves.groupby(frame["test"]).mean()


def kindness(frame: pd.DataFrame) -> pd.DataFrame:
    """Validation less test accuracy of fine-tuned networks, a mean over arms by draw.

    Args:
        frame: Of one data set and profile; its variant ``"base"`` is taken.

    Returns:
        Columns fraction, ``draws``, ``mean``, ``low``, ``high`` (95 % t-interval),
        ``said``; positive where validation says too much.
    """
    own = (frame["variant"] == "base") & (frame["protocol"] == "finetune")
    gaps = (frame["val_accuracy"] - frame["accuracy"])[own].dropna()
    by_draw = gaps.groupby([frame["fraction"], frame["draw"]]).mean()
    rows = [
        (fraction, len(gap), *interval(gap))
        for fraction, gap in by_draw.groupby(level="fraction")
    ]
    found = pd.DataFrame(rows, columns=["fraction", "draws", *_MEAN])
    return worded(found, count="draws")

"""The figures of RotNet with jitter: its pretext task, planted cues, what colours add.

Colours, labels and markers are those of ``arms``.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from sslkit.figures import forest
from sslkit.figures.plots import GREY, new_figure, note, nothing
from sslkit.runs.arms import arm_of

_GUESS = 25  # per cent of the turns


def turns_told(by_epoch: pd.DataFrame) -> Figure:
    """Show how often the turn was told in validation, a curve a run, beside a guess.

    Args:
        by_epoch: From ``pretext.by_epoch``; one run a method.
    """
    figure, axes = new_figure(width=5.2, height=3)
    for method, rows in by_epoch.groupby("method", sort=False):
        arm = arm_of(str(method))
        values = 100 * rows["value"]
        axes.plot(rows["epoch"], values, color=arm.colour, label=arm.label)
    axes.axhline(_GUESS, color=GREY, ls=":")
    axes.set(xlabel="epoch", ylabel="turns told (%)", ylim=(0, 103))
    figure.legend(loc="outside upper left", ncols=2)
    return figure


def leaning(answers: pd.DataFrame) -> Figure:
    """Show the turns told with a planted cue, and by an arrow what is left without it.

    Args:
        answers: From ``jitter.leaning`` of ``study``, a line a row, the first on top.
    """
    figure, axes = new_figure(height=2.9)
    names = []
    rows: list[Any] = list(answers.itertuples())
    for y, row in enumerate(rows):
        arm = arm_of("rotnet-jitter" if row.jitter else "rotnet")
        names.append(f"{row.cue}, {arm.label}")
        kept, gone = 100 * row.kept, 100 * row.gone
        arrow: Any = {"arrowstyle": "->", "color": arm.colour, "lw": 1.4}
        if kept != gone:
            axes.annotate("", (gone, y), (kept, y), arrowprops=arrow)
        mark: Any = {"color": arm.colour, "ms": 8}
        axes.plot(kept, y, arm.marker, **mark)
        axes.plot(gone, y, arm.marker, **mark, mfc="white", mec=arm.colour)
    axes.axvline(_GUESS, color=GREY, ls=":")
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="turns told (%)", xlim=(0, 103), ylim=(len(names) - 0.4, -0.6))
    axes.grid(visible=True, axis="x")
    return figure


def worth(pairs: pd.DataFrame) -> Figure:
    """Show what colour changes are worth, before there are labels and at the labels.

    Args:
        pairs: From ``jitter.pairs`` of ``study``, of one variant.

    Raises:
        ValueError: If it mixes data sets or profiles.
    """
    if pairs.empty:
        return nothing("no records of this: see `make results`")
    # A grey line at zero, for the baseline is not the same in all rows.
    figure = forest.differences(pairs, against="random")
    data, profile = pairs[["data", "profile"]].iloc[0]
    said = "percentage points; RotNet + jitter less RotNet, supervised less\n"
    said += "supervised in plain views; paired, 95 % t-interval; "
    note(figure, f"{said}{data}, profile {profile}")
    return figure


def endings_table(endings: pd.DataFrame) -> pd.DataFrame:
    """Write how often the turn was told in the end (%), an arm and share a row.

    Args:
        endings: From ``pretext.endings``.
    """
    rows: list[Any] = list(endings.itertuples())
    names = [
        f"{row.data}, {100 * row.fraction:g} % of the images, "
        f"{arm_of(row.method).label}"
        for row in rows
    ]
    shares = (100 * endings[["mean", "min", "max"]]).round(1)
    table = pd.concat([endings["count"], shares], axis="columns")
    return table.set_axis(pd.Index(names, name="arm"))

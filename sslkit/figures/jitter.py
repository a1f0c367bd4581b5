"""The figures of RotNet with jitter: its pretext task, planted cues, what colours add.

Colours, labels and markers are those of ``arms``.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from sslkit.figures.plots import GREY, WIDTH, new_figure, note
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


def expected_and_found(parts: pd.DataFrame) -> Figure:
    """Show what validation promised and what the test found, a panel an image set.

    Args:
        parts: From ``jitter.expected_and_found`` of ``study``, of one profile; of
            several sets, one below the other.

    Raises:
        ValueError: If it is of several profiles, or empty.
    """
    profiles = parts["profile"].unique()
    if len(profiles) != 1:
        raise ValueError(f"records of one profile are drawn, not of {[*profiles]}")
    sets = list(dict.fromkeys(parts["data"]))
    figure = Figure(figsize=(WIDTH, 3.4), layout="constrained")
    row = figure.subplots(1, len(sets), sharey=True, squeeze=False)[0]
    for axes, data in zip(row, sets, strict=True):
        own = parts[parts["data"] == data]
        for (method, part), rows in own.groupby(["method", "part"], sort=False):
            arm = arm_of(str(method))
            look: Any = {"color": arm.colour, "marker": arm.marker, "ms": 5.5}
            if part == "validation":
                look |= {"ls": (0, (3, 1.5)), "mfc": "white", "mec": arm.colour}
            else:
                band = rows["low"], rows["high"]
                axes.fill_between(
                    rows["fraction"], *band, color=arm.colour, alpha=0.14, lw=0
                )
            label = f"{arm.label}: {part}"
            axes.plot(rows["fraction"], rows["mean"], label=label, **look)
        shares = sorted(own["fraction"].unique())
        axes.set_xscale("log")
        axes.set_xticks(shares, [f"{100 * share:g}" for share in shares])
        axes.minorticks_off()
        axes.set(title=data, xlabel="labels used (%)")
    row[0].set_ylabel("accuracy (%)")
    figure.legend(
        *row[0].get_legend_handles_labels(), loc="outside upper left", ncols=2
    )
    note(figure, f"bands: 95 % t-interval over draws\nprofile {profiles[0]}")
    return figure

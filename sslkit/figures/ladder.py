"""The figures of what it is that pays: the ladder, and images or steps.

Colours, labels and markers are those of ``runs.arms``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from sslkit.figures.plots import (
    GREY,
    PROTOCOL_LABELS,
    SMALL,
    WIDTH,
    footnote,
    note,
    signed,
)
from sslkit.runs.arms import arm_of

_FRAME = "#E69F00"  # no arm's colour, and it stands out from light and dark blue


def ladder(rungs: pd.DataFrame, steps: pd.DataFrame | None = None) -> Figure:
    """Show what each rung adds, as stairs, a panel an image set.

    All panels span equally many points, so that stairs compare.

    Args:
        rungs: From ``study.ladder.rungs``.
        steps: From ``study.ladder.ladder``: their sizes are written on the stairs, in
            grey where the verdict is open.

    Raises:
        ValueError: If they are of several profiles or shares.
    """
    sources = rungs[["profile", "fraction"]].drop_duplicates()
    if len(sources) != 1:
        raise ValueError(f"a ladder takes one profile and share, not\n{sources}")
    names = list(dict.fromkeys(rungs["rung"]))
    sets = list(dict.fromkeys(rungs["data"]))
    size = WIDTH, 1.4 + 0.5 * len(names)
    figure = Figure(figsize=size, layout="constrained")
    row = figure.subplots(1, len(sets), sharey=True, squeeze=False)[0]
    ends = rungs.groupby("data").agg({"low": "min", "high": "max", "mean": list})
    means = np.array(ends["mean"].to_list())
    least = np.fmin(ends["low"], means.min(axis=1))
    most = np.fmax(ends["high"], means.max(axis=1))
    span = 1.12 * (most - least).max()
    for axes, data in zip(row, sets, strict=True):
        own = rungs[rungs["data"] == data].set_index("rung").loc[names]
        _stairs(axes, own)
        if steps is not None:
            _sizes(axes, own, steps[steps["data"] == data])
        middle = (least[data] + most[data]) / 2
        axes.set(title=data, xlim=(middle - span / 2, middle + span / 2))
        axes.grid(visible=True, axis="x")
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)
    row[0].set_yticks(range(len(names)), [name.replace(", ", ",\n") for name in names])
    row[0].set_ylim(-0.5, len(names) - 0.4)
    row[len(sets) // 2].set_xlabel("test accuracy, fine-tuned (%)")
    profile, share = sources.iloc[0]
    text = f"{100 * share:g} % of the labels; bars: 95 % interval"
    if steps is not None:
        text += f"; steps in points, grey: open (Holm, {len(steps)} contrasts)"
    note(figure, f"{text}\nprofile {profile}")
    return figure


def _stairs(axes: Axes, own: pd.DataFrame) -> None:
    """A mean a rung with its interval, and stairs from one to the next."""
    means = own["mean"].to_list()
    for y, (below, above) in enumerate(zip(means[:-1], means[1:], strict=True)):
        axes.plot(
            (below, below, above), (y, y + 1, y + 1), color=GREY, lw=1, label="stair"
        )
    for y, rung in enumerate(own.itertuples()):
        arm: Any = arm_of(str(rung.method))
        mean, low, high = (float(getattr(rung, x)) for x in ("mean", "low", "high"))
        bar = [[mean - low], [high - mean]]
        look: Any = {"fmt": arm.marker, "color": arm.colour, "elinewidth": 2, "ms": 7}
        axes.errorbar(mean, y, xerr=bar, **look, zorder=3)


def _sizes(axes: Axes, own: pd.DataFrame, steps: pd.DataFrame) -> None:
    """The size of each step, right of its stair."""
    places = {str(name): y for y, name in enumerate(own.index)}
    means = own["mean"].to_list()
    for step in steps.itertuples():
        open_ = step.verdict == "open"
        y = places[str(step.over)]
        axes.annotate(
            signed(float(str(step.mean))),
            (means[y], y + 0.5),
            (4, 0),
            textcoords="offset points",
            color=GREY if open_ else "black",
            weight="normal" if open_ else "bold",
            va="center",
            size=SMALL,
        )


def surface(table: pd.DataFrame, *, at: tuple[int, int] | None = None) -> Figure:
    """Show accuracy by images and steps of pretraining, a panel a share of the labels.

    A cell has its mean; below it half of its 95 % interval where there are several
    encoders.

    Args:
        table: From ``study.gains.surface``; or several, one below the other, with other
            shares.
        at: Images and steps of the cell that is framed.

    Raises:
        ValueError: If it is empty, or mixes data sets or profiles.
    """
    if table.empty:
        raise ValueError("no accuracies by images and steps")
    shares = sorted(table["fraction"].unique())
    figure = Figure(figsize=(WIDTH, 3.3), layout="constrained")
    row = figure.subplots(1, len(shares), sharey=True, squeeze=False)[0]
    arm = arm_of(table["method"].iloc[0])
    colours = LinearSegmentedColormap.from_list(
        arm.name, ["#EAF3F9", arm.colour, "black"]
    )
    # The darkest is not black: a number must stand out from its cell.
    low, high = table["mean"].min(), table["mean"].max()
    limits = low, high + 0.45 * max(high - low, 1)
    for axes, share in zip(row, shares, strict=True):
        here = table[table["fraction"] == share]
        wide = here.pivot(index="images", columns="steps", values="mean")
        # Drawn cells, no image: they change with their numbers on a dark page.
        edges = [np.arange(size + 1) - 0.5 for size in wide.shape[::-1]]
        look: Any = {"cmap": colours, "edgecolors": "white", "linewidth": 2}
        cells = axes.pcolormesh(*edges, wide.to_numpy(), **look)
        cells.set_clim(*limits)
        axes.set_xticks(range(wide.shape[1]), [f"{x:,}" for x in wide.columns])
        axes.set_yticks(range(wide.shape[0]), [f"{y:,}" for y in wide.index])
        axes.set(title=f"{100 * share:g} % of the labels", xlabel="steps")
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
        if at is not None and at[0] in wide.index and at[1] in wide.columns:
            corner = wide.columns.get_loc(at[1]) - 0.5, wide.index.get_loc(at[0]) - 0.5
            framed: Any = {"fill": False, "ec": _FRAME, "lw": 4, "label": "frame"}
            axes.add_patch(Rectangle(corner, 1, 1, **framed, zorder=3))
        for cell in here.itertuples():
            mean, top = float(str(cell.mean)), float(str(cell.high))
            text = f"{mean:.1f}"
            if int(str(cell.seeds)) > 1:
                text += f"\n± {top - mean:.1f}"
            axes.text(
                list(wide.columns).index(cell.steps),
                list(wide.index).index(cell.images),
                text,
                ha="center",
                va="center",
                color="white" if cells.norm(mean) > 0.46 else "black",
            )
    row[0].set_ylabel("unlabelled images")
    judged = PROTOCOL_LABELS[table["protocol"].iloc[0]]
    text = f"test accuracy (%) of {arm.label}, {judged}; ± half of the 95 % interval,\n"
    footnote(figure, table, f"{text}where there are several encoders")
    return figure

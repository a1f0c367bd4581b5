"""The figures of what validation images choose: a Figure from a table of ``study``.

One share of the labels and one profile a figure, image sets side by side; a table that
mixes them is a ValueError.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sslkit.figures.forest import forest
from sslkit.figures.plots import GREY, PROTOCOL_LABELS, WIDTH, note
from sslkit.runs.arms import arm_of, ordered
from sslkit.study.selection import ENDS


def gaps(rows: pd.DataFrame, *, label: str) -> Figure:
    """Show differences as means with 95 % t-intervals, a line an arm, a panel a set.

    Args:
        rows: From ``selection.gaps`` or ``selection.folds``.
        label: Of the axis.

    Raises:
        ValueError: If there is no row.
    """
    where = _where(rows)
    values = rows.assign(
        panel=rows["data"],
        heading=rows["protocol"].map(PROTOCOL_LABELS),
        line=[arm_of(name).label for name in rows["method"]],
    )
    figure = forest(values, label=label)
    for axes in figure.axes:
        axes.axvline(0, color=GREY, lw=1, zorder=1)
    note(figure, where)
    return figure


def stages(summary: pd.DataFrame) -> Figure:
    """Show linear probes of each stage of frozen encoders, a line a method.

    Args:
        summary: From ``tables.summarise``; protocols ``layer1``, ``layer2``, …

    Raises:
        ValueError: If there is no row.
    """
    where = _where(summary)
    figure, panels = _panels(summary, height=3.4)
    for name, axes in panels.items():
        rows = summary[summary["data"] == name]
        for i, method in enumerate(ordered(rows["method"])):
            own = rows[rows["method"] == method].sort_values("protocol")
            mean, low, high = 100 * own[["mean", "low", "high"]].to_numpy().T
            stage = own["protocol"].str.removeprefix("layer").astype(int)
            axes.errorbar(
                stage + 0.07 * (i - 1.5),  # bars beside each other
                mean,
                yerr=(mean - low, high - mean),
                fmt=f"{arm_of(method).marker}-",
                color=arm_of(method).colour,
                label=arm_of(method).label,
            )
        axes.set(title=name, xlabel="stage", xticks=range(1, 5))
    first = next(iter(panels.values()))
    entries = first.get_legend_handles_labels()
    figure.legend(*entries, loc="outside upper left", ncols=3)
    note(figure, f"linear probes; bars: 95 % t-interval\n{where}")
    return figure


def validation(frame: pd.DataFrame, errors: pd.DataFrame) -> Figure:
    """Show validation against test accuracy, a mark a network, a panel an image set.

    Args:
        frame: From ``tables.table``; of its rows linear probes (open marks) and
            fine-tuned networks (filled) are shown.
        errors: From ``selection.standard_errors``: which sets, and the grey bars.

    Raises:
        ValueError: If there is no row.
    """
    rows = frame[frame["data"].isin(errors["data"]) & frame["protocol"].isin(ENDS)]
    where = _where(rows)
    figure, panels = _panels(rows, height=3.9)
    for name, axes in panels.items():
        error = errors.loc[errors["data"] == name, "error"].item()
        _networks(axes, rows[rows["data"] == name], error)
        axes.set(title=name, xlabel="validation accuracy (%)")
    # Of two marks with one name, the filled one.
    by_name: dict[str, Any] = {}
    entries = next(iter(panels.values())).get_legend_handles_labels()
    for handle, text in zip(*entries, strict=True):
        by_name.setdefault(text, handle)
    names = [arm_of(name).label for name in ordered(rows["method"])]
    wanted = [name for name in names if name in by_name]
    marks = [by_name[name] for name in wanted]
    figure.legend(marks, wanted, loc="outside upper left", ncols=3)
    note(figure, where)
    return figure


def _networks(axes: Axes, rows: pd.DataFrame, error: float) -> None:
    """The networks of one image set, the diagonal, and a bar of one standard error."""
    for (method, way), own in rows.groupby(["method", "protocol"]):
        x, y = 100 * own["val_accuracy"], 100 * own["accuracy"]
        arm = arm_of(str(method))
        axes.scatter(
            x,
            y,
            s=30,
            marker=arm.marker,
            edgecolors=arm.colour,
            facecolors=arm.colour if way == "finetune" else "none",
            label=arm.label,
            zorder=3,
        )
    middle = 100 * rows["accuracy"].mean()
    axes.axline((middle, middle), slope=1, color=GREY, lw=1)
    least = 100 * rows["accuracy"].min() - 3
    bar: Any = {"color": GREY, "elinewidth": 2, "capsize": 3}
    axes.errorbar(middle, least, xerr=100 * error, **bar)


def _panels(rows: pd.DataFrame, *, height: float) -> tuple[Figure, dict[str, Axes]]:
    """A panel an image set, in the order of the rows."""
    names = rows["data"].unique()
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    panels = np.ravel(figure.subplots(1, len(names), squeeze=False))
    panels[0].set_ylabel("test accuracy (%)")
    return figure, dict(zip(names, panels, strict=True))


def _where(rows: pd.DataFrame) -> str:
    """The one share of the labels and profile of a table, for a note."""
    sources = rows[["fraction", "profile"]].drop_duplicates()
    if len(sources) != 1:
        raise ValueError(f"a figure takes one share and profile, not\n{sources}")
    share, profile = sources.iloc[0]
    return f"{100 * share:g} % of the labels, profile {profile}"

"""The figure of health: pretrainings that fail beside one that learns."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sslkit.figures.plots import GREY, WIDTH
from sslkit.judging.alarms import alarms
from sslkit.judging.watched import Watched
from sslkit.runs.arms import arm_of

_LABELS = {
    "train_loss": "loss (nats)",
    "train_accuracy": "task solved (%)",
    "train_deviation": "spread of embeddings",
    "deviation": "spread of features",
    "rank": "directions used",
    "gradient": "norm of the gradient",
    "noise_accuracy": "solved on noise (%)",
    "neighbours": "neighbours of one class (%)",
}
_SHARES = ("train_accuracy", "noise_accuracy", "neighbours")
_LINES = ("--", ":", "-.")
_WIDE = 50.0  # the largest value over the smallest from which an axis is logarithmic


def beside(
    cases: Mapping[str, Watched], metrics: Sequence[str], *, method: str
) -> Figure:
    """Show what was watched of a training that learns and of others, over steps.

    A panel a metric. The first case, which learns, is a thick line in the method's
    colour; each other one is a grey line of its own kind, with a cross where it gave
    its first alarm. A dotted line is what a guess gives, where that is known.

    Args:
        cases: What was watched, by name; at most four.
        metrics: As in ``Health.history``.
        method: Whose colour to take.
    """
    figure = Figure(figsize=(WIDTH, 2.9), layout="constrained")
    panels = figure.subplots(1, len(metrics), squeeze=False)[0]
    healthy, *failing = cases
    looks: dict[str, Any] = {healthy: {"color": arm_of(method).colour, "lw": 2.6}}
    for name, line in zip(failing, _LINES, strict=False):
        looks[name] = {"color": GREY, "ls": line}
    for axes, metric in zip(panels, metrics, strict=True):
        unit = 100 if metric in _SHARES else 1
        for name in (*failing, healthy):
            _line(axes, cases[name], metric, unit, {**looks[name], "label": name})
        by_chance = {
            "train_loss": cases[healthy].chance,
            "neighbours": cases[healthy].by_chance,
        }.get(metric)
        if by_chance:
            axes.axhline(unit * by_chance, color=GREY, lw=1, ls=":", label="a guess")
        drawn = [v for one in cases.values() for v in one.seen(metric) if v > 0]
        if drawn and max(drawn) > _WIDE * min(drawn):
            axes.set_yscale("log")
        else:
            axes.set_ylim(0, 102 if unit == 100 else None)
        axes.set(xlabel="step", ylabel=_LABELS[metric])
    handles, names = panels[0].get_legend_handles_labels()
    order = [names.index(name) for name in (*cases, "a guess") if name in names]
    entries = [handles[i] for i in order], [names[i] for i in order]
    figure.legend(*entries, loc="outside upper left", ncols=4)
    return figure


def _line(
    axes: Axes, watched: Watched, metric: str, unit: int, look: dict[str, Any]
) -> None:
    """A case's values, with a cross at the last of them before its first alarm."""
    seen = watched.values.get(metric, {})
    axes.plot(list(seen), [unit * value for value in seen.values()], **look)
    first = min((alarm.step for alarm in alarms(watched)), default=math.inf)
    if steps := [step for step in seen if step <= first < math.inf]:
        place = [steps[-1]], [unit * seen[steps[-1]]]
        axes.plot(*place, "X", color="#222222", ms=9, zorder=3)

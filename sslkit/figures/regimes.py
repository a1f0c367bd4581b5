"""The figures of learning-rate regimes: schedules, losses, accuracies, curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import pandas as pd
from matplotlib.figure import Figure

from sslkit.figures.diagnostics import curves
from sslkit.figures.forest import forest
from sslkit.figures.plots import GREY, PROTOCOL_LABELS, new_figure, note
from sslkit.learning.training import Training, learning_rate
from sslkit.runs.records import Run


def schedules(
    rates: Mapping[Literal["cosine", "constant"], float], *, steps: int
) -> Figure:
    """Show learning rates over the steps, on a logarithmic scale.

    Args:
        rates: The highest rate by schedule.
        steps: How many in all.
    """
    figure, axes = new_figure(height=2.8)
    walk = range(steps)
    for (name, rate), line in zip(rates.items(), ("-", "--"), strict=False):
        regime = Training(lr=rate, schedule=name)
        values = [learning_rate(step, steps, regime) for step in walk]
        axes.plot(walk, values, line, color=GREY, label=name)
    axes.set(yscale="log", ylim=(1e-6, 6e-4))
    axes.set(xlabel="step", ylabel="learning rate")
    axes.legend()
    return figure


def losses(histories: Mapping[str, pd.DataFrame], *, guess: float) -> Figure:
    """Show training loss over the steps, and what a guess costs.

    Args:
        histories: By name, three at most: columns step, metric, value.
        guess: Loss of guessing the class, in nats.
    """
    figure, axes = new_figure(height=2.9)
    lines = zip(histories.items(), (":", "--", "-"), strict=False)
    for (name, history), line in lines:
        loss = history[history["metric"] == "train_loss"]
        axes.plot(loss["step"], loss["value"], line, color="black", label=name)
    axes.axhline(guess, color=GREY, ls=(0, (1, 3)), lw=1)
    axes.set(xlabel="step", ylabel="training loss (nats)", ylim=(0, None))
    figure.legend(loc="outside upper left", ncols=3)
    return figure


def by_regime(rows: pd.DataFrame) -> Figure:
    """Show accuracy by regime, fine-tuned and frozen, with 95 % t-intervals.

    Args:
        rows: From ``regimes.shown``, of one image set.

    Raises:
        ValueError: If it mixes image sets, profiles or shares of the labels.
    """
    sources = rows[["fraction", "data", "profile"]].drop_duplicates()
    if len(sources) != 1:
        raise ValueError(f"a figure takes one image set and share, not\n{sources}")
    share, data, profile = sources.iloc[0]
    ordered = rows.sort_values("protocol", kind="stable")
    values = ordered.assign(
        panel=ordered["protocol"].map(PROTOCOL_LABELS),
        heading=ordered["start"],
        line=ordered["regime"],
        value=ordered["accuracy"],
    )
    figure = forest(values, label="test accuracy (%)")
    axes = figure.axes[0]
    low, high = axes.get_xlim()  # wide where there are two draws only
    axes.set_xlim(max(low, 10), min(high, 100))
    note(figure, f"{100 * share:g} % of the labels; {data}, {profile}")
    return figure


def fine_tuning(runs: Sequence[Run]) -> Figure:
    """Show the curves of fine-tuning, a thin line a draw, with the selected epochs.

    Args:
        runs: Of one arm and regime, as from ``progress.tuned``.
    """
    epochs = [one.scores["finetune"].epoch for one in runs]
    return curves(
        *(one.history for one in runs),
        phase="finetune",
        selected=[epoch for epoch in epochs if epoch is not None],
        method=runs[0].recipe.arm,
    )

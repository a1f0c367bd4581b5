"""The figures of what benchmarks measured."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from sslkit.figures.plots import GREY, SMALL, new_figure
from sslkit.runs.arms import arm_of
from sslkit.study.speed import makespan

_PEERS = ("#CF7A00", "#0072B2", "#009E73", "#661E66")


def rates(table: pd.DataFrame) -> Figure:
    """Show values by case, a marker a name, on a logarithmic axis.

    Args:
        table: From ``measured``.
    """
    cases, names = list(table["case"].unique()), list(table["name"].unique())
    figure, axes = new_figure(height=0.9 + 0.5 * len(cases))
    for i, name in enumerate(names):
        rows = table[table["name"] == name]
        own = i == 0
        axes.plot(
            rows["value"],
            [cases.index(case) for case in rows["case"]],
            "o" if own else "Ds^v"[(i - 1) % 4],
            color=arm_of("supervised").colour if own else _PEERS[(i - 1) % 4],
            markersize=9 if own else 7,
            label=name,
        )
    axes.set_yticks(range(len(cases)), cases)
    axes.set(
        xscale="log", xlabel=str(table["unit"].iloc[0]), ylim=(len(cases) - 0.5, -0.5)
    )
    axes.grid(visible=True, axis="x")
    figure.legend(loc="outside upper left", ncols=len(names))
    return figure


def scaling(seconds: Sequence[float], *, most: int = 64) -> Figure:
    """Show how long a sweep takes on 1 to ``most`` workers, and what they cost.

    Args:
        seconds: What each recipe took on one worker.
        most: Of the workers.
    """
    workers = 2 ** np.arange(int(np.log2(most)) + 1)
    minutes = np.array([makespan(seconds, int(n)) for n in workers]) / 60
    figure, axes = new_figure(height=3.2)
    colour = arm_of("simclr").colour
    axes.plot(workers, minutes, "o-", color=colour, label="until all is done")
    ideal = minutes[0] / workers
    axes.plot(workers, ideal, "--", color=GREY, lw=1, label="shared without a rest")
    colour, label = arm_of("rotnet").colour, "of all workers, paid for"
    axes.plot(workers, minutes * workers, "s-", color=colour, label=label)
    axes.set(xscale="log", yscale="log", xlabel="workers", ylabel="minutes")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:g}")
    axes.set_xticks(workers, [str(n) for n in workers])
    axes.minorticks_off()
    axes.grid(visible=True)
    figure.legend(loc="outside upper left", ncols=3, fontsize=SMALL)
    return figure

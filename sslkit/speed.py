"""What the benchmarks measured, and what follows from it: tables and figures."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from sslkit import records
from sslkit.plots import GREY, METHOD_COLOURS, SMALL, new_figure

_PEERS = ("#CF7A00", "#0072B2", "#009E73", "#661E66")


def measured(benchmark: str) -> pd.DataFrame:
    """The committed figures of a benchmark, of the machine that was measured last.

    Args:
        benchmark: ``"views"``, ``"step"``, ``"pretrain"``, ``"pretrain loss"``,
            ``"memory"``, ``"memory, calculated"`` or ``"start"``.

    Returns:
        Columns case, name, value, unit, machine, torch, commit, date; in the order in
        which they were measured.

    Raises:
        ValueError: If there are none.
    """
    file = records.results_file("speed.csv")
    table = pd.read_csv(file) if file else pd.DataFrame({"benchmark": []})
    found = table[table["benchmark"] == benchmark]
    if found.empty:
        raise ValueError(f"no figures of '{benchmark}'; `make bench` measures them")
    last = found[found["machine"] == found["machine"].iloc[-1]]
    return last.drop(columns="benchmark").reset_index(drop=True)


def by_case(benchmark: str) -> pd.DataFrame:
    """The values of a benchmark, a row a case and a column a name."""
    table = measured(benchmark)
    wide = table.pivot(index="case", columns="name", values="value")
    wide = wide.loc[table["case"].unique(), table["name"].unique()]
    return wide.rename_axis(index=None, columns=None)


def ratios(benchmark: str, *, of: str = "sslkit") -> pd.DataFrame:
    """How many times a name's value is that of each other, a row a case."""
    wide = by_case(benchmark)
    return wide.drop(columns=of).rdiv(wide[of], axis=0)


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
            color=METHOD_COLOURS["supervised"] if own else _PEERS[(i - 1) % 4],
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


def makespan(seconds: Sequence[float], workers: int) -> float:
    """Seconds until a list of recipes is done, each by whoever is free first.

    Args:
        seconds: What each takes on one worker, in the order of the list.
        workers: How many work side by side, without holding each other up.
    """
    free = [0.0] * workers
    for takes in seconds:
        heapq.heapreplace(free, free[0] + takes)
    return max(free)


def scaling(seconds: Sequence[float], *, most: int = 64) -> Figure:
    """Show how long a sweep takes on 1 to ``most`` workers, and what they cost.

    Args:
        seconds: What each recipe took on one worker.
        most: Of the workers.
    """
    workers = 2 ** np.arange(int(np.log2(most)) + 1)
    minutes = np.array([makespan(seconds, int(n)) for n in workers]) / 60
    figure, axes = new_figure(height=3.2)
    colour = METHOD_COLOURS["simclr"]
    axes.plot(workers, minutes, "o-", color=colour, label="until all is done")
    ideal = minutes[0] / workers
    axes.plot(workers, ideal, "--", color=GREY, lw=1, label="shared without a rest")
    colour, label = METHOD_COLOURS["rotnet"], "of all workers, paid for"
    axes.plot(workers, minutes * workers, "s-", color=colour, label=label)
    axes.set(xscale="log", yscale="log", xlabel="workers", ylabel="minutes")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:g}")
    axes.set_xticks(workers, [str(n) for n in workers])
    axes.minorticks_off()
    axes.grid(visible=True)
    figure.legend(loc="outside upper left", ncols=3, fontsize=SMALL)
    return figure


def seconds_of(runs: Sequence[records.Run]) -> list[float]:
    """What each run took, all phases together."""
    return [float(sum(run.about["seconds"].values())) for run in runs]

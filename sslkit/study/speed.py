"""What the benchmarks measured, and what follows from it."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import pandas as pd

from sslkit.runs import records
from sslkit.study import published


def measured(benchmark: str) -> pd.DataFrame:
    """The committed figures of a benchmark, of the machine that was measured last.

    Args:
        benchmark: ``"views"``, ``"step"``, ``"pretrain"`` (and ``"pretrain rate"``,
            ``"pretrain memory"``, ``"pretrain loss"``), ``"race"``,
            ``"race rate"``, ``"engine"``, ``"memory"``, ``"memory, calculated"`` or
            ``"start"``.

    Returns:
        Columns case, name, value, unit, machine, torch, commit, date; in the order in
        which they were measured.

    Raises:
        ValueError: If there are none.
    """
    file = published.file("speed.csv")
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


def seconds_of(runs: Sequence[records.Run]) -> list[float]:
    """What each run took, all phases together."""
    return [float(sum(run.about["seconds"].values())) for run in runs]

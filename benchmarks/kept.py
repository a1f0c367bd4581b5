"""What a benchmark measured, kept as rows of ``book/results/speed.csv``."""

from __future__ import annotations

import multiprocessing
import resource
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from lightning.fabric import Fabric

from sslkit.images.files import whole
from sslkit.learning.devices import precision
from sslkit.runs import provenance

FILE = Path("book/results/speed.csv")
CASE = ["benchmark", "case", "machine"]  # measured anew, it takes the place of the old
ROUNDS = 5


def keep(
    benchmark: str, case: str, unit: str, values: Mapping[str, float], file: Path = FILE
) -> None:
    """Write some rates that were measured side by side in one run, a row each.

    Args:
        benchmark: The script.
        case: What was measured: encoder, size, batch.
        unit: Of the values.
        values: By name of what was measured.
        file: Where the rows are kept, by benchmark, what was measured last at the end.
    """
    about = provenance.provenance()
    rows = pd.DataFrame(
        {
            "benchmark": benchmark,
            "case": case,
            "machine": about["machine"],
            "name": list(values),
            "value": [float(f"{value:.4g}") for value in values.values()],
            "unit": unit,
            "torch": about["versions"]["torch"],
            "commit": about["commit"],
            "date": about["date"],
        }
    )
    if file.exists():
        old = pd.read_csv(file)
        replaced = old.merge(rows[CASE].drop_duplicates(), how="left", indicator=True)
        rows = pd.concat([old[(replaced["_merge"] == "left_only").to_numpy()], rows])
    with whole(file) as partial:
        rows.sort_values("benchmark", kind="stable").to_csv(partial, index=False)


def side_by_side(
    contenders: Mapping[str, Callable[[], object]], *, at_least: float
) -> dict[str, float]:
    """Seconds that each takes, the median of rounds in which they take turns.

    So a machine that is busy for a while slows all of them alike.

    Args:
        contenders: What is to be measured, by name; each is done once to warm up.
        at_least: Seconds that each is repeated for, in all rounds.
    """
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for work in contenders.values():
        work()
    for _ in range(ROUNDS):
        for name, work in contenders.items():
            times[name].append(_seconds(work, at_least / ROUNDS))
    return {name: statistics.median(taken) for name, taken in times.items()}


def fabric() -> Fabric:
    """The best device here, in the precision that a run takes on it."""
    numbers: Any = precision("auto")
    accelerator = "cuda" if torch.cuda.is_available() else "cpu"
    return Fabric(accelerator=accelerator, devices=1, precision=numbers)


def peak_memory() -> float:
    """GiB that this process took at its peak, and its workers hold of their own now.

    Code included; on a GPU that of the tensors alone.
    """
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**30
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # in KiB
    workers = [
        Path(f"/proc/{w.pid}/smaps_rollup") for w in multiprocessing.active_children()
    ]
    lines = [x for file in workers if file.exists() for x in file.open()]
    private = [int(x.split()[1]) for x in lines if x.startswith("Private_")]
    return (own + sum(private)) / 2**20


def _seconds(work: Callable[[], object], at_least: float) -> float:
    _wait()
    count, start = 0, time.perf_counter()
    while count == 0 or time.perf_counter() - start < at_least:
        work()
        count += 1
        _wait()
    return (time.perf_counter() - start) / count


def _wait() -> None:
    """Until a GPU has done what it was given."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()

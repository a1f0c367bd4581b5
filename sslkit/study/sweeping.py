"""Sweeping: do the recipes of a grid that are not recorded yet, and sum up."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from itertools import chain
from pathlib import Path

from tqdm.std import tqdm

from sslkit.judging.health import tell
from sslkit.runs import costs, records, running, watching
from sslkit.runs.durations import in_time
from sslkit.runs.recipes import Recipe
from sslkit.runs.records import Run
from sslkit.study import tables

# What is shown of the summary.
_SHOWN = "variant method protocol fraction runs mean low high".split()


def sweep(
    todo: Iterable[Recipe],
    *,
    out: Path,
    executor: Executor,
    file: Path | None = None,
    dry_run: bool = False,
    say: Callable[[str], None] = print,
) -> list[Run]:
    """Do recipes, many at a time; what is recorded is not done again.

    First it says how long that will take, by a short rehearsal in this process. It ends
    with a table of what is recorded, also where a recipe failed or somebody stopped it.

    Args:
        todo: The recipes of a grid.
        out: The store.
        executor: Where they are done.
        file: A ``.jsonl`` that gets every record.
        dry_run: Say what it would cost, and stop.
        say: Takes what is to be told, in pieces of a line or more.

    Returns:
        The runs, those that were there first.
    """
    look = tqdm(list(todo), "looking for records", unit="recipe", leave=False)
    found = {one: running.recorded(one, out=out) for one in look}
    done = [run for run in found.values() if run]
    left = [one for one, run in found.items() if not run]
    say(f"{len(found)} recipes: {len(done)} recorded already, {len(left)} left")
    for line in watching.in_doubt(done):
        tell(line)  # where those that train now say it
    if left:
        bar = tqdm(left, "rehearsal", unit="recipe", leave=False)
        time = in_time(costs.predict(bar))
        say(f"about {time} of one worker as fast as this process")
    if dry_run:
        return done
    every = chain(done, running.run_all(left, out=out, executor=executor))
    kept = []
    try:
        for one in records.append(file, every) if file else every:
            kept.append(one)
    finally:
        if kept:
            summary = tables.summarise(tables.table(kept))
            say(summary[_SHOWN].round(4).to_string(index=False))
    return kept

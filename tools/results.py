"""Make the committed records anew: ``python -m tools.results [NAME …]``.

Interrupted, it goes on where it was; what is done lies in the store.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import click

RESULTS = Path("book/results")
ANSWER = Path("book/_assets/answer.svg")  # the README's figure
DRAWS = range(5)  # each with a seed of its own; tuning used draws and seeds from 100


@dataclass(frozen=True)
class Grid:
    """The runs of one record file.

    Attributes:
        data: The images.
        profile: Where every value comes from.
        fractions: Shares of the labels for every arm.
        curve: Further shares for supervised training alone.
        image_size: Side in pixels.
    """

    data: str
    profile: str
    fractions: tuple[float, ...]
    curve: tuple[float, ...]
    image_size: int


GRIDS = {
    "shapes": Grid("shapes", "quick", (0.05,), (0.25, 1.0), 32),
    "cifar3": Grid("cifar3", "study-small", (0.05, 0.25), (1.0,), 32),
    "colon3": Grid("colon3", "study-small", (0.05, 0.25), (1.0,), 32),
}


@click.command(context_settings={"show_default": True})
@click.argument("names", nargs=-1, type=click.Choice(list(GRIDS)))
@click.option("--jobs", default=2, help="processes, of one thread each")
@click.option(
    "--out", default="runs", help="the store", type=click.Path(path_type=Path)
)
def main(names: tuple[str, ...], jobs: int, out: Path) -> None:
    """Do the grids of NAMES (all of them if none is given) and write their records."""
    os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported by the workers
    from sslkit import records, runs

    RESULTS.mkdir(exist_ok=True)
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=spawn) as pool:
        for name in names or GRIDS:
            grid = GRIDS[name]
            done = runs.run_all(recipes_of(grid), out=out, executor=pool)
            file = RESULTS / f"{grid.profile}-{name}.jsonl"
            lines = [records.to_line(run) for run in sorted(done, key=lambda r: r.key)]
            file.write_text("\n".join(lines) + "\n")
            click.echo(f"{file}: {len(lines)} records")
    draw_answer()


def draw_answer() -> None:
    """Draw the README's figure from the records of ``shapes``."""
    from sslkit import comparisons, plots, records, tables

    plots.style()
    summary = tables.summarise(tables.table(records.published("shapes", "quick")))
    comparisons.arrow(summary).savefig(ANSWER, metadata={"Date": None})
    click.echo(ANSWER)


def recipes_of(grid: Grid) -> Iterator:
    """The recipes of a grid, draw by draw, so that every draw ends complete."""
    from sslkit import recipes

    for draw in DRAWS:
        for fraction in (*grid.fractions, *grid.curve):
            arms = recipes.ARMS if fraction in grid.fractions else ("supervised",)
            for arm in arms:
                yield recipes.recipe(
                    arm,
                    data=grid.data,
                    profile=grid.profile,
                    fraction=fraction,
                    draw=draw,
                    seed=draw,
                    image_size=grid.image_size,
                )


if __name__ == "__main__":
    main()

"""Make the committed records anew: ``python -m tools.results [NAME …]``.

Interrupted, it goes on where it was; what is done lies in the store.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

RESULTS = Path("book/results")
ANSWER = Path("book/_assets/answer.svg")  # the README's figure
SCALING = Path("book/_assets/scaling.svg")  # in the chapter "running"
DRAWS = 5  # from 0; tuning used draws and seeds from 100
# By the images, a record file each: what else the grid of arms is asked for.
SETS: dict[str, dict[str, Any]] = {
    "shapes": {"profile": "quick", "fractions": (0.05,), "curve": (0.25, 1.0)},
    "cifar3": {"profile": "study-small", "fractions": (0.05, 0.25), "curve": (1.0,)},
    "colon3": {"profile": "study-small", "fractions": (0.05, 0.25), "curve": (1.0,)},
}


@click.command(context_settings={"show_default": True})
@click.argument("names", nargs=-1, type=click.Choice(list(SETS)))
@click.option("--jobs", default=2, help="processes, of one thread each")
@click.option(
    "--out", default="runs", help="the store", type=click.Path(path_type=Path)
)
def main(names: tuple[str, ...], jobs: int, out: Path) -> None:
    """Do the grids of NAMES (all of them if none is given) and write their records."""
    os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported by the workers
    from sslkit import grids, records, runs, workers

    RESULTS.mkdir(exist_ok=True)
    with workers.processes(jobs) as executor:
        for name in names or SETS:
            given = dict(SETS[name])
            images = grids.Images(
                data=name, image_size=32, profile=given.pop("profile")
            )
            todo = grids.arms(images, draws=DRAWS, **given)
            done = runs.run_all(todo, out=out, executor=executor)
            file = RESULTS / f"{SETS[name]['profile']}-{name}.jsonl"
            lines = [records.to_line(run) for run in sorted(done, key=lambda r: r.key)]
            file.write_text("\n".join(lines) + "\n")
            click.echo(f"{file}: {len(lines)} records")
    draw_answer()
    draw_scaling()


def draw_answer() -> None:
    """Draw the README's figure from the records of ``shapes``."""
    from sslkit import comparisons, plots, records, tables

    plots.style()
    summary = tables.summarise(tables.table(records.published("shapes", "quick")))
    comparisons.arrow(summary).savefig(ANSWER, metadata={"Date": None})
    click.echo(ANSWER)


def draw_scaling() -> None:
    """Draw how long the recipes of ``cifar3`` take on many workers."""
    from sslkit import plots, records, speed

    plots.style()
    seconds = speed.seconds_of(records.published("cifar3", "study-small"))
    speed.scaling(seconds).savefig(SCALING, metadata={"Date": None})
    click.echo(SCALING)


if __name__ == "__main__":
    main()

"""Make the committed records anew: ``python -m tools.results [NAME …]``.

Interrupted, it goes on where it was; what is done lies in the store.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sslkit.images.files import whole

if TYPE_CHECKING:
    from sslkit.runs.recipes import Data, Recipe
    from sslkit.runs.records import Run

RESULTS = Path("book/results")
ANSWER = Path("book/_assets/answer.svg")  # the README's figure; as PNG, of shared links
SCALING = Path("book/_assets/scaling.svg")  # in the chapter "running"
SETS = {  # of each profile, in the order in which they are done
    "quick": ("shapes",),
    "study-small": ("colon3", "cifar3", "lung3"),
    "few-labels": ("colon3", "cifar10", "blood8"),
}
GRIDS = {
    f"{profile}-{data}": (profile, data)
    for profile, sets in SETS.items()
    for data in sets
}
"""A grid's profile and images, by its name: the folder of its records."""
RIVALS = ("byol", "vicreg", "selftrain", "histogram")  # of ``shapes``
START = "cifar7.safetensors"  # under SSLKIT_DATA, from tools.warm_start


@click.command(context_settings={"show_default": True})
@click.argument("names", nargs=-1, type=click.Choice(list(GRIDS)))
@click.option("--jobs", default=2, help="processes, of one thread each")
@click.option(
    "--out", default="runs", help="the store", type=click.Path(path_type=Path)
)
@click.option("--recorded", is_flag=True, help="do nothing, write what the store has")
def main(names: tuple[str, ...], jobs: int, out: Path, recorded: bool) -> None:
    """Do the grids of NAMES (all of them if none is given) and write their records."""
    os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported by the workers
    from sslkit.runs import records, running, workers

    RESULTS.mkdir(exist_ok=True)
    if recorded:
        kept = records.read(out)
        for name in names or GRIDS:
            if own := [run for run in kept if _is_of(run, name)]:
                publish(name, own)
    else:
        with workers.processes(jobs) as executor:
            for name in names or GRIDS:
                publish(
                    name, running.run_all(recipes(name), out=out, executor=executor)
                )
    draw_answer()
    draw_scaling()


def recipes(name: str) -> Iterable[Recipe]:
    """The recipes of a grid, in the order in which they are wanted."""
    from sslkit.study import factors, few_labels, grids
    from sslkit.study.images import Images

    profile, data = GRIDS[name]
    if profile == few_labels.PROFILE:
        return few_labels.few_labels(data)
    images = Images(data=data, image_size=32, profile=profile)
    if data == "shapes":
        every = grids.arms(images, fractions=(0.05,), curve=(0.25, 1.0), more=RIVALS)
        every = chain(every, factors.hue_kept(images))
        # The precision of the first records: a figure mixes no two.
        return [replace(one, precision="32-true") for one in every]
    if data == "lung3":  # divided in three ways: what are copies in the test worth?
        by_group = replace(images, groups="files.csv:path:group", test="group")
        ways = (by_group, replace(images, test="image"), images)
        return chain.from_iterable(
            grids.arms(way, fractions=(0.05,), curve=(1.0,), more=("histogram",))
            for way in ways
        )
    study = grids.study(images, start=START, other=_other(data))
    return chain(study, grids.handmade(images))


def _other(data: str) -> Data:
    """Where unlabelled images of another kind come from."""
    from sslkit.runs.recipes import Data
    from tools.warm_start import CLASSES

    if data == "colon3":  # tissue of another organ, as the study had
        return Data(name="lung3")
    return Data(name="cifar10", classes=CLASSES)


def _is_of(run: Run, name: str) -> bool:
    from sslkit.study.tables import data_of

    recipe = run.recipe
    named = recipe.profile, data_of(recipe.data)
    return named == GRIDS[name] and recipe.draw < 100  # 100: tuning


def publish(name: str, done: Iterable[Run]) -> None:
    """Write the records of a grid."""
    from sslkit.study import published

    folder = RESULTS / name
    runs = list(done)
    published.write(folder, runs)
    click.echo(f"{folder}: {len(runs)} records")


def draw_answer() -> None:
    """Draw the figure of the README and of shared links, that of the book's cover."""
    from sslkit.figures import few_labels, grounds, plots
    from sslkit.study import findings

    plots.style()
    figure = few_labels.label_curve(
        findings.recorded("cifar10", "few-labels"),
        arms=(("supervised", "finetune"), ("simclr", "linear"), ("simclr", "finetune")),
        arrow=("simclr", "linear", 100),
        classes=10,
    )
    with whole(ANSWER) as partial:
        partial.write_text(grounds.svg(figure))
    with whole(ANSWER.with_suffix(".png")) as partial:
        figure.savefig(partial, format="png", dpi=200, metadata={"Software": None})
    click.echo(ANSWER)


def draw_scaling() -> None:
    """Draw how long the recipes of ``cifar3`` take on many workers."""
    from sslkit.figures import grounds, plots, speed
    from sslkit.study import published
    from sslkit.study import speed as measured

    plots.style()
    seconds = measured.seconds_of(published.runs("cifar3", "study-small"))
    with whole(SCALING) as partial:
        partial.write_text(grounds.svg(speed.scaling(seconds)))
    click.echo(SCALING)


if __name__ == "__main__":
    main()

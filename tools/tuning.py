"""Tune arms: ``python -m tools.tuning quick shapes byol vicreg``.

Every setting is scored on images of the pool outside the label budget, on draws and
seeds from 100; the test images are never read. That takes labels which a reader with a
small budget does not have, so what it finds are the book's settings, not advice on how
to tune. All of it is kept in ``book/results/tuning.csv``; what was chosen stands in
``sslkit/runs/profiles.py``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import as_completed
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import pandas as pd

    from sslkit.runs.recipes import Recipe

FILE = Path("book/results/tuning.csv")
FIRST = 100  # draw and seed
SCORED = 5000  # images outside the budget, at most
BY = ["profile", "data", "arm", "labels", "setting", "protocol", "draw"]

Setting = Mapping[str, Mapping[str, Any]]  # fields of a recipe's parts

SETTINGS: dict[tuple[str, str], Sequence[Setting]] = {
    ("quick", "simclr"): [
        {"pretraining": {"lr": lr}, "method": {"temperature": temperature}}
        for lr in (3e-2, 6e-2)
        for temperature in (0.1, 0.2, 0.5)
    ],
    ("quick", "byol"): [
        {"pretraining": {"lr": lr}, "method": {"momentum": (start, 1.0)}}
        for lr in (3e-3, 1e-2, 3e-2)
        for start in (0.9, 0.99)
    ],
    ("quick", "vicreg"): [
        {"pretraining": {"lr": lr}, "method": {"covariance": weight}}
        for lr in (1e-2, 3e-2, 6e-2)
        for weight in (1.0, 10.0)
    ],
}
"""By profile and arm, at most six."""


def changed(recipe: Recipe, setting: Setting) -> Recipe:
    """The recipe with some fields of its parts changed."""
    parts = {
        part: replace(getattr(recipe, part), **fields)
        for part, fields in setting.items()
    }
    return replace(recipe, **parts)


def scored(recipe: Recipe, out: Path) -> dict[str, float]:
    """Accuracy by protocol on pool images outside the budget; no test image is read."""
    import torch

    from sslkit.judging.judge import judge
    from sslkit.learning.devices import launch
    from sslkit.runs import inputs, running
    from sslkit.runs.store import Store

    fabric = launch(recipe.precision)
    images = inputs.load_images(recipe.data)
    rows = inputs.split_of(recipe, images)
    outside = rows.pool[~torch.isin(rows.pool, rows.budget)]
    some = torch.Generator().manual_seed(recipe.draw)
    outside = outside[torch.randperm(len(outside), generator=some)[:SCORED]]
    features, _, _ = running.features_of(recipe, images, rows, Store(out), fabric)
    judged = judge(
        features,
        images,
        replace(rows, test=outside),
        protocols=recipe.protocols,
        augmentation=recipe.augmentation,
        probe=recipe.probe,
        downstream=recipe.downstream,
        seed=recipe.seed,
        select=recipe.selection,
        fabric=fabric,
    )
    return {protocol: found.score.accuracy for protocol, found in judged.items()}


@click.command(context_settings={"show_default": True})
@click.argument("profile")
@click.argument("data")
@click.argument("arms", nargs=-1, required=True)
@click.option("--fraction", default=0.05, help="share of the labels")
@click.option("--draws", default=2, help=f"how many, from {FIRST}")
@click.option("--jobs", default=2, help="processes, of one thread each if two or more")
@click.option("--out", default="runs/tuning", type=click.Path(path_type=Path))
def main(
    profile: str,
    data: str,
    arms: tuple[str, ...],
    fraction: float,
    draws: int,
    jobs: int,
    out: Path,
) -> None:
    """Score every setting of ARMS on DATA and keep the scores."""
    if jobs > 1:
        os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported by the workers
    import pandas as pd

    import sslkit
    from sslkit.runs import workers
    from sslkit.runs.provenance import provenance

    about = provenance()
    with workers.processes(jobs) as executor:
        asked = {}
        for draw in range(FIRST, FIRST + draws):
            for arm in arms:
                for setting in SETTINGS[profile, arm]:
                    recipe = sslkit.recipe(
                        arm,
                        profile=profile,
                        data=data,
                        fraction=fraction,
                        draw=draw,
                        seed=draw,
                    )
                    job = executor.submit(scored, changed(recipe, setting), out)
                    asked[job] = arm, draw, setting
        for job in as_completed(asked):
            arm, draw, setting = asked[job]
            found = job.result()
            click.echo(f"{arm} {draw} {setting} {found}")
            rows = pd.DataFrame(
                {
                    "profile": profile,
                    "data": Path(data).name,
                    "arm": arm,
                    "labels": fraction,
                    "setting": json.dumps(setting),
                    "protocol": list(found),
                    "draw": draw,
                    "accuracy": [round(value, 4) for value in found.values()],
                    "commit": about["commit"],
                    "date": about["date"],
                }
            )
            keep(rows)


def keep(rows: pd.DataFrame, file: Path = FILE) -> None:
    """Write scores beside those that are kept; measured anew, one takes its place."""
    import pandas as pd

    if file.exists():
        rows = pd.concat([pd.read_csv(file), rows])
    rows.drop_duplicates(BY, keep="last").sort_values(BY).to_csv(file, index=False)


if __name__ == "__main__":
    main()

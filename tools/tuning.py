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
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sslkit.images.files import whole

if TYPE_CHECKING:
    import pandas as pd

    from sslkit.runs.recipes import Recipe

FILE = Path("book/results/tuning.csv")
FIRST = 100  # draw and seed
SCORED = 5000  # images outside the budget, at most
BY = "profile data search pretraining_steps fraction setting protocol draw".split()

Setting = Mapping[str, Mapping[str, Any]]  # fields of a recipe's parts


@dataclass(frozen=True)
class Search:
    """What is tried of an arm.

    Attributes:
        arm: As ``sslkit.recipe`` takes it.
        settings: At most six.
        protocols: How it is judged; as the profile says if none.
    """

    arm: str
    settings: Sequence[Setting]
    protocols: tuple[str, ...] | None = None


def _of(part: str, **values: Sequence[Any]) -> list[Setting]:
    """Settings of a part of a recipe: every choice of some fields with every other."""
    names, choices = list(values), product(*values.values())
    return [{part: dict(zip(names, choice, strict=True))} for choice in choices]


def _rates(lr: Sequence[float], **of_method: Sequence[Any]) -> list[Setting]:
    """Rates of pretraining, each with every choice of the method's own fields."""
    own = _of("method", **of_method)
    return [{**rate, **choice} for rate in _of("pretraining", lr=lr) for choice in own]


_SGD = {"optimiser": "sgd", "lr": 0.05, "weight_decay": 5e-4, "steps": 4000}
SEARCHES: dict[str, dict[str, Search]] = {
    "quick": {
        "simclr": Search("simclr", _rates([3e-2, 6e-2], temperature=[0.1, 0.2, 0.5])),
        "byol": Search(
            "byol", _rates([3e-3, 1e-2, 3e-2], momentum=[(0.9, 1), (0.99, 1)])
        ),
        "vicreg": Search("vicreg", _rates([1e-2, 3e-2, 6e-2], covariance=[1.0, 10.0])),
    },
    "few-labels": {
        "simclr": Search("simclr", _rates([0.06, 0.12, 0.24], temperature=[0.1, 0.2])),
        "rotnet": Search(
            "rotnet", _of("pretraining", lr=[0.03, 0.1, 0.3], weight_decay=[1e-4, 5e-4])
        ),
        "byol": Search(
            "byol", _rates([0.06, 0.12, 0.24], momentum=[(0.9, 1), (0.99, 1)])
        ),
        "vicreg": Search("vicreg", _rates([0.06, 0.12, 0.24], covariance=[1.0, 4.0])),
        "supervised": Search(
            "supervised",
            [
                *_of("downstream", steps=[1000, 2000, 4000, 8000]),
                {"downstream": {"lr": 3e-3, "steps": 4000}},
                {"downstream": _SGD},
            ],
        ),
        "finetune": Search(
            "simclr",
            _of("downstream", lr=[3e-4, 1e-3, 3e-3], steps=[500, 2000]),
            ("finetune",),
        ),
        "probe": Search(
            "simclr", _of("probe", lr=[3e-3, 1e-2, 3e-2], weight_decay=[0.0, 1e-3])
        ),
    },
}
"""By profile and name."""


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
    asked = replace(rows, test=outside)
    judged = running.judged_by(recipe, features, images, asked, fabric)
    return {protocol: found.score.accuracy for protocol, found in judged.items()}


@click.command(context_settings={"show_default": True})
@click.argument("profile")
@click.argument("data")
@click.argument("names", nargs=-1, required=True)
@click.option("--fraction", default=0.05, help="share of the labels")
@click.option("--draws", default=2, help=f"how many, from {FIRST}")
@click.option("--steps", type=int, help="of pretraining, in place of the profile's")
@click.option("--jobs", default=2, help="processes, of one thread each if two or more")
@click.option("--out", default="runs/tuning", type=click.Path(path_type=Path))
def main(
    profile: str,
    data: str,
    names: tuple[str, ...],
    fraction: float,
    draws: int,
    steps: int | None,
    jobs: int,
    out: Path,
) -> None:
    """Score every setting of the searches NAMES on DATA, and keep the scores."""
    if jobs > 1:
        os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported by the workers
    import pandas as pd

    import sslkit
    from sslkit.runs import workers
    from sslkit.runs.provenance import provenance

    about = provenance()
    with workers.processes(jobs) as executor:
        asked = {}
        for draw, name in product(range(FIRST, FIRST + draws), names):
            search = SEARCHES[profile][name]
            start = sslkit.recipe(
                search.arm,
                profile=profile,
                data=data,
                fraction=fraction,
                draw=draw,
                seed=draw,
                pretraining_seed=draw,
                protocols=search.protocols,
            )
            if steps:
                briefly = replace(start.pretraining, steps=steps)
                start = replace(start, pretraining=briefly)
            for setting in search.settings:
                job = executor.submit(scored, changed(start, setting), out)
                asked[job] = name, draw, setting, start.pretraining.steps
        for job in as_completed(asked):
            name, draw, setting, length = asked[job]
            found = job.result()
            click.echo(f"{name} {draw} {setting} {found}")
            rows = pd.DataFrame(
                {
                    "profile": profile,
                    "data": Path(data).name,
                    "search": name,
                    "pretraining_steps": length,
                    "fraction": fraction,
                    "setting": json.dumps(setting),
                    "protocol": list(found),
                    "draw": draw,
                    "accuracy": [round(value, 4) for value in found.values()],
                    "commit": about["commit"],
                    "date": about["date"],
                }
            )
            keep(rows)


def keep(rows: pd.DataFrame) -> None:
    """Write scores beside those that are kept; measured anew, one takes its place."""
    import pandas as pd

    if FILE.exists():
        rows = pd.concat([pd.read_csv(FILE), rows])
    rows = rows.drop_duplicates(BY, keep="last").sort_values(BY)
    with whole(FILE) as partial:
        rows.to_csv(partial, index=False)


if __name__ == "__main__":
    main()

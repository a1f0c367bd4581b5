"""Hold every committed record to its images again: ``python -m tools.audit``.

The budget of each record is drawn anew from its recipe, on the images as they are now,
and compared with what the record says and with what the protocol promises. What is
found is a row a check in ``book/results/audit.csv``; records whose images are not on
this machine (``SSLKIT_DATA`` names their folder) are counted as such. Interrupted, the
command goes on with the next folder of records; rows of another commit are made anew.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from torch import Tensor

    from sslkit.images.imageset import ImageSet
    from sslkit.images.splits import Split
    from sslkit.runs.recipes import Data, Recipe
    from sslkit.runs.records import Run

RESULTS = Path("book/results")
FILE = RESULTS / "audit.csv"
ARMS = "labels outside the budget"  # in place of a folder of records
PROTOCOLS = ("linear", "mlp", "knn", "finetune")

Found = list[dict[str, object]]


def faults(run: Run, images: ImageSet, rows: Split) -> dict[str, bool]:
    """What a record is checked for, and whether it is at fault.

    Args:
        run: The record.
        images: Of its recipe, on the CPU.
        rows: Its label budget, drawn anew.

    Returns:
        By what is checked; a check that does not apply to the record is not there.
    """
    import numpy as np
    import torch

    from sslkit.runs.keys import RESULTS_VERSION, pretraining_rows, run_key

    def meet(one: Tensor, other: Tensor) -> bool:
        return bool(torch.isin(one, other).any())

    recipe, about = run.recipe, run.about
    counts = rows.counts[list(about["counts"])].sum().to_dict()
    parts = (rows.train, rows.val, rows.test)
    outside = [torch.from_numpy(np.flatnonzero(images.part != "train")), rows.test]
    found = {
        "the images are those of the record": images.fingerprint
        != about["fingerprint"],
        "the counts are those of the record": counts != about["counts"],
        "training, validation and test images are disjoint": any(
            meet(parts[i], parts[j]) for i, j in ((0, 1), (0, 2), (1, 2))
        ),
        "validation and training together are the budget, of the training part": (
            _budget(recipe, images, rows) or any(meet(rows.budget, x) for x in outside)
        ),
    }
    if images.groups is not None:
        whose = [set(images.groups[part.numpy()]) for part in parts]
        found["every group is on one side"] = bool(
            whose[0] & whose[1] or (whose[0] | whose[1]) & whose[2]
        )
    if recipe.method is not None:
        learnt, _ = pretraining_rows(recipe, images, rows)
        found["pretraining sees no test image"] = meet(learnt, rows.test)
        if recipe.pretrain in ("budget", "all", "extra"):
            found["pretraining sees no validation image"] = meet(learnt, rows.val)
    if about["results_version"] == RESULTS_VERSION and recipe.encoder.init == "random":
        key = run_key(recipe, images, rows)
        found["the key is that of recipe, images and rows"] = key != run.key
    return found


def _budget(recipe: Recipe, images: ImageSet, rows: Split) -> bool:
    """Whether a class has another number of labels than asked for, by its own count.

    With groups, which are kept whole, it is checked that the budget is in the pool.
    """
    import torch

    if images.groups is not None:
        return not torch.isin(rows.budget, rows.pool).all()
    labels = images.labels
    there = torch.bincount(labels[images.rows("train")], minlength=len(images.classes))
    if recipe.data.balance:
        there = there.min().expand(len(there))
    asked = [
        recipe.labels or max(1, round((recipe.fraction or 0) * int(n))) for n in there
    ]
    used = torch.bincount(labels[rows.budget], minlength=len(there))
    return used.tolist() != asked


def audited(folder: Path) -> Found:
    """The rows of a folder of records: how many were looked at, and how many failed."""
    from tqdm.std import tqdm

    from sslkit.runs import inputs, records

    runs = records.read(folder)
    by_images: dict[tuple[Data, Data | None], list[Run]] = {}
    for run in runs:
        sources = run.recipe.data, run.recipe.extra_unlabelled
        by_images.setdefault(sources, []).append(run)
    looked: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    doubled: Found = []
    seen: set[Data] = set()
    with tqdm(total=len(runs), desc=folder.name, unit="record") as bar:
        for (data, extra), own in by_images.items():
            here = all(is_here(each) for each in (data, extra) if each)
            looked["the images are on this machine"] += len(own)
            failed["the images are on this machine"] += len(own) * (not here)
            if here:
                images = inputs.on_device(data, extra, "cpu")
                budgets: dict[object, Split] = {}
                for run in own:
                    one = run.recipe
                    asked = one.fraction, one.labels, one.draw
                    if asked not in budgets:
                        budgets[asked] = inputs.split_of(one, images)
                    for check, bad in faults(run, images, budgets[asked]).items():
                        looked[check] += 1
                        failed[check] += bad
                    bar.update()
                if extra is None and data not in seen:
                    seen.add(data)
                    doubled += doubles(data, images)
            else:
                bar.update(len(own))
    rows: Found = [
        {"check": check, "of": "records", "checked": count, "found": failed[check]}
        for check, count in looked.items()
    ]
    return [{"records": folder.name, **row} for row in [*rows, *doubled]]


def doubles(data: Data, images: ImageSet) -> Found:
    """How many test images are also among those that training may see, by content."""
    from sslkit.folder.doubles import doubles as find

    found, count = find(images), len(images.rows("test"))
    where = "" if data.test == "given" else f", test by {data.test}"
    return [
        {"check": f"{what}{where}", "of": "test images", "checked": count, "found": n}
        for what, n in (
            ("no test image is a training image, to the pixel", found.same_tested),
            ("no test image is nearly a training image", found.near_tested),
        )
    ]


def is_here(data: Data) -> bool:
    """Whether the images of a recipe are on this machine; none is downloaded."""
    from sslkit.images import loading

    if data.name == "shapes":
        return True
    try:
        loading.catalogue(data.name, classes=data.classes, download=False)
    except ValueError:
        return False
    return True


def sees(recipe: Recipe) -> bool:
    """Whether labels outside its budget change what a recipe learns or predicts.

    It is done twice with the same rows, the second time with these labels permuted,
    those of the test images, too: encoder and predictions must be the same bits.
    """
    import torch

    from sslkit.runs import inputs

    images = inputs.on_device(recipe.data, recipe.extra_unlabelled, "cpu")
    rows = inputs.split_of(recipe, images)
    outside = torch.ones(len(images), dtype=torch.bool)
    outside[rows.budget] = False
    outside &= images.labels >= 0
    labels = images.labels.clone()
    random = torch.Generator().manual_seed(0)
    order = torch.randperm(int(outside.sum()), generator=random)
    labels[outside] = labels[outside][order]
    first = _learnt(recipe, images, rows)
    again = _learnt(recipe, replace(images, labels=labels), rows)
    return not all(torch.equal(first[name], again[name]) for name in first)


def _learnt(recipe: Recipe, images: ImageSet, rows: Split) -> dict[str, Tensor]:
    """A recipe's encoder, and of each protocol the training and what it predicts."""
    import torch

    from sslkit.learning.devices import launch
    from sslkit.runs import running
    from sslkit.runs.store import Store

    fabric = launch(recipe.precision)
    with tempfile.TemporaryDirectory() as out:
        features, _, _ = running.features_of(
            recipe, images, rows, Store(Path(out)), fabric
        )
        judged = running.judged_by(recipe, features, images, rows, fabric)
    found = dict(features.encoder.state_dict())
    for name, one in judged.items():
        found[name] = torch.tensor(one.score.predicted)
        values = one.history["value"].to_numpy(dtype=float)
        found[f"{name}, losses"] = torch.from_numpy(values)
    return found


def of_arms() -> Iterable[Recipe]:
    """A short run of every arm that needs no weights from elsewhere, all protocols."""
    import sslkit
    from sslkit.runs.arms import ARMS as known

    for arm in (arm for arm in known if arm != "start"):
        made = sslkit.recipe(arm, profile="smoke", limit=20, fraction=0.5)
        if made.method is not None:
            made = replace(made, protocols=PROTOCOLS)
        yield made


@click.command()
@click.argument("names", nargs=-1)
def main(names: tuple[str, ...]) -> None:
    """Audit the records in the folders NAMES of book/results, or in all of them."""
    from tqdm.std import tqdm

    folders = [path.name for path in sorted(RESULTS.glob("*/"))]
    if unknown := set(names) - {*folders, ARMS}:
        raise click.UsageError(
            f"no records '{unknown.pop()}'; there are {', '.join([*folders, ARMS])}"
        )
    done = {row["records"] for row in _kept()}
    for name in names or [*folders, ARMS]:
        if name in done and not names:
            continue
        if name == ARMS:
            arms = list(of_arms())
            bad = sum(map(sees, tqdm(arms, name, unit="arm")))
            check = "permuted, they change no encoder and no prediction"
            rows: Found = [
                {"records": ARMS, "check": check, "of": "arms"}
                | {"checked": len(arms), "found": bad}
            ]
        else:
            rows = audited(RESULTS / name)
        _keep(rows)
        for row in rows:
            click.echo(f"{row['check']}: {row['found']} of {row['checked']} not")


def _kept() -> Found:
    """The rows that were made at this commit."""
    import pandas as pd

    from sslkit.runs.provenance import provenance

    if not FILE.exists():
        return []
    rows = pd.read_csv(FILE)
    return list(rows[rows["commit"] == provenance()["commit"]].to_dict("records"))


def _keep(rows: Found) -> None:
    """Write the rows of a folder in place of those that are kept of it."""
    import pandas as pd

    from sslkit.images.files import whole
    from sslkit.runs.provenance import provenance

    about = {key: provenance()[key] for key in ("commit", "date", "machine")}
    others = [row for row in _kept() if row["records"] != rows[0]["records"]]
    with whole(FILE) as partial:
        table = pd.DataFrame([*others, *({**row, **about} for row in rows)])
        table.sort_values("records", kind="stable").to_csv(partial, index=False)


if __name__ == "__main__":
    main()

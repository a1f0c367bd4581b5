"""Hold every committed record to its images again: ``python -m tools.audit``.

The budget of each record is drawn anew from its recipe, on the images as they are now,
and compared with what the record says and with what the protocol promises. What is
found is a row a check in ``book/results/audit.csv``; records whose images are not on
this machine (``SSLKIT_DATA`` names their folder) are counted as such. Interrupted, the
command goes on with the next folder of records; rows of another commit are made anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tools import audit_labels, measured
from tools.measured import Rows

if TYPE_CHECKING:
    from torch import Tensor

    from sslkit.images.imageset import ImageSet
    from sslkit.images.splits import Split
    from sslkit.runs.recipes import Data, Recipe
    from sslkit.runs.records import Run

RESULTS = Path("book/results")
FILE = RESULTS / "audit.csv"
ARMS = "labels outside the budget"  # in place of a folder of records
HERE = "the images are on this machine"


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
        "validation lies inside the budget, as asked for": (
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


def audited(folder: Path) -> Rows:
    """The rows of a folder of records: how many were looked at, and how many failed."""
    from tqdm.std import tqdm

    from sslkit.runs import inputs, records

    by_images: dict[tuple[Data, Data | None], list[Run]] = {}
    for run in records.read(folder):
        sources = run.recipe.data, run.recipe.extra_unlabelled
        by_images.setdefault(sources, []).append(run)
    checked: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    of_pictures: Rows = []
    total = sum(map(len, by_images.values()))
    with tqdm(total=total, desc=folder.name, unit="record") as bar:
        for (data, extra), runs in by_images.items():
            here = all(is_here(each) for each in (data, extra) if each)
            for found in _each(runs) if here else [{}] * len(runs):
                checked.update([HERE, *found])
                failed.update([] if here else [HERE])
                failed.update(check for check, bad in found.items() if bad)
                bar.update()
            if here and extra is None:
                images = inputs.on_device(data, None, "cpu")
                of_pictures += doubles(data, images)
    rows: Rows = [
        {"check": check, "of": "records", "checked": count, "found": failed[check]}
        for check, count in checked.items()
    ]
    return [{"records": folder.name, **row} for row in [*rows, *of_pictures]]


def _each(runs: Iterable[Run]) -> Iterator[dict[str, bool]]:
    """The faults of records of the same images; a budget is drawn once for all."""
    from sslkit.runs import inputs

    budgets: dict[object, Split] = {}
    for run in runs:
        one = run.recipe
        images = inputs.on_device(one.data, one.extra_unlabelled, "cpu")
        asked = one.fraction, one.labels, one.draw
        if asked not in budgets:
            budgets[asked] = inputs.split_of(one, images)
        yield faults(run, images, budgets[asked])


def doubles(data: Data, images: ImageSet) -> Rows:
    """How many test images are also among those that training may see, by content."""
    from sslkit.folder.doubles import doubles as find

    found, count = find(images), len(images.rows("test"))
    where = "" if data.test == "given" else f" (by {data.test})"
    return [
        {"check": f"{what}{where}", "of": "test images", "checked": count, "found": n}
        for what, n in (
            ("test images in training, to the pixel", found.same_tested),
            ("test images in training, nearly", found.near_tested),
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
    done = {row["records"] for row in measured.of_this_commit(FILE)}
    for name in names or [*folders, ARMS]:
        if name in done and not names:
            continue
        if name == ARMS:
            arms = list(audit_labels.arms())
            bad = sum(map(audit_labels.matter, tqdm(arms, name, unit="arm")))
            check = "permuted, they change no encoder and no prediction"
            rows: Rows = [
                {"records": ARMS, "check": check, "of": "arms"}
                | {"checked": len(arms), "found": bad}
            ]
        else:
            rows = audited(RESULTS / name)
        others = measured.of_this_commit(FILE)
        others = [row for row in others if row["records"] != name]
        measured.keep(FILE, others, rows)
        for row in rows:
            click.echo(f"{row['check']}: {row['found']} of {row['checked']} not")


if __name__ == "__main__":
    main()

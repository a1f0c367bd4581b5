"""Label budgets: which labels a run may use, and which only choose its epoch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from sslkit.images.imageset import ImageSet

VALIDATION_SHARE = 0.2  # of the label budget: the study's 8:2

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """Rows of an image set by their role; every field is a sorted 1-D int64 tensor.

    Attributes:
        train: Rows whose labels train.
        val: Rows whose labels choose the epoch: part of the budget, not beside it.
        test: Rows that are scored once, at the end.
        pool: All training rows, balanced to the smallest class unless asked otherwise.
        unlabelled: Rows that may be seen without labels: the pool less every row that
            is validation at some label fraction of this draw, and the images of
            ``unlabelled/``. The same for every fraction of a draw.
        counts: Images and groups by class (rows) and role (columns).
    """

    train: Tensor
    val: Tensor
    test: Tensor
    pool: Tensor
    unlabelled: Tensor
    counts: pd.DataFrame

    @property
    def budget(self) -> Tensor:
        """Every row whose label is used, for training or for validation."""
        return torch.cat([self.train, self.val]).sort().values


def split(
    images: ImageSet, fraction: float, draw: int = 0, *, balance: bool = True
) -> Split:
    """Draw a label budget from the training images and divide it 8:2.

    Every class is put in a random order (of whole groups, where the images have them)
    in which each fifth of the images is marked as validation. A budget is the start of
    that order, so the budgets of one draw are nested (5 % within 25 % within 50 %),
    and so are their training and their validation parts. Without groups each class
    gives the same number of images; with groups the number nearest to it.

    A group is never more than half of its class's budget, unless the fraction is 1:
    large groups wait until the order is long enough for them.

    Args:
        images: The set to draw from.
        fraction: Share of the pool whose labels may be used, in (0, 1].
        draw: Which random draw of labels, 0 or more.
        balance: Cut the pool to the size of the smallest class, as the study did.

    Raises:
        ValueError: If ``fraction`` is out of range, a class has too few images for a
            validation part, or a group is larger than its part (the group is named).
    """
    if not 0 < fraction <= 1:
        raise ValueError(f"fraction is {fraction}; it must be above 0 and at most 1")
    labels = images.labels.cpu().numpy()
    part = np.asarray(images.part)
    groups = np.arange(len(images)) if images.groups is None else images.groups

    roles: dict[str, list[Rows]] = {"train": [], "val": [], "pool": [], "held": []}
    stratum = _strata(labels, groups, part == "train")
    sizes = np.bincount(stratum[stratum >= 0], minlength=len(images.classes))
    if not sizes.all():
        raise ValueError(
            f"class '{images.classes[sizes.argmin()]}' of '{images.name}' has no "
            "training image"
            + ("" if images.groups is None else ", or is the commonest in no group")
        )
    for label, name in enumerate(images.classes):
        pool = np.flatnonzero(stratum == label)
        size = int(sizes.min()) if balance else len(pool)
        if balance and size < len(pool):  # one pool for all draws
            order, _ = _order(pool, groups, np.random.default_rng([label]))
            pool = order[: _cut(order, groups, size)]
        rng = np.random.default_rng([draw, label, 1])
        order, held = _order(pool, groups, rng)
        wanted = max(1, round(fraction * min(size, len(pool))))
        count = len(order) if fraction == 1 else _cut(order, groups, wanted)
        roles["train"].append(order[:count][~held[:count]])
        roles["val"].append(order[:count][held[:count]])
        roles["pool"].append(order)
        roles["held"].append(order[held])
        _check_parts(images, name, groups, order, held, count, wanted, fraction)

    merged = {role: np.sort(np.concatenate(rows)) for role, rows in roles.items()}
    test = np.flatnonzero(part == "test")
    free = np.setdiff1d(merged["pool"], merged["held"])
    unlabelled = np.union1d(free, np.flatnonzero(part == "unlabelled"))
    columns = {"train": merged["train"], "val": merged["val"], "test": test}
    return Split(
        train=torch.from_numpy(merged["train"]),
        val=torch.from_numpy(merged["val"]),
        test=torch.from_numpy(test),
        pool=torch.from_numpy(merged["pool"]),
        unlabelled=torch.from_numpy(unlabelled),
        counts=_counts(images, labels, {**columns, "pool": merged["pool"]}),
    )


def _strata(labels: Rows, groups: NDArray, training: NDArray[np.bool_]) -> Rows:
    """The class under which each training row is drawn: its group's most common one.

    A group (a patient, a photographer) may hold several classes and is drawn whole.
    """
    stratum = np.full(len(labels), -1)
    rows = np.flatnonzero(training)
    _, member = np.unique(groups[rows], return_inverse=True)
    votes = np.zeros((member.max() + 1, labels.max() + 1), dtype=np.int64)
    np.add.at(votes, (member, labels[rows]), 1)
    stratum[rows] = votes.argmax(axis=1)[member]
    return stratum


def _order(
    rows: Rows, groups: NDArray, rng: np.random.Generator
) -> tuple[Rows, NDArray[np.bool_]]:
    """Rows in a random order of whole groups, and which of them are validation.

    A group waits until the rows before it are at least as many as its own, and goes to
    validation when that keeps validation within a fifth of all rows so far.
    """
    _, member = np.unique(groups[rows], return_inverse=True)
    sizes = np.bincount(member)
    drawn = rng.permutation(len(sizes))
    position = np.argsort(member, kind="stable")
    if sizes.max() == 1:  # no groups: what the loop below gives, without the loop
        every = round(1 / VALIDATION_SHARE)
        return rows[position[drawn]], np.arange(1, len(rows) + 1) % every == 0
    waiting = list(drawn)
    smallest = sizes.min()
    placed: list[int] = []
    held: list[bool] = []
    seen = validation = 0
    while waiting:
        fits = (i for i, g in enumerate(waiting) if sizes[g] <= max(seen, smallest))
        first = next(fits, None)
        group = waiting.pop(int(sizes[waiting].argmin()) if first is None else first)
        size = int(sizes[group])
        seen += size
        held.append(validation + size <= VALIDATION_SHARE * seen)
        validation += size * held[-1]
        placed.append(group)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    chunks = [rows[position[starts[g] : starts[g + 1]]] for g in placed]
    return np.concatenate(chunks), np.repeat(held, sizes[placed])


def _cut(order: Rows, groups: NDArray, wanted: int) -> int:
    """The length of the start of ``order`` nearest to ``wanted`` that cuts no group."""
    last = np.flatnonzero(groups[order][1:] != groups[order][:-1]) + 1
    ends = np.append(last, len(order))
    return int(ends[np.abs(ends - wanted).argmin()])


def _check_parts(
    images: ImageSet,
    name: str,
    groups: NDArray,
    order: Rows,
    held: NDArray[np.bool_],
    count: int,
    wanted: int,
    fraction: float,
) -> None:
    """Refuse a budget with no validation image, or far from the number asked for."""
    where = f"class '{name}' of '{images.name}' at fraction {fraction:g}"
    names, sizes = np.unique(groups[order], return_counts=True)
    largest, size = names[sizes.argmax()], sizes.max()
    chosen, shares = np.unique(groups[order[:count]], return_counts=True)
    way_out = "take a larger fraction, or split without groups"
    if not wanted / 2 <= count <= 2 * wanted:
        raise ValueError(
            f"{where}: whole groups give {count} images where {wanted} are wanted; the "
            f"largest, '{largest}', has {size}; {way_out}"
        )
    if 2 * shares.max() > count > 1 and fraction < 1:
        raise ValueError(
            f"{where}: group '{chosen[shares.argmax()]}' would be {shares.max()} of "
            f"{count} images; {way_out}"
        )
    if not held[:count].any():
        if size > 1:
            raise ValueError(
                f"{where}: no whole group fits in the validation part, a fifth of "
                f"{count} images; the largest, '{largest}', has {size}; {way_out}"
            )
        raise ValueError(
            f"{where}: {count} labelled images leave none for validation; five a class "
            "are the least, so take a larger fraction"
        )


def _counts(images: ImageSet, labels: Rows, roles: dict[str, Rows]) -> pd.DataFrame:
    """Images (and groups, where known) by class and role."""
    table = pd.DataFrame(
        {
            r: np.bincount(labels[rows], minlength=len(images.classes))
            for r, rows in roles.items()
        },
        index=pd.Index(images.classes, name="class"),
    )
    if images.groups is not None:
        for role, rows in roles.items():
            table[f"{role} groups"] = [
                len(np.unique(images.groups[rows[labels[rows] == label]]))
                for label in range(len(images.classes))
            ]
    return table

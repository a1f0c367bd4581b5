"""Label budgets: which labels a run may use, and which only choose its epoch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

VALIDATION_SHARE = 0.2  # of the label budget: the study's 8:2
SELECTED_FROM = 10  # labels a class; fewer cannot choose an epoch, too

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """Rows of an image set by their role; every field is a sorted 1-D int64 tensor.

    Attributes:
        train: Rows whose labels train.
        val: Rows whose labels choose the epoch: part of the budget, not beside it.
            Empty below ten labels a class.
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


class Labelled(Protocol):
    """What a budget is drawn from: an ``ImageSet``, or the list of one not read yet."""

    @property
    def name(self) -> str:
        """Of the set."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Their names."""

    @property
    def labels(self) -> Tensor:
        """``(N,)`` int64, -1 where there is none."""

    @property
    def part(self) -> NDArray:
        """``(N,)`` of ``"train"``, ``"test"``, ``"unlabelled"`` and ``"extra"``."""

    @property
    def groups(self) -> NDArray | None:
        """``(N,)`` what belongs together, if it is known."""

    def __len__(self) -> int:
        """How many images."""


def split(
    images: Labelled,
    fraction: float | None = None,
    *,
    labels: int | None = None,
    draw: int = 0,
    balance: bool = True,
) -> Split:
    """Draw a label budget from the training images and divide it 8:2.

    Every class is put in a random order (of whole groups, where the images have them)
    in which each fifth of the images is marked as validation. A budget is the start of
    that order, so the budgets of one draw are nested (5 % within 25 % within 50 %),
    and so are their training and their validation parts. Without groups each class
    gives the same number of images; with groups the number nearest to it.

    Below ten labels a class a validation part could not choose anything: the whole
    budget trains, and ``val`` is empty.

    A group is never more than half of its class's budget, unless the fraction is 1:
    large groups wait until the order is long enough for them.

    Args:
        images: The set to draw from.
        fraction: Share of the pool whose labels may be used, in (0, 1].
        labels: In its place, how many labels a class, at least 1.
        draw: Which random draw of labels, 0 or more.
        balance: Cut the pool to the size of the smallest class, as the study did.

    Raises:
        ValueError: If not one of ``fraction`` and ``labels`` is given, it is out of
            range, there is but one class, a class has too few images, or a group is
            larger than its part (the group is named).
    """
    if (fraction is None) == (labels is None):
        raise ValueError(f"{fraction=} and {labels=}: give one of them")
    if fraction is not None and not 0 < fraction <= 1:
        raise ValueError(f"fraction is {fraction}; it must be above 0 and at most 1")
    if labels is not None and labels < 1:
        raise ValueError(f"labels is {labels}; it must be at least 1 a class")
    label_of = images.labels.cpu().numpy()
    part = np.asarray(images.part)
    if not ((label_of >= 0) & (part == "train")).any():
        raise ValueError(f"'{images.name}' has no labels to draw a budget from")
    if len(images.classes) == 1:
        raise ValueError(
            f"'{images.name}' has one class, '{images.classes[0]}', and none to tell "
            "it from; add another, or put its images into unlabelled/, to learn "
            "without labels"
        )
    groups = np.arange(len(images)) if images.groups is None else images.groups

    roles: dict[str, list[Rows]] = {"train": [], "val": [], "pool": [], "held": []}
    stratum = _strata(label_of, groups, part == "train")
    sizes = np.bincount(stratum[stratum >= 0], minlength=len(images.classes))
    if not sizes.all():
        raise ValueError(
            f"class '{images.classes[sizes.argmin()]}' of '{images.name}' has no "
            "training image"
            + ("" if images.groups is None else ", or is the commonest in no group")
        )
    asked = [
        labels or max(1, round((fraction or 0) * (int(sizes.min()) if balance else n)))
        for n in map(int, sizes)
    ]
    few = min(asked) < SELECTED_FROM
    for label, (name, wanted) in enumerate(zip(images.classes, asked, strict=True)):
        pool = np.flatnonzero(stratum == label)
        size = int(sizes.min()) if balance else len(pool)
        if balance and size < len(pool):  # one pool for all draws
            order, _ = _order(pool, groups, np.random.default_rng([label]))
            pool = order[: _cut(order, groups, size)]
        if labels is not None and labels > size:
            raise ValueError(
                f"class '{name}' of '{images.name}' has {size} images in the pool, not "
                f"the {labels} that labels={labels} asks for"
            )
        order, held = _order(pool, groups, np.random.default_rng([draw, label, 1]))
        count = len(order) if fraction == 1 else _cut(order, groups, wanted)
        trains = np.full(count, fill_value=True) if few else ~held[:count]
        roles["train"].append(order[:count][trains])
        roles["val"].append(order[:count][~trains])
        roles["pool"].append(order)
        roles["held"].append(order[held])
        where = f"class '{name}' of '{images.name}' at " + (
            f"fraction {fraction:g}" if fraction else f"{labels} labels a class"
        )
        whole = fraction == 1
        _check_parts(where, groups, order, count, wanted, whole=whole)
        if not few and not held[:count].any():
            raise ValueError(_no_validation(where, groups[order], count))

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
        counts=_counts(images, label_of, {**columns, "pool": merged["pool"]}),
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


_WAY_OUT = "take more labels, or split without groups"


def _check_parts(
    where: str, groups: NDArray, order: Rows, count: int, wanted: int, *, whole: bool
) -> None:
    """Refuse a budget far from the number asked for, or mostly of one group."""
    names, sizes = np.unique(groups[order], return_counts=True)
    largest, size = names[sizes.argmax()], sizes.max()
    chosen, shares = np.unique(groups[order[:count]], return_counts=True)
    if not wanted / 2 <= count <= 2 * wanted:
        raise ValueError(
            f"{where}: whole groups give {count} images where {wanted} are wanted; the "
            f"largest, '{largest}', has {size}; {_WAY_OUT}"
        )
    if 2 * shares.max() > count > 1 and not whole:
        raise ValueError(
            f"{where}: group '{chosen[shares.argmax()]}' would be {shares.max()} of "
            f"{count} images; {_WAY_OUT}"
        )


def _no_validation(where: str, groups: NDArray, count: int) -> str:
    """Why no image is left to validate with: a group is too large for a fifth."""
    names, sizes = np.unique(groups, return_counts=True)
    return (
        f"{where}: no whole group fits in the validation part, a fifth of {count} "
        f"images; the largest, '{names[sizes.argmax()]}', has {sizes.max()}; {_WAY_OUT}"
    )


def _counts(images: Labelled, labels: Rows, roles: dict[str, Rows]) -> pd.DataFrame:
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

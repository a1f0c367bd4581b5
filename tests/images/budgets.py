"""Image sets without pixels, to draw budgets from."""

from __future__ import annotations

from collections import Counter

import numpy as np
import torch

from sslkit.images.imageset import ImageSet


def image_set(
    labels: list[int],
    *,
    groups: list[str] | None = None,
    tests: int = 3,
    unlabelled: int = 7,
    order: int = 0,
) -> ImageSet:
    """Training images of these labels among test and unlabelled ones, all mixed."""
    classes = tuple("abcdef"[: max(labels) + 1])
    test = [label for label in range(len(classes)) for _ in range(tests)]
    part = ["train"] * len(labels) + ["test"] * len(test) + ["unlabelled"] * unlabelled
    label = np.array([*labels, *test, *[-1] * unlabelled], dtype=np.int64)
    mixed = np.random.default_rng(order).permutation(len(part))
    group = None
    if groups is not None:
        names = [*groups, *(f"test{i}" for i in range(len(test))), *[""] * unlabelled]
        group = np.array(names)[mixed]
    return ImageSet(
        name="made",
        images=torch.zeros(len(part), 3, 1, 1, dtype=torch.uint8),
        labels=torch.from_numpy(label[mixed]),
        part=np.array(part)[mixed],
        classes=classes,
        groups=group,
    )


def of_sizes(*sizes: int) -> list[int]:
    return [label for label, size in enumerate(sizes) for _ in range(size)]


def in_groups(*classes: list[int]) -> tuple[list[int], list[str]]:
    """Labels and groups where class i has groups of these sizes, called i-0, i-1 …"""
    labels, groups = [], []
    for label, sizes in enumerate(classes):
        for number, size in enumerate(sizes):
            labels += [label] * size
            groups += [f"{label}-{number}"] * size
    return labels, groups


def rows(tensor: torch.Tensor) -> set[int]:
    found = tensor.tolist()
    assert tensor.dtype == torch.int64
    assert found == sorted(set(found)), "rows are sorted and each is there once"
    return set(found)


def a_class(images: ImageSet, chosen: torch.Tensor) -> list[int]:
    tally = Counter(images.labels[chosen].tolist())
    return [tally[label] for label in range(len(images.classes))]

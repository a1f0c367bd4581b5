"""Label budgets of whole groups."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest
from images.budgets import a_class, image_set, in_groups, rows

from sslkit.images.splits import split


def test_whole_groups_go_to_one_role() -> None:
    labels, groups = in_groups([4] * 40, [3] * 60)
    images = image_set(labels, groups=groups)
    for fraction, draw in itertools.product((0.2, 0.5, 1.0), range(5)):
        found = split(images, fraction, draw=draw)
        train, val = (set(images.groups[part]) for part in (found.train, found.val))
        outside = set(images.groups[list(rows(found.pool) - rows(found.budget))])
        assert not train & val
        assert not (train | val) & outside
        assert val


def test_whole_groups_give_the_number_nearest_to_the_one_wanted() -> None:
    labels, groups = in_groups([4] * 40, [3] * 60)  # 160 and 180 images
    images = image_set(labels, groups=groups)
    # 160 is no multiple of 3, but 159 is nearer than 162
    assert a_class(images, split(images, 1.0).pool) == [160, 159]
    # a quarter of 160 is 40; the nearest multiple of 3 is 39
    assert a_class(images, split(images, 0.25).budget) == [40, 39]
    assert a_class(images, split(images, labels=40).budget) == [40, 39]
    assert a_class(images, split(images, labels=160).budget) == [160, 159]
    with pytest.raises(ValueError, match=r"class 'a' of 'made' has 160 .* labels=161"):
        split(images, labels=161)


def test_a_group_that_spans_classes_is_drawn_whole() -> None:
    # 30 patients with two images of a, one of b; 30 the other way round
    labels = [0, 0, 1] * 30 + [0, 1, 1] * 30
    groups = [f"patient{i // 3}" for i in range(180)]
    images = image_set(labels, groups=groups)
    for draw in range(10):
        found = split(images, 0.5, draw=draw)
        for part in (found.train, found.val, found.budget, found.pool):
            whole = Counter(images.groups[part])
            assert set(whole.values()) == {3}
        assert not set(images.groups[found.train]) & set(images.groups[found.val])


def test_a_large_group_waits_until_the_budget_is_long_enough() -> None:
    labels, groups = in_groups([1] * 50 + [25], [1] * 75)
    images = image_set(labels, groups=groups)
    for draw in range(20):
        small = split(images, 0.2, draw=draw)  # 15 a class
        assert "0-50" not in images.groups[small.budget]
        assert a_class(images, small.budget) == [15, 15]
        everything = split(images, 1.0, draw=draw)
        assert "0-50" in images.groups[everything.train]


def test_a_budget_that_is_mostly_one_group_is_refused_by_name() -> None:
    # Singles end at 5; the next cut is 25, of which one group would be 20.
    labels, groups = in_groups([1] * 5 + [20] * 20, [1] * 405)
    images = image_set(labels, groups=groups)
    for draw in range(5):
        with pytest.raises(
            ValueError, match=r"class 'a'.*group '0-\d+' would be 20 of 25"
        ):
            split(images, 0.05, draw=draw)
        found = split(images, 0.25, draw=draw)
        largest = Counter(images.groups[found.budget]).most_common(1)[0][1]
        assert largest <= a_class(images, found.budget)[0] / 2


def test_all_labels_may_hold_a_group_that_is_most_of_its_class() -> None:
    labels, groups = in_groups([1] * 10 + [60], [1] * 70)
    images = image_set(labels, groups=groups)
    found = split(images, 1.0)
    assert a_class(images, found.budget) == [70, 70]
    assert "0-10" in images.groups[found.train]
    with pytest.raises(ValueError, match="group '0-10' would be 60 of 70"):
        split(images, 0.6)


def test_groups_too_large_for_validation_are_named() -> None:
    labels, groups = in_groups([20, 20, 21], [1] * 61)
    images = image_set(labels, groups=groups)
    with pytest.raises(
        ValueError, match=r"class 'a' of 'made'.*validation.*'0-2', has 21"
    ):
        split(images, 1.0)


def test_a_class_that_leads_in_no_group_is_named() -> None:
    labels = [0, 0, 1] * 20 + [2, 2, 1] * 20
    groups = [f"patient{i // 3}" for i in range(120)]
    with pytest.raises(
        ValueError, match=r"class 'b' of 'made' has no training image.*group"
    ):
        split(image_set(labels, groups=groups), 1.0)


def test_the_table_counts_groups_too() -> None:
    labels, groups = in_groups([4] * 40, [3] * 60)
    images = image_set(labels, groups=groups, tests=4)
    found = split(images, 0.5)
    for role in ("train", "val", "test", "pool"):
        chosen = getattr(found, role)
        names: dict[int, set[str]] = {0: set(), 1: set()}
        for row in chosen.tolist():
            names[int(images.labels[row])].add(images.groups[row])
        assert found.counts[f"{role} groups"].tolist() == [len(names[0]), len(names[1])]
        assert found.counts[role].tolist() == a_class(images, chosen)

"""Label budgets without groups."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest
import torch
from images.budgets import a_class, image_set, of_sizes, rows

from sslkit.images.imageset import ImageSet
from sslkit.images.splits import Split, split

FRACTIONS = (0.05, 0.1, 0.25, 0.5, 0.75, 1.0)


def same(one: Split, other: Split) -> bool:
    names = ("train", "val", "test", "pool", "unlabelled")
    return all(torch.equal(getattr(one, n), getattr(other, n)) for n in names)


@pytest.mark.parametrize("fraction", FRACTIONS)
@pytest.mark.parametrize("balance", [True, False])
def test_roles_share_no_row_and_stay_in_their_parts(
    fraction: float, balance: bool
) -> None:
    images = image_set(of_sizes(100, 120, 110))
    found = split(images, fraction, draw=3, balance=balance)
    train, val, test = rows(found.train), rows(found.val), rows(found.test)
    pool, unlabelled = rows(found.pool), rows(found.unlabelled)
    part = images.part
    assert not train & val
    assert not (train | val | pool | unlabelled) & test
    assert not unlabelled & val
    assert train | val <= pool
    assert {part[row] for row in pool} == {"train"}
    assert test == {row for row in range(len(images)) if part[row] == "test"}
    assert rows(found.budget) == train | val


@pytest.mark.parametrize(
    ("fraction", "train", "val"),
    [(0.1, 8, 2), (0.25, 20, 5), (0.5, 40, 10), (0.29, 24, 5), (1.0, 80, 20)],
)
def test_eight_of_ten_labels_of_every_class_train_and_two_validate(
    fraction: float, train: int, val: int
) -> None:
    images = image_set(of_sizes(100, 100, 100))
    found = split(images, fraction, draw=1)
    assert a_class(images, found.train) == [train] * 3
    assert a_class(images, found.val) == [val] * 3


def test_every_class_gives_the_same_number_however_unequal_the_classes() -> None:
    images = image_set(of_sizes(100, 240, 163))
    for fraction, count in ((0.05, 5), (0.25, 25), (0.5, 50), (1.0, 100)):
        assert a_class(images, split(images, fraction).budget) == [count] * 3


def test_the_pool_is_cut_to_the_smallest_class_and_is_one_pool_for_all() -> None:
    images = image_set(of_sizes(60, 90, 75))
    pools = [
        split(images, f, draw=draw).pool for f in (0.25, 1.0) for draw in (0, 1, 9)
    ]
    assert a_class(images, pools[0]) == [60, 60, 60]
    assert all(torch.equal(pool, pools[0]) for pool in pools)
    train = images.rows("train")
    first = [row for c in range(3) for row in train[images.labels[train] == c][:60]]
    assert sorted(int(row) for row in first) != pools[0].tolist()


def test_unbalanced_the_pool_is_every_training_image_and_shares_are_kept() -> None:
    images = image_set(of_sizes(60, 200, 100))
    found = split(images, 0.25, balance=False)
    assert torch.equal(found.pool, images.rows("train"))
    assert a_class(images, found.budget) == [15, 50, 25]


def test_budgets_of_one_draw_are_nested_and_so_are_their_parts() -> None:
    images = image_set(of_sizes(100, 130))
    found = [split(images, fraction, draw=2) for fraction in np.linspace(0.05, 1, 40)]
    for small, large in itertools.pairwise(found):
        assert rows(small.budget) <= rows(large.budget)
        assert rows(small.val) <= rows(large.val)
        assert len(small.budget) < len(large.budget)
    validated = [one for one in found if len(one.val)]
    assert len(validated) >= 37
    for small, large in itertools.pairwise(validated):
        assert rows(small.train) <= rows(large.train)


def test_draws_differ_and_one_draw_is_always_the_same() -> None:
    images = image_set(of_sizes(100, 100))
    draws = [split(images, 0.25, draw=draw) for draw in range(10)]
    for one, other in itertools.combinations(draws, 2):
        # 25 of 100 drawn twice share 6 on average, and nearly all 25 never
        assert len(rows(one.budget) & rows(other.budget)) < 35
        assert not torch.equal(one.val, other.val)
    torch.manual_seed(7)
    np.random.seed(7)  # noqa: NPY002 - the global one, which must not matter
    assert same(split(images, 0.25, draw=4), draws[4])


def test_classes_are_drawn_independently_of_each_other() -> None:
    images = image_set(of_sizes(40, 40), tests=1, unlabelled=0)
    picks = []
    for label in range(2):
        own = torch.nonzero((images.labels == label) & _is_train(images)).flatten()
        budget = split(images, 0.25).budget
        picks.append([int(row in budget) for row in own])
    assert picks[0] != picks[1]


def _is_train(images: ImageSet) -> torch.Tensor:
    return torch.from_numpy(images.part == "train")


def test_no_draw_is_the_first_images_and_every_image_is_drawn_some_time() -> None:
    images = image_set(of_sizes(40, 40))
    train = images.rows("train")
    own = [train[images.labels[train] == label] for label in range(2)]
    first = torch.cat([rows_[:10] for rows_ in own]).sort().values
    drawn, held = Counter(), Counter()
    for draw in range(100):
        found = split(images, 0.25, draw=draw)
        assert not torch.equal(found.budget, first)
        drawn.update(found.budget.tolist())
        held.update(found.val.tolist())
    # Each image is in a budget with p = 1/4 and held with p = 1/20: binomial, n = 100.
    # Five deviations on either side leave a chance of 1e-4 over all 80 images.
    assert set(drawn) == set(train.tolist())
    assert min(drawn.values()) >= 4
    assert max(drawn.values()) <= 47
    assert len(held) > 75
    assert max(held.values()) <= 16


def test_unlabelled_images_never_hold_validation_of_any_fraction_nor_test() -> None:
    images = image_set(of_sizes(100, 130, 90))
    grid = list(np.linspace(0.12, 1, 15))  # from eleven labels a class
    for draw in range(5):
        found = [split(images, fraction, draw=draw) for fraction in grid]
        unlabelled = rows(found[0].unlabelled)
        for one in found:
            assert torch.equal(one.unlabelled, found[0].unlabelled)
            assert not rows(one.val) & unlabelled
            assert not rows(one.test) & unlabelled
            assert rows(one.train) <= unlabelled
        # and nothing is missing: the pool, less validation, with unlabelled/
        beside = rows(images.rows("unlabelled"))
        assert unlabelled == (rows(found[-1].pool) - rows(found[-1].val)) | beside


@pytest.mark.parametrize("count", [1, 2, 5, 9])
@pytest.mark.parametrize("by", ["fraction", "labels"])
def test_below_ten_labels_a_class_all_of_the_budget_trains(by: str, count: int) -> None:
    images = image_set(of_sizes(100, 100))
    how = {"fraction": count / 100} if by == "fraction" else {"labels": count}
    found = split(images, draw=2, **how)
    assert found.val.tolist() == []
    assert a_class(images, found.train) == [count, count]
    assert torch.equal(found.budget, found.train)
    assert rows(found.train) <= rows(split(images, 0.1, draw=2).budget)


def test_from_ten_labels_a_class_a_fifth_validates() -> None:
    images = image_set(of_sizes(100, 100))
    for found in (split(images, 0.1), split(images, labels=10)):
        assert a_class(images, found.train) == [8, 8]
        assert a_class(images, found.val) == [2, 2]
    small = image_set(of_sizes(4, 4))
    assert a_class(small, split(small, 1.0).train) == [4, 4]


def test_one_class_below_ten_leaves_no_class_a_validation_part() -> None:
    images = image_set(of_sizes(18, 200))
    found = split(images, 0.5, balance=False)
    assert a_class(images, found.train) == [9, 100]
    assert found.val.tolist() == []


def test_a_number_of_labels_is_the_fraction_that_gives_as_many() -> None:
    images = image_set(of_sizes(100, 140))
    for count in (1, 7, 10, 50, 100):
        found = split(images, labels=count, draw=4)
        assert same(found, split(images, count / 100, draw=4))
        assert a_class(images, found.budget) == [count, count]
    unbalanced = split(images, labels=30, balance=False)
    assert a_class(images, unbalanced.budget) == [30, 30]
    assert a_class(images, unbalanced.pool) == [100, 140]


def test_the_draw_is_given_by_its_name() -> None:
    images = image_set(of_sizes(20, 20))
    with pytest.raises(TypeError):
        split(images, 0.5, 1)


def test_one_of_fraction_and_labels_is_given() -> None:
    images = image_set(of_sizes(20, 20))
    with pytest.raises(ValueError, match="fraction=None and labels=None: give one"):
        split(images)
    with pytest.raises(ValueError, match=r"fraction=0\.5 and labels=10: give one"):
        split(images, 0.5, labels=10)


@pytest.mark.parametrize("labels", [0, -3])
def test_less_than_one_label_a_class_is_refused(labels: int) -> None:
    with pytest.raises(ValueError, match=f"labels is {labels}; it must be at least 1"):
        split(image_set(of_sizes(20, 20)), labels=labels)


def test_more_labels_than_images_are_refused_with_the_class_that_has_too_few() -> None:
    images = image_set(of_sizes(30, 21))
    assert a_class(images, split(images, labels=21).budget) == [21, 21]
    with pytest.raises(ValueError, match=r"class 'a' of 'made' has 21 .* labels=22"):
        split(images, labels=22)
    with pytest.raises(ValueError, match=r"class 'b' of 'made' has 21 .* labels=22"):
        split(images, labels=22, balance=False)


def test_a_set_without_labels_has_no_budget() -> None:
    images = ImageSet.of(torch.zeros(5, 3, 2, 2, dtype=torch.uint8))
    with pytest.raises(ValueError, match="'tensors' has no labels to draw"):
        split(images, 0.5)


def test_a_single_class_is_refused_by_name() -> None:
    pixels, labels = torch.zeros(5, 3, 2, 2, dtype=torch.uint8), torch.zeros(5).long()
    images = ImageSet.of(pixels, labels, classes=["cat"])
    with pytest.raises(ValueError, match="one class, 'cat', .*; add another, or put"):
        split(images, 1.0)


@pytest.mark.parametrize("fraction", [0.0, -0.1, 1.01, float("nan")])
def test_a_fraction_out_of_range_is_refused(fraction: float) -> None:
    with pytest.raises(ValueError, match="fraction is"):
        split(image_set(of_sizes(10, 10)), fraction)


def test_a_class_without_training_images_is_named() -> None:
    images = image_set(of_sizes(10, 0, 10))
    with pytest.raises(ValueError, match="class 'b' of 'made' has no training image"):
        split(images, 1.0)


def test_the_table_counts_images_by_class_and_role() -> None:
    images = image_set(of_sizes(60, 80), tests=4)
    found = split(images, 0.5)
    assert list(found.counts.columns) == ["train", "val", "test", "pool"]
    assert found.counts.index.tolist() == ["a", "b"]
    for role in found.counts.columns:
        assert found.counts[role].tolist() == a_class(images, getattr(found, role))

from __future__ import annotations

import itertools
import re
from collections import Counter

import numpy as np
import pytest
import torch

from sslkit.images.imageset import ImageSet
from sslkit.images.splits import Split, split

FRACTIONS = (0.05, 0.1, 0.25, 0.5, 0.75, 1.0)


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


def same(one: Split, other: Split) -> bool:
    names = ("train", "val", "test", "pool", "unlabelled")
    return all(torch.equal(getattr(one, n), getattr(other, n)) for n in names)


# ------------------------------------------------------------- without groups


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
    [(0.05, 4, 1), (0.25, 20, 5), (0.5, 40, 10), (0.29, 24, 5), (1.0, 80, 20)],
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
    pools = [split(images, f, draw).pool for f in (0.25, 1.0) for draw in (0, 1, 9)]
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
        assert rows(small.train) <= rows(large.train)
        assert rows(small.val) <= rows(large.val)
        assert len(small.budget) < len(large.budget)


def test_draws_differ_and_one_draw_is_always_the_same() -> None:
    images = image_set(of_sizes(100, 100))
    draws = [split(images, 0.25, draw) for draw in range(10)]
    for one, other in itertools.combinations(draws, 2):
        # 25 of 100 drawn twice share 6 on average, and nearly all 25 never
        assert len(rows(one.budget) & rows(other.budget)) < 35
        assert not torch.equal(one.val, other.val)
    torch.manual_seed(7)
    np.random.seed(7)  # noqa: NPY002 - the global one, which must not matter
    assert same(split(images, 0.25, 4), draws[4])


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
        found = split(images, 0.25, draw)
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
    grid = list(np.linspace(0.06, 1, 15))
    for draw in range(5):
        found = [split(images, fraction, draw) for fraction in grid]
        unlabelled = rows(found[0].unlabelled)
        for one in found:
            assert torch.equal(one.unlabelled, found[0].unlabelled)
            assert not rows(one.val) & unlabelled
            assert not rows(one.test) & unlabelled
            assert rows(one.train) <= unlabelled
        # and nothing is missing: the pool, less validation, with unlabelled/
        beside = rows(images.rows("unlabelled"))
        assert unlabelled == (rows(found[-1].pool) - rows(found[-1].val)) | beside


def test_five_labels_a_class_are_the_least() -> None:
    images = image_set(of_sizes(100, 100))
    found = split(images, 0.05)
    assert (a_class(images, found.train), a_class(images, found.val)) == (
        [4, 4],
        [1, 1],
    )
    with pytest.raises(
        ValueError, match=r"class 'a' of 'made' at fraction 0\.04: 4.*five"
    ):
        split(images, 0.04)
    with pytest.raises(ValueError, match="five"):
        split(image_set(of_sizes(4, 4)), 1.0)


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


# ---------------------------------------------------------------- with groups


def test_whole_groups_go_to_one_role() -> None:
    labels, groups = in_groups([4] * 40, [3] * 60)
    images = image_set(labels, groups=groups)
    for fraction, draw in itertools.product((0.2, 0.5, 1.0), range(5)):
        found = split(images, fraction, draw)
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


def test_a_group_that_spans_classes_is_drawn_whole() -> None:
    # 30 patients with two images of a, one of b; 30 the other way round
    labels = [0, 0, 1] * 30 + [0, 1, 1] * 30
    groups = [f"patient{i // 3}" for i in range(180)]
    images = image_set(labels, groups=groups)
    for draw in range(10):
        found = split(images, 0.5, draw)
        for part in (found.train, found.val, found.budget, found.pool):
            whole = Counter(images.groups[part])
            assert set(whole.values()) == {3}
        assert not set(images.groups[found.train]) & set(images.groups[found.val])


def test_a_large_group_waits_until_the_budget_is_long_enough() -> None:
    labels, groups = in_groups([1] * 50 + [25], [1] * 75)
    images = image_set(labels, groups=groups)
    for draw in range(20):
        small = split(images, 0.2, draw)  # 15 a class
        assert "0-50" not in images.groups[small.budget]
        assert a_class(images, small.budget) == [15, 15]
        everything = split(images, 1.0, draw)
        assert "0-50" in images.groups[everything.train]


def test_a_budget_that_is_mostly_one_group_is_refused_by_name() -> None:
    # Singles end at 5; the next cut is 25, of which one group would be 20.
    labels, groups = in_groups([1] * 5 + [20] * 20, [1] * 405)
    images = image_set(labels, groups=groups)
    for draw in range(5):
        with pytest.raises(
            ValueError, match=r"class 'a'.*group '0-\d+' would be 20 of 25"
        ):
            split(images, 0.05, draw)
        found = split(images, 0.25, draw)
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


def random_groups(seed: int) -> ImageSet:
    """Two to four classes; groups of any size, some across classes, some one giant."""
    rng = np.random.default_rng(seed)
    classes = int(rng.integers(2, 5))
    sizes = rng.geometric(rng.choice([0.2, 0.5, 0.9]), int(rng.integers(20, 120)))
    if rng.random() < 0.4:
        sizes[rng.integers(len(sizes))] += int(sizes.sum() * rng.choice([0.05, 0.2, 1]))
    across = rng.choice([0.0, 0.3])
    labels, groups = list(range(classes)), [f"first{c}" for c in range(classes)]
    for number, size in enumerate(sizes):
        own = np.full(size, rng.integers(classes))
        if rng.random() < across:
            own = rng.integers(classes, size=size)
        labels += own.tolist()
        groups += [f"g{number}"] * int(size)
    return image_set(labels, groups=groups, order=seed)


def test_any_groups_are_split_by_the_rules_or_refused_by_name() -> None:
    done = Counter()
    for seed in range(100):
        images, draw, balance = random_groups(seed), seed % 7, bool(seed % 2)
        found: dict[float, Split] = {}
        for fraction in FRACTIONS:
            try:
                found[fraction] = split(images, fraction, draw, balance=balance)
            except ValueError as error:
                message = str(error)
                assert any(
                    f"class '{name}' of 'made'" in message for name in images.classes
                )
                assert re.search(r"'(g|first)\d+'|five a class", message), message
                done["refused"] += 1
        for fraction, one in found.items():
            done[fraction] += 1
            _obeys_the_rules(images, one, fraction)
        for small, large in itertools.pairwise(found.values()):
            assert rows(small.train) <= rows(large.train)
            assert rows(small.val) <= rows(large.val)
            assert torch.equal(small.unlabelled, large.unlabelled)
            assert not rows(small.unlabelled) & rows(large.val)
    assert done["refused"] > 30, "the refusals were tried"
    assert all(done[fraction] > 15 for fraction in (0.25, 0.5, 0.75, 1.0)), done


def _obeys_the_rules(images: ImageSet, one: Split, fraction: float) -> None:
    train, val, budget = rows(one.train), rows(one.val), rows(one.budget)
    pool, unlabelled, test = rows(one.pool), rows(one.unlabelled), rows(one.test)
    assert train
    assert val
    assert not train & val
    assert budget <= pool
    assert not (pool | unlabelled) & test
    assert not unlabelled & val
    assert {images.part[row] for row in pool} == {"train"}
    of = images.groups
    assert not {of[row] for row in train} & {of[row] for row in val}
    for inside in (budget, pool):  # whole groups: what is inside is nowhere else
        others = set(images.rows("train").tolist()) - inside
        assert not {of[row] for row in inside} & {of[row] for row in others}
    assert len(val) <= 0.2 * len(budget) + 1e-9
    if fraction < 1:
        assert max(Counter(of[row] for row in budget).values()) <= len(budget) / 2
        assert len(budget) <= 2 * max(fraction * len(pool), len(images.classes)) + 1
    else:
        assert budget == pool

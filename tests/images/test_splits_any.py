"""Label budgets of any set: the rules that hold for all of them."""

from __future__ import annotations

import itertools
import re
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from images.budgets import a_class, image_set, in_groups, of_sizes, rows

from sslkit.images.imageset import ImageSet
from sslkit.images.splits import Split, split

FRACTIONS = (0.05, 0.1, 0.25, 0.5, 0.75, 1.0)

# The same examples every time, so that nobody meets another's failure.
same_examples = settings(derandomize=True, deadline=None, max_examples=80)


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


def least(images: ImageSet, fraction: float) -> int:
    """Labels that the class with the fewest is asked for, groups under their class."""
    train = images.rows("train")
    sizes: Counter[int] = Counter()
    if images.groups is None:
        sizes.update(images.labels[train].tolist())
    else:
        by_group: dict[str, list[int]] = {}
        for row in train.tolist():
            by_group.setdefault(images.groups[row], []).append(int(images.labels[row]))
        for labels in by_group.values():
            sizes[min(labels, key=lambda one: (-labels.count(one), one))] += len(labels)
    return max(1, round(fraction * min(sizes.values())))


def test_any_groups_are_split_by_the_rules_or_refused_by_name() -> None:
    done: Counter[float | str] = Counter()
    for seed in range(100):
        images, draw, balance = random_groups(seed), seed % 7, bool(seed % 2)
        found: dict[float, Split] = {}
        for fraction in FRACTIONS:
            try:
                found[fraction] = split(images, fraction, draw=draw, balance=balance)
            except ValueError as error:
                message = str(error)
                assert any(
                    f"class '{name}' of 'made'" in message for name in images.classes
                )
                assert re.search(r"'(g|first)\d+'", message), message
                done["refused"] += 1
        for fraction, one in found.items():
            validated = least(images, fraction) >= 10
            done[fraction if validated else "few"] += 1
            obeys_the_rules(images, one, validated=validated)
            assert largest_group(images, one) <= len(one.budget) / 2 or fraction == 1
            most = 2 * max(fraction * len(one.pool), len(images.classes)) + 1
            assert len(one.budget) <= most
            assert fraction < 1 or torch.equal(one.budget, one.pool)
        nested(list(found.values()))
    assert done["refused"] > 30, "the refusals were tried"
    assert done["few"] > 30, "and small budgets"
    assert all(done[fraction] > 15 for fraction in (0.25, 0.5, 0.75, 1.0)), done


def obeys_the_rules(images: ImageSet, one: Split, *, validated: bool) -> None:
    train, val, budget = rows(one.train), rows(one.val), rows(one.budget)
    pool, unlabelled, test = rows(one.pool), rows(one.unlabelled), rows(one.test)
    assert train
    assert bool(val) == validated
    assert not train & val
    assert train | val == budget <= pool
    assert test == set(images.rows("test").tolist())
    assert not (pool | unlabelled) & test
    assert not unlabelled & val
    assert {images.part[row] for row in pool} == {"train"}
    assert set(images.rows("unlabelled").tolist()) <= unlabelled
    assert len(val) <= 0.2 * len(budget) + 1e-9
    if (of := images.groups) is not None:
        assert not {of[row] for row in train} & {of[row] for row in val}
        for inside in (budget, pool):  # whole groups: what is inside is nowhere else
            others = set(images.rows("train").tolist()) - inside
            assert not {of[row] for row in inside} & {of[row] for row in others}


def largest_group(images: ImageSet, one: Split) -> int:
    assert images.groups is not None
    return max(Counter(images.groups[row] for row in one.budget.tolist()).values())


def nested(found: list[Split]) -> None:
    """The splits of one draw, from the smallest to the largest."""
    for small, large in itertools.pairwise(found):
        assert rows(small.budget) <= rows(large.budget)
        assert rows(small.val) <= rows(large.val)
        assert torch.equal(small.unlabelled, large.unlabelled)
        assert torch.equal(small.pool, large.pool)
        assert not rows(small.unlabelled) & rows(large.val)
        if len(small.val) or not len(large.val):
            assert rows(small.train) <= rows(large.train)


shares = st.floats(0.01, 1.0)
draws = st.integers(0, 2**31)


@same_examples
@given(
    sizes=st.lists(st.integers(1, 60), min_size=2, max_size=4),
    fractions=st.lists(shares, min_size=1, max_size=4),
    draw=draws,
    balance=st.booleans(),
)
def test_a_fraction_of_any_classes_gives_each_class_its_share(
    sizes: list[int], fractions: list[float], draw: int, balance: bool
) -> None:
    images = image_set(of_sizes(*sizes))
    pool = [min(sizes)] * len(sizes) if balance else sizes
    found = []
    for fraction in sorted(fractions):
        one = split(images, fraction, draw=draw, balance=balance)
        wanted = [max(1, round(fraction * size)) for size in pool]
        validated = min(wanted) >= 10
        obeys_the_rules(images, one, validated=validated)
        assert a_class(images, one.pool) == pool
        assert a_class(images, one.budget) == wanted
        fifths = [count // 5 if validated else 0 for count in wanted]
        assert a_class(images, one.val) == fifths
        found.append(one)
    nested(found)


@same_examples
@given(
    sizes=st.lists(st.integers(1, 60), min_size=2, max_size=4),
    labels=st.lists(st.integers(1, 60), min_size=1, max_size=4),
    draw=draws,
    balance=st.booleans(),
)
def test_a_number_of_labels_gives_every_class_as_many_or_is_refused(
    sizes: list[int], labels: list[int], draw: int, balance: bool
) -> None:
    images = image_set(of_sizes(*sizes))
    found = []
    for count in sorted(labels):
        if count > min(sizes):
            with pytest.raises(ValueError, match=rf"labels={count} asks"):
                split(images, labels=count, draw=draw, balance=balance)
            continue
        one = split(images, labels=count, draw=draw, balance=balance)
        obeys_the_rules(images, one, validated=count >= 10)
        assert a_class(images, one.budget) == [count] * len(sizes)
        found.append(one)
    nested(found)


@same_examples
@given(
    groups=st.lists(
        st.lists(st.integers(1, 6), min_size=8, max_size=40), min_size=2, max_size=3
    ),
    how=st.one_of(
        st.tuples(st.just("fraction"), shares),
        st.tuples(st.just("labels"), st.integers(1, 40)),
    ),
    draw=draws,
    balance=st.booleans(),
)
def test_whole_groups_come_as_near_to_the_number_as_their_sizes_allow(
    groups: list[list[int]], how: tuple[str, float], draw: int, balance: bool
) -> None:
    labels, names = in_groups(*groups)
    images = image_set(labels, groups=names)
    sizes = [sum(own) for own in groups]
    pool = [min(sizes)] * len(sizes) if balance else sizes
    if how[0] == "labels":
        wanted = [int(how[1])] * len(sizes)
    else:
        wanted = [max(1, round(how[1] * size)) for size in pool]
    try:
        one = split(images, draw=draw, balance=balance, **dict([how]))
    except ValueError as error:
        named = re.match(r"class '[abc]' of 'made' (at|has) ", str(error))
        if named:
            return
        raise
    obeys_the_rules(images, one, validated=min(wanted) >= 10)
    for label, own in enumerate(groups):
        half = max(own) / 2  # the next end of a group is no farther
        assert abs(a_class(images, one.pool)[label] - pool[label]) <= half
        count = a_class(images, one.budget)[label]
        assert abs(count - wanted[label]) <= half

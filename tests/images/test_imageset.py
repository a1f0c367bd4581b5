"""The image set itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from images.made import fill

from sslkit.images.imageset import ImageSet, add
from sslkit.images.loading import load
from sslkit.images.splits import split


def test_take_gives_the_rows_asked_for_in_their_order(small: Path) -> None:
    images = load(small, image_size=8)
    rows = torch.tensor([5, 0, 15, 5])
    pixels, labels = images.take(rows)
    assert torch.equal(pixels, images.images[rows])
    assert labels.tolist() == [0, 0, 1, 0]


def test_rows_divide_the_set_by_part(small: Path) -> None:
    images = load(small, image_size=2)
    assert images.rows("train").tolist() == list(range(11))
    assert images.rows("test").tolist() == list(range(11, 16))
    assert images.rows("unlabelled").tolist() == []
    with pytest.raises(ValueError, match="part 'val'"):
        images.rows("val")


def test_images_move_to_another_device_and_keep_the_rest(small: Path) -> None:
    images = load(small, image_size=2)
    moved = images.to("meta")
    assert moved.images.device.type == moved.labels.device.type == "meta"
    assert moved.files == images.files
    assert moved.take(torch.tensor([0, 1]))[0].device.type == "meta"
    again = images.to("cpu")
    assert again.fingerprint == images.fingerprint


def test_images_that_stay_behind_are_sent_batch_by_batch(small: Path) -> None:
    images = load(small, image_size=2)
    assert images.resident
    streamed = replace(images, labels=images.labels.to("meta"))  # a device's stand-in
    assert not streamed.resident
    for given in streamed.take(torch.tensor([0, 1])):
        assert given.device.type == "meta"
        assert len(given) == 2
    assert streamed.images.device.type == "cpu"


def test_the_fingerprint_sees_every_change_but_no_name(small: Path) -> None:
    images = load(small, image_size=2)
    same = ImageSet(
        "another", images.images.clone(), images.labels, images.part, images.classes
    )
    assert same.fingerprint == images.fingerprint
    pixel = images.images.clone()
    pixel[3, 1, 0, 0] += 1
    label = images.labels.clone()
    label[0] = 1
    part = images.part.copy()
    part[0] = "test"
    groups = np.array(["g"] * len(images))
    i, c = images.images, images.classes
    others = [
        ImageSet("x", pixel, images.labels, images.part, c),
        ImageSet("x", i, label, images.part, c),
        ImageSet("x", i, images.labels, part, c),
        ImageSet("x", i, images.labels, images.part, ("dog", "cat")),
        ImageSet("x", i, images.labels, images.part, c, groups=groups),
        ImageSet("x", i.flip(0), images.labels, images.part, c),
        ImageSet("x", i.reshape(-1, 3, 4, 1), images.labels, images.part, c),
    ]
    assert len({images.fingerprint, *(other.fingerprint for other in others)}) == 8


def test_images_of_another_source_are_added_without_labels_and_without_its_test_part(
    tmp_path: Path,
) -> None:
    own = load(
        fill(tmp_path / "own", {"train/a": 4, "train/b": 4, "test/a": 2, "test/b": 2}),
        image_size=8,
    )
    other = load(
        fill(
            tmp_path / "other",
            {"train/c": 3, "train/d": 3, "test/c": 5, "test/d": 5, "unlabelled": 2},
        ),
        image_size=8,
    )
    both = add(own, other)
    extra = both.rows("extra")
    assert len(both) == len(own) + 3 + 3 + 2
    assert extra.tolist() == list(range(len(own), len(both)))
    assert both.labels[extra].tolist() == [-1] * 8
    kept = np.flatnonzero(other.part != "test")
    assert torch.equal(both.images[extra], other.images[kept])
    assert both.files is not None
    assert other.files is not None
    assert [both.files[row] for row in extra] == [other.files[row] for row in kept]
    assert torch.equal(both.images[: len(own)], own.images)
    assert both.classes == own.classes
    assert both.fingerprint != own.fingerprint


def test_images_of_another_size_cannot_be_added(tmp_path: Path) -> None:
    folder = fill(
        tmp_path / "own", {"train/a": 4, "train/b": 4, "test/a": 2, "test/b": 2}
    )
    with pytest.raises(ValueError, match="differ in size"):
        add(load(folder, image_size=8), load(folder, image_size=9))


# ------------------------------------------------------------------ of tensors


def noise(count: int = 6, size: int = 4) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    shape = (count, 3, size, size)
    return torch.randint(256, shape, dtype=torch.uint8, generator=generator)


def test_tensors_with_labels_are_a_set_of_training_and_unlabelled_images() -> None:
    pixels = noise()
    images = ImageSet.of(pixels, torch.tensor([1, 0, -1, 2, 1, -1]))
    assert torch.equal(images.images, pixels)
    assert images.labels.tolist() == [1, 0, -1, 2, 1, -1]
    assert images.labels.dtype == torch.int64
    assert images.classes == ("0", "1", "2")
    assert images.rows("train").tolist() == [0, 1, 3, 4]
    assert images.rows("unlabelled").tolist() == [2, 5]
    assert images.rows("test").tolist() == images.rows("extra").tolist() == []
    assert (images.groups, images.files, images.factors) == (None, None, None)
    assert (len(images), images.size, images.resident) == (6, 4, True)
    found, labels = images.take(torch.tensor([4, 1]))
    assert torch.equal(found, pixels[[4, 1]])
    assert labels.tolist() == [1, 0]


def test_tensors_without_labels_are_all_unlabelled() -> None:
    images = ImageSet.of(noise())
    assert images.rows("unlabelled").tolist() == list(range(6))
    assert images.labels.tolist() == [-1] * 6
    assert images.classes == ()


def test_names_of_classes_may_be_more_than_there_are_labels() -> None:
    labels = torch.tensor([0, 1, 0, 1, 0, 1], dtype=torch.uint8)
    images = ImageSet.of(noise(), labels, classes=["cat", "dog", "cow"])
    assert images.classes == ("cat", "dog", "cow")
    assert images.labels.dtype == torch.int64


def test_test_rows_of_tensors_are_a_part_of_their_own() -> None:
    labels = torch.tensor([0, 1, 0, 1, -1, 1])
    images = ImageSet.of(noise(), labels, test=torch.tensor([5, 0]))
    assert images.part.tolist() == [
        "test", "train", "train", "train", "unlabelled", "test",
    ]  # fmt: skip
    assert images.rows("test").tolist() == [0, 5]
    added = add(images, ImageSet.of(noise(2)))  # "extra" has room, too
    assert added.rows("extra").tolist() == [6, 7]


def test_groups_of_tensors_are_drawn_whole_by_a_split() -> None:
    labels = torch.arange(120) // 4 % 2
    groups = [f"patient {row // 4}" for row in range(120)]
    images = ImageSet.of(noise(120), labels, groups=groups)
    assert images.groups is not None
    assert images.groups.tolist() == groups
    budget = split(images, 0.5).budget
    whole = set(images.groups[budget])
    assert sorted(budget.tolist()) == [i for i, g in enumerate(groups) if g in whole]


def test_a_group_of_the_test_part_is_there_alone_and_none_is_no_group() -> None:
    groups = ["a", "a", "", "", "b", "b"]
    images = ImageSet.of(
        noise(), torch.zeros(6).long(), groups=groups, test=torch.tensor([3, 4, 5])
    )
    assert images.groups is not None
    assert images.groups.tolist() == groups
    assert images.rows("test").tolist() == [3, 4, 5]


def test_tensors_on_a_device_stay_there_with_their_labels() -> None:
    images = ImageSet.of(noise().to("meta"), torch.arange(6))  # a device's stand-in
    assert images.device.type == "meta"
    assert images.resident
    assert [given.device.type for given in images.take(torch.tensor([1]))] == [
        "meta"
    ] * 2


def test_tensors_and_files_of_the_same_pixels_have_one_fingerprint(small: Path) -> None:
    images = load(small, image_size=8)
    same = ImageSet.of(
        images.images,
        images.labels,
        classes=images.classes,
        test=images.rows("test"),
    )
    assert same.fingerprint == images.fingerprint


def test_no_test_rows_leave_all_images_to_training() -> None:
    images = ImageSet.of(noise(), torch.arange(6) % 2, test=torch.tensor([]))
    assert set(images.part) == {"train"}


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (noise().float(), r"\(N, 3, S, S\) uint8, not \(6, 3, 4, 4\) torch.float32"),
        (noise()[:, :1], r"uint8, not \(6, 1, 4, 4\)"),
        (noise()[0], r"uint8, not \(3, 4, 4\)"),
        (noise()[:, :, :3], r"images are square, not 3 x 4"),
    ],
)
def test_pixels_of_another_shape_or_type_are_refused(
    pixels: torch.Tensor, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        ImageSet.of(pixels)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"labels": [0, 1, 0]}, "6 images need as many labels and groups"),
        ({"labels": [[0]] * 6}, "6 images need as many labels and groups"),
        ({"groups": ["a"] * 5}, "6 images need as many labels and groups"),
        ({"labels": [0.0, 1.0, 0.5, 1.0, 0.0, 0.0]}, "labels are integers, not .*32"),
        ({"labels": [0, 1, 0, 1, 0, -2]}, r"labels from -2 to 1; there are 2 classes"),
        (
            {"labels": [0, 1, 0, 1, 0, 2], "classes": ["a", "b"]},
            r"labels from 0 to 2; there are 2 classes, counted from 0, and -1",
        ),
        ({"labels": [0, 1, 0, 1, -1, 0], "test": [0, 4]}, "a test image has no label"),
        ({"test": [2]}, "a test image has no label"),
        (
            {"labels": [0] * 6, "test": [5], "groups": ["a", "b", "c", "b", "a", "b"]},
            "group 'b' is in the test part and outside it: the test would leak",
        ),
        ({"labels": [0] * 6, "test": [6]}, "test rows are counted from 0 to 5"),
        ({"labels": [0] * 6, "test": [-1]}, "test rows are counted from 0 to 5"),
        (
            {"labels": [0] * 6, "test": [True, False, True, False, True, False]},
            "test rows are counted from 0 to 5",
        ),
        ({"labels": [0] * 6, "test": [1.0]}, "from 0 to 5, in integers"),
    ],
)
def test_tensors_that_do_not_fit_together_are_refused(
    arguments: dict[str, Any], message: str
) -> None:
    given = {
        name: torch.tensor(value) if name in ("labels", "test") else value
        for name, value in arguments.items()
    }
    with pytest.raises(ValueError, match=message):
        ImageSet.of(noise(), **given)

"""Groups that names suggest: where they do, and where they only seem to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from folder import deceiving
from folder.deceiving import image_set

from sslkit.folder import names
from sslkit.images.groups import read_groups
from sslkit.images.imageset import ImageSet


def named(files: list[str]) -> ImageSet:
    folders = sorted({file.split("/")[0] for file in files})
    labels = np.array([folders.index(file.split("/")[0]) for file in files])
    return image_set(deceiving.noise(len(files)), labels, files=files)


def of_patients(name: str) -> list[str]:
    """Five patients a class, two slides each, four images a slide."""
    return [
        f"{folder}/" + name.format(p=f"{folder}{p}", s=s, i=10 * p + s, n=p)
        for folder in ("a", "b")
        for p in range(5)
        for s in (1, 2)
        for _ in range(4)
    ]


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("patient{p}_slide{s}_{i}.png", [10, 20]),
        ("site-X-{p}-0{s}.{i}.tif", [10, 20]),
        ("{p} ({s}).jpg", [10]),
        ("{p}/{i}.png", [10]),
        ("{p}/slide{s}_{i}.png", [10]),
    ],
)
def test_words_and_folders_that_images_share_are_groups(
    name: str, counts: list[int]
) -> None:
    files = of_patients(name)
    found = names.suggested(named(files))
    assert [one.groups for one in found][: len(counts)] == counts
    # What ``load`` makes of the pattern is what was counted.
    table = pd.DataFrame({"file": files, "path": files, "label": 0})
    for one in found:
        groups = pd.Series(read_groups(Path(), table, one.pattern))
        assert groups.nunique() == one.groups
        assert groups.value_counts().max() == one.largest
        assert groups[0] == one.group
    patient = files[0].removeprefix("a/").split("_")[0]
    assert "a0" in patient
    assert "a0" in found[0].group


@pytest.mark.parametrize(
    "name",
    [
        "{i:04d}.png",  # a number each
        "adenoma_{i}.png",  # the class, and a number
        "IMG_2024_{i}.jpg",  # the same for all
        "{i:08x}-87cd-46d7-93be-{i}.jpg",  # an identity each
    ],
)
def test_names_that_only_count_suggest_nothing(name: str) -> None:
    files = [f"{'ab'[i % 2]}/" + name.format(i=i) for i in range(60)]
    assert names.suggested(named(files)) == ()


def test_numbers_that_start_again_in_every_class_are_no_groups() -> None:
    files = [f"{folder}/{i:04d}.png" for folder in "abc" for i in range(20)]
    assert names.suggested(named(files)) == ()


def test_images_without_files_suggest_nothing() -> None:
    assert names.suggested(deceiving.classes_by_colour()) == ()


def test_two_groups_a_class_are_too_few_for_three_parts() -> None:
    files = [f"{'ab'[i % 2]}/slide{i % 4}_{i}.png" for i in range(60)]
    assert names.suggested(named(files)) == ()


def test_patients_on_both_sides_are_counted() -> None:
    (found,) = names.suggested(deceiving.patients_on_both_sides())
    assert (found.groups, found.largest, found.mixed, found.shared) == (12, 10, 0, 24)


def test_a_number_that_starts_again_in_every_class_is_shared_within_one_alone() -> None:
    """``g3`` of class a is in training, ``g3`` of class b in the test part."""
    files = [
        f"{folder}/g{g}_{i}.png" for folder in "ab" for g in range(6) for i in "12"
    ]
    labels = np.repeat([0, 1], 12)
    test = np.array([0, 1, *range(14, 24)])  # a/g0, and b/g1 to b/g5
    images = image_set(deceiving.noise(24), labels, test=test, files=files)
    (found,) = names.suggested(images)
    assert (found.groups, found.mixed, found.shared) == (6, 6, 0)


def test_without_labels_all_names_count_and_beside_labels_those_of_labelled() -> None:
    files = of_patients("{p}_{s}.png")
    bare = image_set(deceiving.noise(80), files=files)
    assert names.suggested(bare)[0].groups == 10
    labels = np.array([*np.repeat([0, 1], 40), *[-1] * 5])
    more = [*files, *(f"unlabelled/{i}.png" for i in range(5))]
    mixed = image_set(deceiving.noise(85), labels, files=more)
    assert names.suggested(mixed)[0].groups == 10

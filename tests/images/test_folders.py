"""Folders of images: classes, parts, groups of files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from images.made import colour, fill, save
from PIL import Image

from sslkit.images.loading import load


def test_a_folder_is_read_by_part_and_class_in_sorted_order(small: Path) -> None:
    images = load(small, image_size=8)
    assert images.name == "small"
    assert images.classes == ("cat", "dog")
    assert images.images.shape == (16, 3, 8, 8)
    assert images.images.dtype == torch.uint8
    assert images.labels.tolist() == [0] * 6 + [1] * 5 + [0] * 3 + [1] * 2
    assert images.part.tolist() == ["train"] * 11 + ["test"] * 5
    assert images.files is not None
    assert images.files[:2] == ("cat/000.png", "cat/001.png")
    # Number k of the sorted folders test/cat, test/dog, train/cat, train/dog; length of
    # the folder's name; number of the file: as `fill` wrote them.
    assert images.images[:, :, 3, 3].tolist() == (
        [[20, 9, i] for i in range(6)]
        + [[30, 9, i] for i in range(5)]
        + [[0, 8, i] for i in range(3)]
        + [[10, 8, i] for i in range(2)]
    )


def test_every_suffix_is_read_and_other_files_are_not(tmp_path: Path) -> None:
    names = ["a.jpg", "b.JPEG", "c.Png", "d.webp", "e.BMP", "f.tif", "g.TIFF"]
    for name in names:
        save(colour(9, 9, 9), tmp_path / "x" / "one" / name)
    save(colour(9, 9, 9), tmp_path / "x" / "one" / ".hidden.png")
    save(colour(9, 9, 9), tmp_path / "x" / ".thumbnails" / "a.png")
    (tmp_path / "x" / "one" / "notes.txt").write_text("no image")
    (tmp_path / "x" / "labels.csv").write_text("no image")
    save(colour(9, 9, 9), tmp_path / "x" / "two" / "deeper" / "a.png")
    save(colour(9, 9, 9), tmp_path / "x" / "two" / "b.png")
    images = load(tmp_path / "x", image_size=4)
    assert images.files == (
        *(f"one/{n}" for n in names),
        "two/b.png",
        "two/deeper/a.png",
    )


@pytest.mark.parametrize("spelling", ["unlabelled", "unlabeled"])
def test_images_without_labels_are_a_part_of_their_own(
    small: Path, spelling: str
) -> None:
    fill(small, {spelling: 4})
    images = load(small, image_size=8)
    rows = images.rows("unlabelled")
    assert len(rows) == 4
    assert images.labels[rows].tolist() == [-1] * 4
    assert images.files is not None
    assert images.files[rows[0]] == "unlabelled/000.png"
    plain = fill(small.parent / "plain", {"a": 5, "b": 5, spelling: 3})
    assert load(plain, image_size=8).classes == ("a", "b")


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({}, r"has 0 class folder\(s\), none; at least two"),
        ({"train/a": 1, "test/a": 1}, r"has 1 class folder\(s\), 'a'; at least two"),
        ({"a": 2, "b": 0}, r"class folder .*b holds no images .*\.jpg.*classes="),
        ({"test/a": 1, "test/b": 1}, r"has test/ but no train/"),
        (
            {"train/a": 1, "train/b": 1, "val/a": 1},
            r'train/ but no test/.*test="image"',
        ),
        (
            {"train/a": 1, "train/b": 1, "test/a": 1, "test/c": 1},
            r"different classes, only one of them has 'b', 'c'; add or rename",
        ),
        ({"a": 1, "b": 3}, r"class 'a' of x has 1 image.*at least two"),
    ],
)
def test_a_folder_of_another_shape_is_refused(
    tmp_path: Path, counts: dict[str, int], message: str
) -> None:
    for below in counts or [""]:
        (tmp_path / "x" / below).mkdir(parents=True)
    fill(tmp_path / "x", counts)
    with pytest.raises(ValueError, match=message):
        load(tmp_path / "x", image_size=2)


def test_groups_come_from_a_pattern_on_class_and_name(grouped: Path) -> None:
    images = load(grouped, image_size=2, groups=r"(\w+/p\d+)_")
    assert images.groups is not None
    assert images.files is not None
    assert images.groups.tolist() == [file[:5] for file in images.files]
    assert len(set(images.groups)) == 24


def test_groups_come_from_a_column_of_a_csv_file(small: Path) -> None:
    paths = sorted(p.relative_to(small).as_posix() for p in small.rglob("*.png"))
    ids = [f"{'t' if p.startswith('test') else ''}{i % 4}" for i, p in enumerate(paths)]
    table = pd.DataFrame({"file": paths, "kids": True, "sender": ids})
    table.sample(frac=1, random_state=0).to_csv(small / "who.csv", index=False)
    images = load(small, image_size=8, groups="who.csv:file:sender")
    assert images.groups is not None
    assert images.files is not None
    found = [f"{p}/{f}" for p, f in zip(images.part, images.files, strict=True)]
    assert dict(zip(found, images.groups, strict=True)) == dict(
        zip(paths, ids, strict=True)
    )


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["path,group"], r"train/cat/000\.png has no group .* 15 other"),
        (["path,id"], r"has no column 'group'; it has 'path', 'id'"),
        (
            ["path,group", "x.png,1", "./x.png,2"],
            r"gives x\.png two groups, '1' and '2'",
        ),
    ],
)
def test_a_csv_file_that_does_not_fit_is_refused(
    small: Path, lines: list[str], message: str
) -> None:
    (small / "files.csv").write_text("\n".join(lines) + "\n")
    with pytest.raises(ValueError, match=message):
        load(small, image_size=2, groups="files.csv:path:group")


REAL: dict[str, dict[str, Any]] = {
    "colon3": {},
    "cifar3": {"image_size": 32},
    "clothing3": {"groups": "contributors.csv:file:sender_id"},
    "lung3": {"groups": "files.csv:path:group"},
}


def below(real_images: Path, name: str) -> Path:
    if not (real_images / name).is_dir():
        pytest.skip(f"the folder of SSLKIT_DATA has no {name}")
    return real_images / name


@pytest.mark.parametrize("name", REAL)
def test_real_images_are_read(real_images: Path, name: str) -> None:
    folder = below(real_images, name)
    images = load(name, limit=20, **REAL[name])
    assert len(images.classes) == 3
    assert images.files is not None
    for part in ("train", "test"):
        rows = images.rows(part)
        assert torch.bincount(images.labels[rows]).tolist() == [20, 20, 20]
        for row in rows[::15].tolist():
            file = images.files[row]
            assert file.split("/")[0] == images.classes[images.labels[row]]
            with Image.open(folder / part / file) as image:
                mean = np.asarray(image).mean(axis=(0, 1))
            ours = images.images[row].float().mean(dim=(1, 2)).numpy()
            # The central square of a mixed aspect differs from the whole.
            assert np.abs(ours - mean).max() < (25 if name == "clothing3" else 2)
    if "groups" in REAL[name]:
        assert images.groups is not None
        in_test = images.part == "test"
        assert not set(images.groups[in_test]) & set(images.groups[~in_test])
        anew = load(name, limit=20, image_size=16, test="group", **REAL[name])
        assert anew.groups is not None
        in_test = anew.part == "test"
        assert not set(anew.groups[in_test]) & set(anew.groups[~in_test])


def test_real_photographs_keep_their_contributor(real_images: Path) -> None:
    folder = below(real_images, "clothing3")
    images = load("clothing3", image_size=8, **REAL["clothing3"])
    table = pd.read_csv(folder / "contributors.csv", dtype=str)
    assert images.groups is not None
    found = pd.Series(images.groups).value_counts().sort_index()
    expected = table["sender_id"].value_counts().sort_index()
    assert found.to_dict() == expected.to_dict()
    assert found.max() == 252

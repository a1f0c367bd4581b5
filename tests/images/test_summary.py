"""What is said of images and labels before they are used."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from images.made import colour, fill, save
from PIL import Image

from sslkit.images import summary
from sslkit.images.imageset import ImageSet, add
from sslkit.images.loading import load
from sslkit.images.splits import split


def varied(folder: Path, counts: dict[str, int]) -> Path:
    """A folder of images of which no two are alike."""
    running = 0
    for below, count in counts.items():
        for i in range(count):
            running += 1
            rgb = running % 256, running // 256, 7
            save(colour(*rgb), folder / below / f"{i:03d}.png")
    return folder


@pytest.fixture
def unequal(tmp_path: Path) -> Path:
    counts = {"train/rare": 12, "train/common": 300, "test/rare": 3, "test/common": 4}
    return varied(tmp_path / "unequal", counts)


def test_three_lines_say_what_is_about_to_be_used(unequal: Path) -> None:
    images = load(unequal, image_size=4)
    assert summary.lines(images, {"all labels": split(images, 1.0)}) == [
        "images: unequal: common 300 train + 4 test, rare 12 train + 3 test",
        "pixels: 4 x 4, shrunk from 8 x 8, 8 bits a value",
        "labels: all labels: 20 train + 4 validation; drawn from 24, as classes are "
        "cut to the smallest: common from 300 to 12",
    ]


def test_classes_of_one_size_are_counted_once(small: Path) -> None:
    images = load(small, image_size=8, limit=2)
    (first, *_) = summary.lines(images)
    assert first == "images: small: 2 train + 2 test of each class (cat, dog)"


def test_of_many_classes_some_are_named(tmp_path: Path) -> None:
    each = varied(tmp_path / "each", {f"c{i:02d}": 2 for i in range(20)})
    assert summary.lines(load(each))[0].endswith("c06, c07 and 12 more)")
    fill(each, {"c00": 9})
    first = summary.lines(load(each))[0]
    assert "c07 1 train + 1 test, 12 more classes" in first
    assert "c08" not in first


def test_images_without_labels_and_extra_ones_are_counted(small: Path) -> None:
    fill(small, {"unlabelled": 3})
    both = add(load(small, image_size=8), load(small, image_size=8))
    assert summary.lines(both)[0].endswith("3 unlabelled, 14 extra")
    alone = ImageSet.of(torch.zeros(5, 3, 4, 4, dtype=torch.uint8))
    assert summary.lines(alone) == [
        "images: tensors: 5 unlabelled",
        "pixels: 4 x 4, 8 bits a value",
    ]


def test_several_budgets_stand_side_by_side(small: Path) -> None:
    images = load(small, image_size=8)
    budgets = {f"{n} labels": split(images, labels=n) for n in (1, 3)}
    assert summary.lines(images, budgets)[2] == (
        "labels: 1 labels: 2 train + 0 validation; 3 labels: 6 train + 0 validation; "
        "drawn from 10, as classes are cut to the smallest: cat from 6 to 5"
    )


@pytest.mark.parametrize(
    ("sizes", "side", "said"),
    [
        ([(8, 8)], 8, "8 x 8, 8 bits"),
        ([(8, 8)], 4, "4 x 4, shrunk from 8 x 8, 8 bits"),
        ([(1, 1)], 4, "4 x 4, enlarged from 1 x 1, 8 bits"),
        ([(8, 8), (2, 2)], 4, "4 x 4, from 2 x 2 to 8 x 8, 8 bits"),
        ([(9, 6)], 4, "4 x 4, shrunk from 9 x 6 (the square in the middle), 8 bits"),
    ],
)
def test_the_size_is_told_with_what_it_was(
    sizes: list[tuple[int, int]], side: int, said: str, tmp_path: Path
) -> None:
    for i, size in enumerate(sizes):
        save(colour(i, 0, 0, size=size), tmp_path / f"{i}.png")
    assert summary.lines(load(tmp_path, image_size=side))[1].startswith(
        f"pixels: {said} a value"
    )


def test_the_range_of_values_is_told_with_the_way_out(tmp_path: Path) -> None:
    for i in (1000, 4095):
        Image.new("I;16", (4, 4), i).save(tmp_path / f"{i}.tif")
    (_, second) = summary.lines(load(tmp_path))
    assert second == "pixels: 4 x 4, 12 bits a value in files of 16 (else say bits=)"


def test_what_is_left_out_is_counted_with_an_example(unequal: Path) -> None:
    (unequal / "train" / "rare" / "torn.png").write_bytes(b"")
    (unequal / "train" / "rare" / "scan.dcm").write_bytes(b"")
    (unequal / "train" / "common" / "note.txt").write_bytes(b"")
    (unequal / "val").mkdir()
    page = colour(9, 9, 9)
    page.save(unequal / "test/rare/p.tif", save_all=True, append_images=[page])
    with pytest.warns(UserWarning, match="1 of 321 files"):
        images = load(unequal, image_size=8, on_error="skip")
    assert summary.lines(images)[1].split("; ", 2) == [
        "pixels: 8 x 8, 8 bits a value",
        "1 unreadable, as train/rare/torn.png",
        "not read: .dcm (1, as train/rare/scan.dcm; save them as PNG to use them); "
        "not read: .txt (1, as train/common/note.txt); "
        "not read: folders (1, as val); "
        "the first page alone of 1, as test/rare/p.tif",
    ]


def test_what_a_limit_leaves_out_is_counted(unequal: Path) -> None:
    second = summary.lines(load(unequal, image_size=8, limit=2))[1]
    assert second.endswith("; 311 of 319 left out by limit")


# ------------------------------------------------------------------------------ doubles


def test_images_that_are_there_twice_are_found(unequal: Path) -> None:
    assert summary.doubles(load(unequal)) == summary.Doubles((), (), ())
    first = (unequal / "train/common/000.png").read_bytes()
    (unequal / "train/common/copy.png").write_bytes(first)
    (unequal / "train/rare/copy.png").write_bytes(first)
    (unequal / "test/rare/copy.png").write_bytes(first)
    images = load(unequal)
    assert images.files is not None
    of = {
        f"{p}/{f}": i
        for i, (p, f) in enumerate(zip(images.part, images.files, strict=True))
    }
    found = summary.doubles(images)
    original = of["train/common/000.png"]
    assert found.train == (
        (of["train/common/copy.png"], original),
        (of["train/rare/copy.png"], original),
    )
    assert found.test == ((of["test/rare/copy.png"], original),)
    assert found.classes == ((of["train/rare/copy.png"], original),)
    told = summary.lines(images)
    assert told[1].endswith(
        "; 2 twice in train, as common/copy.png (train) = common/000.png (train)"
    )
    assert told[2:] == [
        "warning: 1 test image is also among those that training sees, as "
        "rare/copy.png (test) = common/000.png (train): scores will be too good; "
        "remove one of each",
        "warning: 1 training image is in two classes, as rare/copy.png (train) = "
        "common/000.png (train): remove the wrong one",
    ]


def test_a_test_image_that_is_seen_without_its_label_is_found(unequal: Path) -> None:
    (unequal / "unlabelled").mkdir()
    for i in range(2):
        copy = (unequal / f"test/rare/00{i}.png").read_bytes()
        (unequal / "unlabelled" / f"{i}.png").write_bytes(copy)
    told = summary.lines(load(unequal))
    assert told[2].startswith("warning: 2 test images are also among")
    assert "rare/000.png (test) = unlabelled/0.png (unlabelled)" in told[2]

"""Loading: what it takes, what it refuses, files that cannot be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from images.made import fill, save, upright
from PIL import Image

from sslkit.images import decoding, shapes
from sslkit.images.imageset import ImageSet
from sslkit.images.loading import catalogue, load, read
from sslkit.images.splits import split


def test_a_folder_of_images_of_one_size_keeps_it(small: Path) -> None:
    assert load(small, limit=1).images.shape == (4, 3, 8, 8)


def test_a_folder_of_images_of_several_sizes_is_brought_to_96(small: Path) -> None:
    image = next(small.rglob("*.png"))
    Image.new("RGB", (9, 8)).save(image)
    assert load(small, limit=1).images.shape == (4, 3, 96, 96)


def test_the_size_is_the_shorter_side_however_the_images_lie(tmp_path: Path) -> None:
    for i, size in enumerate([(20, 12), (12, 20)]):
        Image.new("RGB", size).save(tmp_path / f"{i}.png")
    (tmp_path / "torn.png").write_bytes(b"no image")
    assert load(tmp_path, on_error="skip").size == 12


def test_a_folder_of_images_alone_has_no_labels(tmp_path: Path) -> None:
    for i in range(3):
        Image.new("RGB", (8, 8), (i, 0, 0)).save(tmp_path / f"{i}.png")
    images = load(tmp_path)
    assert images.classes == ()
    assert (images.part == "unlabelled").all()
    assert images.files == tuple(f"unlabelled/{i}.png" for i in range(3))
    assert images.images[:, 0, 0, 0].tolist() == [0, 1, 2]
    assert len(load(tmp_path, limit=2)) == 2
    with pytest.raises(ValueError, match="no labels to draw a budget from"):
        split(images, 0.5)


def test_a_folder_with_unlabelled_alone_has_no_labels(tmp_path: Path) -> None:
    (tmp_path / "unlabelled" / "deeper").mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(tmp_path / "unlabelled" / "deeper" / "a.png")
    images = load(tmp_path)
    assert (len(images), images.classes) == (1, ())
    assert (images.part == "unlabelled").all()


def test_classes_are_a_subset_in_the_order_given(tmp_path: Path) -> None:
    folder = fill(
        tmp_path / "x",
        {f"{part}/{name}": 2 for part in ("train", "test") for name in "abc"},
    )
    images = load(folder, image_size=2, classes=("c", "a"))
    assert images.classes == ("c", "a")
    assert images.files is not None
    for file, label in zip(images.files, images.labels, strict=True):
        assert file[0] == "ca"[label]


def damage(folder: Path) -> list[str]:
    """Put an empty file, a text and half a JPEG among the images."""
    (folder / "train/cat/002b.png").write_bytes(b"")
    (folder / "train/dog/001b.jpg").write_text("not found")
    whole = save(Image.fromarray(upright()), folder / "half.jpg").read_bytes()
    (folder / "test/cat/half.jpg").write_bytes(whole[: len(whole) // 2])
    return ["train/cat/002b.png", "train/dog/001b.jpg", "test/cat/half.jpg"]


def test_a_file_that_cannot_be_read_is_named_with_the_way_out(small: Path) -> None:
    bad = damage(small)
    pattern = rf"{bad[0]} cannot be read \(it is empty\).*on_error=\"skip\""
    with pytest.raises(ValueError, match=pattern):
        load(small, image_size=8)


def test_files_that_cannot_be_read_are_skipped_counted_and_listed(small: Path) -> None:
    whole = load(small, image_size=8)
    bad = damage(small)
    with pytest.warns(
        UserWarning, match=r"small: 3 of 19 files .*/002b\.png"
    ) as caught:
        images = load(small, image_size=8, on_error="skip")
    assert len(caught) == 1
    assert images.skipped == tuple(bad)
    assert images.files == whole.files
    assert images.fingerprint == whole.fingerprint


def test_a_class_without_a_readable_image_is_an_error(small: Path) -> None:
    for path in (small / "test/dog").iterdir():
        path.write_bytes(b"")
    with (
        pytest.warns(UserWarning, match="2 of 16 files"),
        pytest.raises(ValueError, match="no test image of 'dog' is left"),
    ):
        load(small, image_size=8, on_error="skip")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"classes": ("cat", "cow")},
            r"no class folder .*cow; .*train has 'cat', 'dog'",
        ),
        ({"classes": ("cat",)}, r"two or more different names"),
        ({"classes": ("cat", "cat")}, r"two or more different names"),
        ({"classes": "cat"}, r"two or more different names"),
        ({"test": "val"}, r"test is 'val'; it is one of"),
        ({"on_error": "ignore"}, r"on_error is 'ignore'"),
        ({"limit": 0}, r"limit is 0; it must be at least 1"),
        ({"image_size": -3}, r"image_size is -3"),
        ({"test": "group"}, r'test="group" needs groups='),
        ({"groups": r"(\w+"}, r"is no pattern"),
        ({"groups": r"\w+"}, r"has 0 groups in brackets; it needs one"),
        ({"groups": r"(\w)/(\w)"}, r"has 2 groups in brackets"),
        ({"groups": r"cat/(\d+)"}, r"train/dog/000\.png has no group .* 6 other"),
        ({"groups": "no.csv:path:group"}, r"there is no file .*no\.csv"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(
    small: Path, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        load(small, **{"image_size": 2, **arguments})


def names_of(images: ImageSet) -> list[str]:
    """The class of each labelled image, by its label."""
    return [images.classes[label] for label in images.labels if label >= 0]


def factors_of(images: ImageSet) -> list[str]:
    """The class of each labelled image, by its factors."""
    assert images.factors is not None
    return images.factors["class"][images.labels.numpy() >= 0].tolist()


def test_shapes_keep_their_factors() -> None:
    images = load("shapes")
    assert images.images.shape == (4500, 3, 32, 32)
    assert len(images.rows("train")) == 600
    assert len(images.rows("test")) == 1500
    assert images.labels[images.rows("unlabelled")].tolist() == [-1] * 2400
    assert names_of(images) == factors_of(images)
    drawn, _, _ = shapes.scenes(shapes.Scenes())
    assert torch.equal(images.images, drawn)


def test_shapes_take_a_limit_classes_a_size_and_a_seed() -> None:
    images = load("shapes", limit=4, classes=("glass", "fir"), image_size=16, seed=2)
    assert images.images.shape == (24, 3, 16, 16)
    assert images.classes == ("glass", "fir")
    assert names_of(images) == factors_of(images)
    assert len(images.rows("test")) == len(images.rows("unlabelled")) == 8
    assert images.fingerprint != load("shapes", limit=4, image_size=16).fingerprint
    with pytest.raises(ValueError, match="shapes has no class 'cat'"):
        load("shapes", limit=4, classes=("fir", "cat"))
    with pytest.raises(ValueError, match="groups are read from a folder; 'shapes'"):
        load("shapes", groups=r"(\w)")


def test_shapes_can_be_divided_anew() -> None:
    images = load("shapes", test="image", limit=30, image_size=4)
    for part in ("train", "test"):
        labels = images.labels[images.rows(part)]
        assert torch.bincount(labels).tolist() == [30, 30, 30]
    assert names_of(images) == factors_of(images)


@pytest.mark.parametrize("name", ["folder", "shapes"])
def test_a_catalogue_is_the_set_without_a_pixel_read(
    name: str, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = {"limit": 4, "image_size": 4, "seed": 1}
    if name == "folder":
        fill(small, {"unlabelled": 3})
        options |= {"groups": r"(\w+/\d+)", "test": "group"}
    given = small if name == "folder" else name
    images = load(given, **options)
    with monkeypatch.context() as patch:
        patch.setattr(decoding, "read_image", None)
        listed = catalogue(given, **options)
        found = split(listed, labels=1, draw=3)
    assert len(listed) == len(images)
    assert (listed.name, listed.classes) == (images.name, images.classes)
    assert torch.equal(listed.labels, images.labels)
    assert listed.part.tolist() == images.part.tolist()
    assert (listed.groups is None) == (images.groups is None)
    if listed.groups is not None and images.groups is not None:
        assert listed.groups.tolist() == images.groups.tolist()
    assert torch.equal(found.budget, split(images, labels=1, draw=3).budget)
    assert read(listed).fingerprint == images.fingerprint

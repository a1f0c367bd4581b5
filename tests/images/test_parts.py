"""Parts of a source: a test part set aside, whole groups, a limit."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from images.made import colour, fill, save

from sslkit.images import decoding
from sslkit.images.loading import load


def test_a_plain_folder_gets_a_stratified_test_part_by_seed(tmp_path: Path) -> None:
    plain = fill(tmp_path / "plain", {"a": 50, "b": 20, "c": 2})
    images = load(plain, image_size=2)
    for label, count in enumerate((10, 4, 1)):
        assert (images.labels[images.rows("test")] == label).sum() == count
    again = load(plain, image_size=2)
    other = load(plain, image_size=2, seed=1)
    assert images.part.tolist() == again.part.tolist() != other.part.tolist()
    assert images.fingerprint == again.fingerprint != other.fingerprint


def test_a_limit_is_drawn_before_any_file_is_read(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(small, {"unlabelled": 9})
    read: list[str] = []
    original = decoding.read_image

    def spy(path: Path, image_size: int, bits: int = 16) -> decoding.Decoded:
        read.append(path.relative_to(small).as_posix())
        return original(path, image_size, bits)

    monkeypatch.setattr(decoding, "read_image", spy)
    images = load(small, image_size=8, limit=2)
    assert len(read) == len(images) == 2 * 4 + 4  # and limit * classes unlabelled
    for part, count in (("train", 2), ("test", 2)):
        labels = images.labels[images.rows(part)]
        assert torch.bincount(labels).tolist() == [count] * 2
    assert load(small, image_size=8, limit=2).files == images.files
    assert load(small, image_size=8, limit=2, seed=1).files != images.files


def test_a_train_folder_alone_can_be_divided(tmp_path: Path) -> None:
    folder = fill(tmp_path / "x", {"train/a": 10, "train/b": 10})
    images = load(folder, image_size=2, test="image")
    assert (len(images.rows("train")), len(images.rows("test"))) == (16, 4)


def test_groups_shared_by_train_and_test_are_refused_with_the_way_out(
    small: Path,
) -> None:
    with pytest.raises(ValueError, match=r"group '000' of small .*test=\"group\""):
        load(small, image_size=2, groups=r"/(\d+)")


@pytest.mark.parametrize("test", ["given", "group"])
@pytest.mark.parametrize("seed", range(3))
def test_a_test_part_set_aside_by_group_shares_no_group_with_train(
    grouped: Path, test: str, seed: int
) -> None:
    images = load(grouped, image_size=2, groups=r"(\w+/p\d+)_", test=test, seed=seed)
    assert images.groups is not None
    in_test = images.part == "test"
    assert not set(images.groups[in_test]) & set(images.groups[~in_test])
    for label in (0, 1):
        share = in_test[images.labels.numpy() == label].mean()
        assert 0.1 < share < 0.3


def test_a_test_part_by_group_pools_train_and_test(grouped: Path) -> None:
    folder = grouped.parent / "parts"
    for part, patients in (("train", range(8)), ("test", range(6, 12))):
        for patient in patients:  # patients 6 and 7 are in both parts
            for name in ("a", "b"):
                fill(folder, {f"{part}/{name}": 3}, f"p{patient:02d}_{part}{{i}}.png")
    pattern = r"/(p\d+)_"  # a patient has images of both classes
    with pytest.raises(ValueError, match="group 'p06'"):
        load(folder, image_size=2, groups=pattern)
    images = load(folder, image_size=2, groups=pattern, test="group")
    assert images.groups is not None
    in_test = images.part == "test"
    assert not set(images.groups[in_test]) & set(images.groups[~in_test])
    assert 0.1 < in_test.mean() < 0.3


def test_a_test_part_by_image_cuts_through_groups(grouped: Path) -> None:
    images = load(grouped, image_size=2, groups=r"(\w+/p\d+)_", test="image")
    assert images.groups is not None
    in_test = images.part == "test"
    assert set(images.groups[in_test]) & set(images.groups[~in_test])
    assert torch.bincount(images.labels[images.rows("test")]).tolist() == [16, 16]


def test_groups_with_unlabelled_images_never_go_to_the_test_part(
    grouped: Path,
) -> None:
    for patient in range(8):
        fill(grouped, {"unlabelled": 1}, f"p{patient:02d}_{{i}}.png")
    save(colour(1, 1, 1), grouped / "unlabelled" / "of nobody known.png")
    for seed in range(3):
        images = load(
            grouped, image_size=2, groups=r"/(p\d+)_", test="group", seed=seed
        )
        assert images.groups is not None
        tested = set(images.groups[images.part == "test"])
        assert tested <= {"p08", "p09", "p10", "p11"}
        assert images.groups[images.rows("unlabelled")[0]] == ""


def test_a_class_of_one_group_cannot_be_divided_by_group(tmp_path: Path) -> None:
    folder = fill(tmp_path / "x", {"a": 5}, "p1_{i}.png")
    for patient in range(5):
        fill(folder, {"b": 2}, f"p{patient}_{{i}}.png")
    with pytest.raises(ValueError, match=r"'a' of x is in 1 group\(s\), too few"):
        load(folder, image_size=2, groups=r"(\w+/p\d)_")
    two = fill(folder, {"a": 6}, "p2_{i}.png")
    images = load(two, image_size=2, groups=r"(\w+/p\d)_")
    assert (images.labels[images.rows("test")] == 0).sum() == 5  # the smaller group

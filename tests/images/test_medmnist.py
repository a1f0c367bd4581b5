"""MedMNIST's sets, by its own library from files in its own format."""

from __future__ import annotations

import hashlib
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import medmnist
import numpy as np
import pytest
import torch

from sslkit.images import sources
from sslkit.images.loading import catalogue, load
from sslkit.images.splits import split

COUNTS = {"train": 24, "val": 16, "test": 8}
CELLS = (
    "basophil",
    "eosinophil",
    "erythroblast",
    "immature granulocytes",
    "lymphocyte",
    "monocyte",
    "neutrophil",
    "platelet",
)


def write(path: Path, side: int, classes: int = 8) -> dict[str, np.ndarray]:
    """Write a set as MedMNIST's: ``(N, H, W, 3)`` and labels ``(N, 1)``, by part."""
    rng = np.random.default_rng(side)
    arrays: dict[str, Any] = {}
    for part, count in COUNTS.items():
        # Smooth images, whose mean no resizing moves far.
        images = np.broadcast_to(
            rng.integers(0, 256, (count, 1, 1, 3)), (count, side, side, 3)
        )
        noise = rng.integers(-9, 10, (count, side, side, 3))
        arrays[f"{part}_images"] = (images + noise).clip(0, 255).astype(np.uint8)
        labels = np.arange(count)[::-1] % classes
        arrays[f"{part}_labels"] = labels.astype(np.uint8)[:, None]
    np.savez_compressed(path, **arrays)
    return arrays


def whole(truth: dict[str, np.ndarray], kind: str) -> np.ndarray:
    return np.concatenate([truth[f"{part}_{kind}"] for part in COUNTS])


def test_bloodmnist_is_read_from_its_own_file(tmp_path: Path) -> None:
    truth = write(tmp_path / "bloodmnist.npz", 28)
    images = load("bloodmnist", download=False)
    expected = whole(truth, "images").transpose(0, 3, 1, 2)
    assert np.array_equal(images.images.numpy(), expected)
    assert images.labels.tolist() == whole(truth, "labels")[:, 0].tolist()
    assert (images.name, images.classes) == ("bloodmnist", CELLS)


def test_what_medmnist_sets_aside_for_validation_is_training_images(
    tmp_path: Path,
) -> None:
    write(tmp_path / "bloodmnist.npz", 28)
    images = load("bloodmnist", download=False)
    assert images.part.tolist() == ["train"] * 40 + ["test"] * 8
    found = split(images, labels=5)
    assert sorted(found.pool.tolist()) == list(range(40))
    assert set(found.val.tolist()) <= set(found.budget.tolist())


def test_classes_have_the_names_that_the_library_gives_them(tmp_path: Path) -> None:
    truth = write(tmp_path / "pathmnist.npz", 28, classes=9)
    names = ("cancer-associated stroma", "adipose")
    tissue = catalogue("pathmnist", download=False)
    assert len(tissue.classes) == 9
    assert tissue.classes[3] == "lymphocytes"
    with pytest.raises(ValueError, match=r"no test image of 'colorectal adeno"):
        load("pathmnist", download=False)  # of eight test images, none is the ninth
    few = load("pathmnist", classes=names, limit=1, download=False)
    assert few.classes == names
    labels = whole(truth, "labels")[:, 0]
    planes = whole(truth, "images").transpose(0, 3, 1, 2)
    for image, label in zip(few.images.numpy(), few.labels, strict=True):
        (row,) = np.flatnonzero((planes == image).all((1, 2, 3)))
        assert labels[row] == (7, 0)[label]


@pytest.mark.parametrize(
    ("asked", "side"),
    [(None, 28), (20, 28), (28, 28), (29, 64), (64, 64), (96, 128), (300, 224)],
)
def test_the_smallest_file_that_is_large_enough_is_read(
    tmp_path: Path, asked: int | None, side: int
) -> None:
    name = "bloodmnist" if side == 28 else f"bloodmnist_{side}"
    truth = write(tmp_path / f"{name}.npz", side)  # no other is there
    images = load("bloodmnist", image_size=asked, download=False)
    size = asked or 28
    assert images.images.shape == (48, 3, size, size)
    means = images.images.float().mean(dim=(2, 3)).numpy()
    assert np.abs(means - whole(truth, "images").mean(axis=(1, 2))).max() < 1


def test_a_file_that_is_not_there_is_named_with_the_way_out(tmp_path: Path) -> None:
    write(tmp_path / "bloodmnist.npz", 28)
    message = (
        rf"bloodmnist_64\.npz is not in {tmp_path}.*\(download=False\)"
        r".*medmnist\.BloodMNIST\(.*size=64, download=True\).*SSLKIT_DATA"
    )
    with pytest.raises(ValueError, match=message):
        load("bloodmnist", image_size=64, download=False)
    with pytest.raises(ValueError, match=r"bloodmnist\.npz is not in .*elsewhere"):
        load("bloodmnist", root=tmp_path / "elsewhere", download=False)
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("left", [0, 1, 1000, -1000])
def test_half_a_file_is_an_error_that_names_it(tmp_path: Path, left: int) -> None:
    path = tmp_path / "bloodmnist.npz"
    write(path, 28)
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(ValueError, match=r"bloodmnist\.npz is .* or damaged, .*root="):
        load("bloodmnist", download=False)


def test_a_whole_file_that_is_there_is_not_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bloodmnist_64.npz"
    write(path, 64)
    md5 = hashlib.md5(path.read_bytes()).hexdigest()  # noqa: S324
    monkeypatch.setitem(medmnist.INFO["bloodmnist"], "MD5_64", md5)
    monkeypatch.setattr(urllib.request, "urlopen", None)
    assert len(load("bloodmnist", image_size=64)) == 48


@pytest.mark.parametrize("name", sources.MEDMNIST)
def test_a_failed_download_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def unreachable(*args: object, **kwargs: object) -> None:
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(urllib.request, "urlopen", unreachable)
    message = rf"{name}\.npz is not in .*new, .*be downloaded: .*SSLKIT_DATA"
    with pytest.raises(ValueError, match=message):
        load(name, root=tmp_path / "new")


@pytest.mark.parametrize("name", sources.MEDMNIST)
def test_without_medmnist_its_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setitem(sys.modules, "medmnist", None)
    with pytest.raises(ValueError, match=rf"{name} needs .*install 'sslkit\[medical\]"):
        load(name)


def test_an_unknown_name_lists_the_medical_ones() -> None:
    with pytest.raises(ValueError, match=r"Built in: shapes, .*bloodmnist, pathmnist"):
        load("bloodmnst")


def test_a_folder_of_that_name_is_preferred(small: Path) -> None:
    small.rename(small.parent / "bloodmnist")
    images = load("bloodmnist", image_size=8)
    assert images.classes == ("cat", "dog")
    assert images.images.dtype == torch.uint8

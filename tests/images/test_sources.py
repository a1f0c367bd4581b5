"""Names, and torchvision's sets."""

from __future__ import annotations

import gzip
import hashlib
import pickle
import struct
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sslkit.images import sources
from sslkit.images.loading import load


def test_a_name_is_a_folder_of_the_data_folder_before_it_is_a_download(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load("small", image_size=8).name == "small"
    small.rename(tmp_path / "cifar10")
    assert load("cifar10", image_size=8).classes == ("cat", "dog")
    monkeypatch.setenv("SSLKIT_DATA", str(tmp_path / "nowhere"))
    assert load("cifar10", image_size=8, root=tmp_path).classes == ("cat", "dog")
    monkeypatch.chdir(tmp_path / "cifar10")
    assert load(".", image_size=8).name == "cifar10"
    monkeypatch.chdir(tmp_path)
    assert load("./cifar10", image_size=8).name == "cifar10"


def test_an_unknown_name_lists_the_known_ones(small: Path) -> None:
    with pytest.raises(
        ValueError, match=r"'petz'. Built in: shapes, cifar10.*: small\."
    ):
        load("petz")
    with pytest.raises(ValueError, match="there is no folder .*petz"):
        load(Path("petz"))
    with pytest.raises(ValueError, match="there is no folder .*petz"):
        load("./petz")
    with pytest.raises(ValueError, match="'smalls'; did you mean 'small'. Built in"):
        load("smalls")
    for empty in ("", " "):
        with pytest.raises(ValueError, match=r"is empty, '.*; .* as data=\"shapes\""):
            load(empty)
    (small.parent / "small.zip").touch()
    with pytest.raises(ValueError, match=r"small\.zip is a file; unpack it"):
        load(small.parent / "small.zip")


class NetworkUsed(AssertionError):
    pass


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise NetworkUsed

    monkeypatch.setattr(urllib.request, "urlopen", refuse)


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()  # noqa: S324


def write_cifar10(root: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Write CIFAR-10's pickled batches: a row an image, all its R, then G, then B."""
    from torchvision.datasets import CIFAR10

    rng = np.random.default_rng(0)
    folder = root / "cifar-10-batches-py"
    folder.mkdir()
    truth: dict[str, Any] = {"images": [], "labels": []}
    lists: dict[str, list[list[str]]] = {"train_list": [], "test_list": []}
    for name in [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]:
        rows = rng.integers(0, 256, (20, 3072), dtype=np.uint8)
        labels = [i % 10 for i in range(20)]
        batch = {"batch_label": name, "labels": labels, "data": rows, "filenames": []}
        (folder / name).write_bytes(pickle.dumps(batch, protocol=2))
        truth["images"].append(rows.reshape(20, 3, 32, 32))
        truth["labels"] += labels
        which = "test_list" if name == "test_batch" else "train_list"
        lists[which].append([name, md5(folder / name)])
    names = [f"name{i}" for i in range(10)]
    names[3:8] = ["cat", "deer", "dog", "frog", "horse"]
    meta = {"label_names": names, "num_cases_per_batch": 20, "num_vis": 3072}
    (folder / "batches.meta").write_bytes(pickle.dumps(meta, protocol=2))
    for attribute, files_and_sums in lists.items():
        monkeypatch.setattr(CIFAR10, attribute, files_and_sums)
    changed = {**CIFAR10.meta, "md5": md5(folder / "batches.meta")}
    monkeypatch.setattr(CIFAR10, "meta", changed)
    return truth


@pytest.mark.usefixtures("no_network")
def test_cifar10_is_read_from_its_own_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth = write_cifar10(tmp_path, monkeypatch)
    images = load("cifar10")
    assert np.array_equal(images.images.numpy(), np.concatenate(truth["images"]))
    assert images.labels.tolist() == truth["labels"]
    assert len(images.rows("train")) == 100
    assert len(images.rows("test")) == 20
    pets = load("cifar10", classes=("dog", "cat", "horse"), limit=1, image_size=16)
    assert pets.images.shape == (6, 3, 16, 16)
    assert pets.classes == ("dog", "cat", "horse")
    again = load("cifar10", test="image", root=tmp_path)
    assert torch.bincount(again.labels[again.rows("test")]).tolist() == [2] * 10


@pytest.mark.usefixtures("no_network")
def test_a_subset_of_cifar10_has_the_right_pixels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth = write_cifar10(tmp_path, monkeypatch)
    whole, labels = np.concatenate(truth["images"]), np.array(truth["labels"])
    images = load("cifar10", classes=("dog", "cat"))
    rows = np.flatnonzero((labels == 5) | (labels == 3))
    assert np.array_equal(images.images.numpy(), whole[rows])
    assert images.labels.tolist() == [0 if labels[row] == 5 else 1 for row in rows]
    few = load("cifar10", classes=("dog", "cat"), limit=2)
    where = [
        int(np.flatnonzero((whole == x.numpy()).all((1, 2, 3)))[0]) for x in few.images
    ]
    assert where == sorted(set(where))
    assert [labels[i] for i in where] == [(5, 3)[label] for label in few.labels]
    assert [i >= 100 for i in where] == (few.part == "test").tolist()


@pytest.mark.usefixtures("no_network")
def test_stl10_is_read_from_its_own_files_with_its_unlabelled_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torchvision.datasets import STL10

    rng = np.random.default_rng(0)
    folder = tmp_path / "stl10_binary"
    folder.mkdir()
    truth = {}
    for part, count in (("train", 20), ("test", 10), ("unlabeled", 7)):
        truth[part] = rng.integers(0, 256, (count, 3, 96, 96), dtype=np.uint8)
        # The files hold columns where others hold rows.
        (folder / f"{part}_X.bin").write_bytes(truth[part].swapaxes(2, 3).tobytes())
        labels = np.arange(count) % 10 + 1
        if part != "unlabeled":
            (folder / f"{part}_y.bin").write_bytes(labels.astype(np.uint8).tobytes())
    names = [f"name{i}" for i in range(10)]
    names[3:6] = ["cat", "deer", "dog"]
    (folder / "class_names.txt").write_text("\n".join(names) + "\n")
    for attribute in ("train_list", "test_list"):
        sums = [[name, md5(folder / name)] for name, _ in getattr(STL10, attribute)]
        monkeypatch.setattr(STL10, attribute, sums)

    images = load("stl10")
    expected = np.concatenate([truth["train"], truth["test"], truth["unlabeled"]])
    assert np.array_equal(images.images.numpy(), expected)
    assert images.labels.tolist() == [i % 10 for i in range(30)] + [-1] * 7
    assert images.rows("unlabelled").tolist() == list(range(30, 37))
    assert images.classes == tuple(names)
    few = load("stl10", classes=("cat", "dog"), limit=1, image_size=24)
    assert few.images.shape == (2 + 2 + 2, 3, 24, 24)
    # Averages survive the resizing, whatever its filter.
    mean = few.images[few.rows("unlabelled")].float().mean(dim=(1, 2, 3))
    all_means = truth["unlabeled"].mean(axis=(1, 2, 3))
    assert np.abs(mean.numpy()[:, None] - all_means).min(axis=1).max() < 1


@pytest.mark.usefixtures("no_network")
def test_fashionmnist_is_read_from_its_own_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torchvision.datasets import FashionMNIST

    rng = np.random.default_rng(0)
    folder = tmp_path / "FashionMNIST" / "raw"
    folder.mkdir(parents=True)
    truth = {}
    for part, count in (("train", 30), ("t10k", 10)):
        truth[part] = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        head = struct.pack(">IIII", 2051, count, 28, 28)
        path = folder / f"{part}-images-idx3-ubyte.gz"
        path.write_bytes(gzip.compress(head + truth[part].tobytes()))
        labels = (np.arange(count) % 10).astype(np.uint8)
        head = struct.pack(">II", 2049, count)
        path = folder / f"{part}-labels-idx1-ubyte.gz"
        path.write_bytes(gzip.compress(head + labels.tobytes()))
    sums = [(name, md5(folder / name)) for name, _ in FashionMNIST.resources]
    monkeypatch.setattr(FashionMNIST, "resources", sums)

    images = load("fashionmnist")
    expected = np.concatenate([truth["train"], truth["t10k"]])
    for channel in range(3):
        assert np.array_equal(images.images[:, channel].numpy(), expected)
    assert images.labels.tolist() == [i % 10 for i in range(40)]
    assert images.classes[0] == "T-shirt/top"
    assert load("fashionmnist", image_size=32).images.shape == (40, 3, 32, 32)


@pytest.mark.parametrize("name", sources.TORCHVISION)
def test_a_failed_download_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def unreachable(*args: object, **kwargs: object) -> None:
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(urllib.request, "urlopen", unreachable)
    with pytest.raises(ValueError, match=rf"{name} is not in .*download.*SSL"):
        load(name)
    with pytest.raises(ValueError, match=rf"{name} is not in .*\(download=False\)"):
        load(name, root=tmp_path / "elsewhere", download=False)

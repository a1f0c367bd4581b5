"""Doubles: found where there are some, and only there."""

from __future__ import annotations

import io
import tracemalloc

import numpy as np
import pytest
import torch
from folder.deceiving import image_set
from PIL import Image

from sslkit.folder import doubles
from sslkit.folder.doubles import NEAR


def pictures(count: int) -> np.ndarray:
    """Smooth pictures ``(N, 3, 32, 32)``, none like another."""
    rough = np.random.default_rng(0).integers(0, 256, (count, 6, 6, 3), dtype=np.uint8)
    smooth = [Image.fromarray(one).resize((32, 32)) for one in rough]
    return np.stack([np.asarray(one).transpose(2, 0, 1) for one in smooth])


def stored(picture: np.ndarray, quality: int) -> np.ndarray:
    """The same after it was a JPEG file."""
    file = io.BytesIO()
    Image.fromarray(picture.transpose(1, 2, 0)).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file)).transpose(2, 0, 1)


@pytest.fixture
def pixels() -> np.ndarray:
    """Rows 10 to 13 are made of rows 0 to 3: same, stored, darkened, turned."""
    found = pictures(20)
    found[10] = found[0]
    found[11] = stored(found[1], 50)
    found[12] = found[2] * 0.8
    found[13] = np.rot90(found[3], axes=(1, 2))
    return found


def test_doubles_in_training_repeat_an_earlier_image(pixels: np.ndarray) -> None:
    found = doubles.pairs(image_set(pixels))
    assert found[["row", "twin"]].to_numpy().tolist() == [[10, 0], [11, 1], [12, 2]]
    assert list(found["same"]) == [True, False, False]
    assert not found["tested"].any()
    assert found["bits"].max() <= NEAR


def test_test_images_are_held_against_all_that_training_sees(
    pixels: np.ndarray,
) -> None:
    labels = np.zeros(20, dtype=np.int64)
    labels[12] = -1  # unlabelled: training sees it, too
    images = image_set(pixels, labels, test=np.array([0, 2, 11, 19]))
    found = doubles.pairs(images).set_index("row")
    assert found["twin"].to_dict() == {0: 10, 2: 12, 11: 1}
    assert found["tested"].all()
    counted = doubles.doubles(images)
    assert (counted.same, counted.near) == (0, 0)
    assert (counted.same_tested, counted.near_tested) == (1, 2)
    assert counted.examples == ((0, 10), (2, 12), (11, 1))


def test_an_image_often_repeated_is_in_the_table_once_each_time() -> None:
    found = doubles.pairs(image_set(np.repeat(pictures(1), 300, axis=0)))
    assert list(found["row"]) == list(range(1, 300))
    assert set(found["twin"]) == {0}
    assert found["same"].all()


def test_without_doubles_nothing_is_found() -> None:
    images = image_set(pictures(30))
    assert doubles.pairs(images).empty
    none = doubles.doubles(images, torch.arange(30))
    assert (none.same, none.near, none.compared, none.examples) == (0, 0, 0, ())


def test_labels_are_compared_within_the_budget_alone(pixels: np.ndarray) -> None:
    labels = np.zeros(20, dtype=np.int64)
    labels[[10, 11]] = 1
    images = image_set(pixels, labels)
    every = doubles.doubles(images, torch.arange(20))
    assert (every.differing, every.compared) == (2, 3)
    part = doubles.doubles(images, torch.tensor([0, 2, 10, 12]))
    assert (part.differing, part.compared) == (1, 2)
    assert doubles.doubles(images).compared == 0


@pytest.mark.parametrize("earlier", [True, False])
def test_the_nearest_is_that_of_a_loop(earlier: bool) -> None:
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 2**63, 400, dtype=np.uint64)
    rows, among = np.arange(0, 400, 2), np.arange(0, 400, 3)
    found = {row: (twin, bits) for row, twin, bits in doubles._nearest(
        hashes, rows, among, earlier=earlier
    )}  # fmt: skip
    for row in rows:
        known = [twin for twin in among if twin < row or not earlier]
        apart = [int(hashes[row] ^ hashes[twin]).bit_count() for twin in known]
        if known:
            assert found[row] == (known[int(np.argmin(apart))], min(apart))
        else:
            assert row not in found


def test_thirty_thousand_images_take_little_memory() -> None:
    hashes = np.random.default_rng(0).integers(0, 2**63, 30_000, dtype=np.uint64)
    rows = np.arange(30_000)
    tracemalloc.start()
    found = sum(1 for _ in doubles._nearest(hashes, rows, rows, earlier=True))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == 29_999
    assert peak < 100 * 2**20

"""What to label next: unsure, different, typical."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from sslkit.folder import label_next
from sslkit.images.imageset import ImageSet


def test_what_is_unsure_comes_first_and_its_like_does_not_follow() -> None:
    # Two directions of unsure images, many copies each, and sure ones.
    directions = np.array([[1, 0], [0, 1], [1, 1]], dtype=np.float32)
    features = np.repeat(directions, [5, 5, 30], axis=0)
    unsure = [[0.50, 0.48, 0.02]] + [[0.1, 0.46, 0.44]] * 9
    probabilities = np.array(unsure + [[0.9, 0.05, 0.05]] * 30)
    found = label_next.unsure(features, probabilities, "abc", count=1)
    assert found["row"].tolist() == [0]
    assert found["reason"].tolist() == ["unsure: a 0.50, b 0.48"]
    two = label_next.unsure(features[:20], probabilities[:20], "abc", count=2)
    assert two["row"][0] == 0
    assert two["row"][1] in range(5, 10), "the other direction, not a copy"
    assert two["reason"][1] == "unsure: b 0.46, c 0.44"


def test_sure_images_are_not_reached_before_all_unsure_ones() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(200, 4)).astype(np.float32)
    probabilities = np.full((200, 2), [0.99, 0.01])
    probabilities[150:] = [0.51, 0.49]
    found = label_next.unsure(features, probabilities, "ab", count=5)
    assert len(found) == 5
    assert set(found["row"]) <= set(range(150, 200))


def test_what_is_wanted_is_written_by_the_names_of_files_or_by_rows(
    tmp_path: Path,
) -> None:
    images = ImageSet.of(torch.zeros(3, 3, 2, 2, dtype=torch.uint8))
    chosen = pd.DataFrame({"row": [2, 0], "reason": ["unsure", "typical"]})
    file = tmp_path / "next.csv"
    assert label_next.write(chosen, images, file)["file"].tolist() == ["2", "0"]
    named = replace(images, files=("a.png", "b.png", "c.png"))
    assert label_next.write(chosen, named, file)["row"].tolist() == [2, 0]
    assert file.read_text() == "file,reason\nc.png,unsure\na.png,typical\n"


def test_typical_images_stand_for_clusters_the_largest_first() -> None:
    rng = np.random.default_rng(0)
    centres = np.eye(3, dtype=np.float32)
    sizes = [10, 50, 20]
    features = np.repeat(centres, sizes, axis=0)
    features += 0.01 * rng.normal(size=features.shape).astype(np.float32)
    found = label_next.typical(features, count=3)
    of = np.repeat([0, 1, 2], sizes)[found["row"]]
    assert of.tolist() == [1, 2, 0]
    assert found["reason"].tolist() == [f"typical of {n} images" for n in (50, 20, 10)]


def test_no_more_images_are_asked_for_than_there_are_different_ones() -> None:
    same = np.ones((4, 3), dtype=np.float32)
    assert len(label_next.typical(same, count=20)) == 1
    few = np.full((2, 2), 0.5)
    found = label_next.unsure(same[:2], few, "ab", count=20)
    assert sorted(found["row"]) == [0, 1]

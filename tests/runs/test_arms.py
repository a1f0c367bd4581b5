"""Arms: how each is judged."""

from __future__ import annotations

from sslkit.runs.arms import arm_of


def test_the_one_way_of_an_arm_stands_for_the_one_that_is_asked() -> None:
    asked = {
        ("supervised", "knn"): "finetune",
        ("supervised-plain", "linear"): "finetune",
        ("selftrain", "finetune"): "selftrain",
        ("start", "finetune"): "linear",
        ("histogram", "finetune"): "linear",
        ("random", "knn"): "knn",
        ("simclr", "finetune"): "finetune",
        ("mine", "finetune"): "finetune",
    }
    found = {(name, way): arm_of(name).judged(way) for name, way in asked}
    assert found == asked

"""Machines: that something is measured; how much is the machine's affair."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from folder import deceiving

from sslkit.folder import machine


def test_steps_of_the_networks_asked_for_are_timed() -> None:
    images = deceiving.classes_by_colour()
    before = images.images.clone()
    found = machine.measure(images, ("tiny",))
    assert [*found.seconds] == ["tiny"]
    assert 1e-7 < found.seconds["tiny"] < 10
    assert found.gpu == torch.cuda.is_available()
    torch.testing.assert_close(images.images, before)
    if sys.platform == "linux":
        assert found.used is not None
        assert found.memory is not None
        assert 0 < found.used < found.memory


def test_images_without_labels_are_rehearsed_with_and_test_images_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    def instead(
        objective: object,
        images: object,
        rows: torch.Tensor,
        *,
        sizes: tuple[int, ...] = (),
    ) -> float:
        asked.append(rows.tolist())
        return 1.0 if sizes else 3.0

    monkeypatch.setattr(machine.costs, "rehearse", instead)
    images = deceiving.classes_by_colour()
    bare = replace(
        images,
        labels=torch.full((120,), -1),
        part=np.where(images.part == "train", "unlabelled", images.part),
    )
    found = machine.measure(bare, ("tiny", "small"))
    assert found.seconds == {"tiny": 3.0, "small": 3.0}
    seen = images.rows("train").tolist()
    assert asked == [seen[:64], seen[:256]] * 2
    grown = machine.measure(bare, ("tiny",), sizes=(8, 16, 24))
    assert (grown.seconds, grown.labelled) == ({"tiny": 1.0}, {"tiny": 1.5})


def test_weights_are_here_if_their_file_is_where_torchvision_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torchvision

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    assert not machine.weights_here("resnet18")
    url = torchvision.models.ResNet18_Weights.DEFAULT.url
    file = tmp_path / "checkpoints" / url.rsplit("/", 1)[1]
    file.parent.mkdir()
    file.touch()
    assert machine.weights_here("resnet18")
    assert not machine.weights_here("resnet50")

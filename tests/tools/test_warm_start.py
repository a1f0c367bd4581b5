"""The warm start: an encoder file that a recipe can begin with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from sslkit.learning.encoders import Encoder, EncoderSettings
from sslkit.runs import inputs
from tools import warm_start


def test_a_warm_start_is_an_encoder_file_of_the_seven_classes_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    for part, count in (("train", 10), ("test", 1)):
        for name in (*warm_start.CLASSES, "cat"):
            folder = tmp_path / "cifar10" / part / name
            folder.mkdir(parents=True)
            for i in range(count):
                pixels = rng.integers(256, size=(32, 32, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{i}.png")
    monkeypatch.setenv("SSLKIT_DATA", str(tmp_path))
    monkeypatch.setattr(warm_start, "EPOCHS", 1)
    seen = []
    load = inputs.load_images
    monkeypatch.setattr(
        inputs, "load_images", lambda data: seen.append(load(data)) or seen[-1]
    )
    file = tmp_path / "seven.safetensors"
    done = CliRunner().invoke(warm_start.main, [str(file)])
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(f"{file}: ")
    assert [images.classes for images in seen] == [warm_start.CLASSES]
    Encoder(EncoderSettings(init="seven.safetensors"))  # found by name, and it fits

"""What is taken away says what the classifier says."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from sslkit.folder import models
from sslkit.images.imageset import ImageSet
from sslkit.judging.classifier import Classifier, new_head
from sslkit.learning.encoders import Encoder, EncoderSettings

CLASSES = ("healthy", "a, quoted", "è")


@pytest.fixture
def classifier() -> Classifier:
    torch.manual_seed(0)
    encoder = Encoder(EncoderSettings(backbone="tiny"))
    head = new_head("linear", encoder.dim, len(CLASSES))
    torch.nn.init.normal_(head.weight)
    return Classifier(encoder, head, classes=CLASSES, size=16).eval()


@pytest.fixture
def images() -> ImageSet:
    pixels = torch.randint(
        256,
        (5, 3, 16, 16),
        dtype=torch.uint8,
        generator=torch.Generator().manual_seed(1),
    )
    return ImageSet.of(pixels, torch.tensor([0, 0, 1, 1, -1]))


def test_onnx_gives_the_probabilities_of_torch_for_any_number_of_images(
    classifier: Classifier, images: ImageSet, tmp_path: Path
) -> None:
    runtime = pytest.importorskip("onnxruntime")
    models.to_onnx(classifier, tmp_path / "classifier.onnx")
    session = runtime.InferenceSession(tmp_path / "classifier.onnx")
    about = session.get_modelmeta().custom_metadata_map
    assert (about["classes"].split("\n"), about["size"]) == ([*CLASSES], "16")
    for count in (1, 5):
        pixels = images.images[:count]
        (found,) = session.run(["probabilities"], {"images": pixels.numpy()})
        expected = classifier.predict(pixels).numpy()
        assert np.abs(found - expected).max() < 1e-4
        assert expected.std() > 0.01


def test_without_the_extra_onnx_is_refused_with_the_way_out(
    classifier: Classifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(ValueError, match=r"pip install 'sslkit\[onnx\]'"):
        models.to_onnx(classifier, tmp_path / "classifier.onnx")


def test_predictions_name_the_likeliest_class_and_every_probability(
    classifier: Classifier, images: ImageSet
) -> None:
    table = models.predictions(classifier, images)
    expected = classifier.predict(images.images).numpy()
    assert list(table.columns) == ["file", "predicted", *CLASSES]
    assert np.allclose(table[[*CLASSES]], expected)
    assert table["predicted"].tolist() == [CLASSES[i] for i in expected.argmax(1)]
    assert table["file"].tolist() == [0, 1, 2, 3, 4]
    few = models.probabilities(classifier, images, torch.tensor([4, 1])).numpy()
    assert np.allclose(few, expected[[4, 1]])


def test_images_of_another_size_are_refused(classifier: Classifier) -> None:
    other = ImageSet.of(torch.zeros(2, 3, 8, 8, dtype=torch.uint8))
    with pytest.raises(ValueError, match="images of 16 pixels, not of 8"):
        models.predictions(classifier, other)

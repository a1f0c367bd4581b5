"""The classifier: views while it learns, and what users keep of it in a file."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from judging.made import judged
from safetensors.torch import load_file
from torch import nn

from sslkit.images.imageset import ImageSet
from sslkit.images.splits import Split
from sslkit.judging.classifier import Classifier, load_classifier, new_head
from sslkit.learning import encoders
from sslkit.learning.encoders import Encoder, EncoderSettings
from sslkit.views.augment import Augmentation
from sslkit.views.random_numbers import RandomNumbers

CLASSES = ("a", "b", "c")


def test_a_classifier_sees_random_views_only_while_it_learns(images: ImageSet) -> None:
    classifier = Classifier(nn.Identity(), nn.Identity(), Augmentation())
    some, draw = images.images[:5], RandomNumbers(0, 0, size=5)
    (plain,) = classifier.eval().views(some, draw)
    assert torch.equal(plain, some / 255)
    (view,) = classifier.train().views(some, draw)
    assert not torch.equal(view, plain)
    unchanged = Classifier(nn.Identity(), nn.Identity(), None).train()
    assert torch.equal(unchanged.views(some, draw)[0], plain)


def test_heads_are_decided_by_kind_and_seed_and_leave_torchs_numbers_alone() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    one, same, other = (new_head("linear", 7, 3, seed) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(one.weight, same.weight)
    assert not torch.equal(one.weight, other.weight)
    shapes = [tuple(p.shape) for p in new_head("mlp", 7, 3, 0).parameters()]
    assert shapes == [(7, 7), (7,), (3, 7), (3,)]
    assert torch.equal(new_head("layer2", 7, 3, 1).weight, one.weight)


def made(kind: str = "linear", seed: int = 0) -> Classifier:
    torch.manual_seed(seed)
    encoder = Encoder(EncoderSettings())
    with torch.no_grad():
        for _ in range(5):  # so that its batch-norm is not that of a new one
            encoder(torch.rand(16, 3, 8, 8))
    head = new_head(kind, encoder.dim, 3, seed)
    return Classifier(encoder, head, classes=CLASSES, size=8).eval()


def test_probabilities_are_the_softmax_of_the_logits_of_an_untrained_look(
    images: ImageSet,
) -> None:
    classifier = made().train()
    before = copy.deepcopy(classifier.state_dict())
    found = classifier.predict(images.images[:6])
    assert (found.shape, found.dtype) == ((6, 3), torch.float64)
    with torch.no_grad():
        features = classifier.eval().encoder(images.images[:6] / 255)
        logits = features @ classifier.head.weight.T + classifier.head.bias
    logits = logits.double().numpy()
    wanted = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-5)
    assert torch.equal(classifier.predict(images.images[:6] / 255), found)
    after = classifier.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())


# ------------------------------------------------------------------------ files


@pytest.mark.parametrize("kind", ["linear", "mlp"])
def test_a_saved_classifier_comes_back_with_all_it_knows(
    kind: str, images: ImageSet, tmp_path: Path
) -> None:
    classifier, file = made(kind), tmp_path / "deep" / "classifier.safetensors"
    classifier.save(file)
    again = load_classifier(file)
    assert (again.classes, again.size) == (CLASSES, 8)
    assert not again.training
    some = images.images[:50]
    assert torch.equal(again.predict(some), classifier.predict(some))
    other = made(kind, seed=1).predict(some)
    assert not torch.allclose(other, classifier.predict(some))
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    assert load_file(file).keys() == classifier.state_dict().keys()


@pytest.mark.parametrize("protocol", ["linear", "mlp", "finetune", "folds"])
def test_what_a_protocol_learnt_is_kept_as_it_was_scored(
    protocol: str, easy: ImageSet, rows: Split, encoder: Encoder, tmp_path: Path
) -> None:
    found = judged([protocol], encoder, easy, rows)[protocol]
    assert found.classifier is not None
    found.classifier.save(tmp_path / "classifier.safetensors")
    again = load_classifier(tmp_path / "classifier.safetensors")
    assert (again.classes, again.size) == (("a", "b", "c"), 8)
    probabilities = again.predict(easy.images[rows.test])
    labels = easy.labels[rows.test]
    right = (probabilities.argmax(1) == labels).double().mean().item()
    assert found.score.accuracy == pytest.approx(right)
    likelihood = probabilities[torch.arange(len(labels)), labels]
    assert found.score.loss == pytest.approx(-likelihood.log().mean().item(), rel=1e-4)


def test_a_resnet_with_its_stem_comes_back(tmp_path: Path) -> None:
    torch.manual_seed(0)
    encoder = Encoder(EncoderSettings(backbone="resnet18", stem="image"))
    classifier = Classifier(encoder, new_head("linear", encoder.dim, 2), size=32).eval()
    classifier.classes = ("x", "y")
    classifier.save(tmp_path / "c.safetensors")
    again = load_classifier(tmp_path / "c.safetensors")
    assert isinstance(again.encoder, Encoder)
    assert again.encoder.settings == encoder.settings
    some = torch.rand(3, 3, 32, 32)
    assert torch.equal(again.predict(some), classifier.predict(some))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nowhere\.safetensors' does not exist"):
        load_classifier(tmp_path / "nowhere.safetensors")


@pytest.mark.parametrize("content", [b"a text, no weights", b""])
def test_a_file_of_something_else_is_named(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "text.safetensors"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"text\.safetensors' is no safetensors file"):
        load_classifier(file)


def test_a_file_of_an_encoder_is_named_for_what_it_is(tmp_path: Path) -> None:
    file = tmp_path / "encoder.safetensors"
    encoders.save(Encoder(EncoderSettings()), file)
    with pytest.raises(
        ValueError, match=r"encoder\.safetensors' holds no classifier; an encoder"
    ):
        load_classifier(file)


def test_a_foreign_encoder_is_not_saved(tmp_path: Path) -> None:
    classifier = Classifier(nn.Flatten(), nn.Linear(192, 3), classes=CLASSES, size=8)
    with pytest.raises(
        ValueError, match="only sslkit's encoders are saved by name, not a Flatten"
    ):
        classifier.save(tmp_path / "c.safetensors")
    assert not list(tmp_path.iterdir())


def test_a_head_of_ones_own_is_not_saved(tmp_path: Path) -> None:
    encoder = Encoder(EncoderSettings())
    head = nn.Sequential(nn.Linear(encoder.dim, 3), nn.Dropout())
    classifier = Classifier(encoder, head, classes=CLASSES, size=8)
    with pytest.raises(ValueError, match="only heads of new_head are saved by name"):
        classifier.save(tmp_path / "c.safetensors")
    assert not list(tmp_path.iterdir())


def test_a_full_disk_names_the_classifier_and_leaves_the_old_one(
    tmp_path: Path, full_disk: Callable[[Path], None]
) -> None:
    file = tmp_path / "c.safetensors"
    made().save(file)
    before = file.read_bytes()
    full_disk(file)
    with pytest.raises(OSError, match=r"c\.safetensors' cannot be written \(No space"):
        made(seed=1).save(file)
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]

"""Features of frozen encoders: read once, in eval mode, whatever gives them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from judging.made import digest, untouched
from torch import Tensor, nn

from sslkit.images.imageset import ImageSet
from sslkit.images.splits import Split
from sslkit.judging.features import Features, settle
from sslkit.learning.encoders import Encoder, EncoderSettings


def test_features_are_those_of_the_encoder_in_eval_mode(
    images: ImageSet, rows: Split, encoder: Encoder
) -> None:
    before = digest(encoder)
    found, labels = Features(encoder, images).take(rows.train)
    torch.testing.assert_close(found, untouched(encoder, images, rows.train))
    assert torch.equal(labels, images.labels[rows.train])
    assert not found.requires_grad
    assert digest(encoder) == before


def test_features_are_computed_once_a_row_in_any_order_and_with_repeats(
    images: ImageSet, encoder: Encoder
) -> None:
    features = Features(encoder, images)
    encoded: list[int] = []
    encoder.net.register_forward_pre_hook(
        lambda _m, given: encoded.append(len(given[0]))
    )
    for asked in ([5, 3, 380], [3, 4], list(range(len(images))), [7, 7, 3]):
        found, labels = features.take(torch.tensor(asked))
        wanted = untouched(encoder, images, torch.tensor(asked))
        encoded.pop()  # the oracle's own
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)
        assert torch.equal(labels, images.labels[asked])
    assert sum(encoded) == len(images)
    assert max(encoded) <= 256


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_rows_may_be_on_the_device(images: ImageSet, encoder: Encoder) -> None:
    features = Features(encoder.cuda(), images.to("cuda"))
    asked = torch.tensor([5, 3, 380])
    found, labels = features.take(asked.cuda())
    torch.testing.assert_close(found, features.values[asked])
    assert torch.equal(labels.cpu(), images.labels[asked])


@pytest.mark.parametrize("layer", ["layer1", "layer2", "layer3", "layer4"])
def test_a_layer_is_judged_by_its_own_features(
    layer: str, images: ImageSet, encoder: Encoder
) -> None:
    features = Features(encoder, images, layer)
    found, _ = features.take(torch.arange(40))
    with torch.no_grad():
        expected = encoder.eval().layers(images.images[:40] / 255)[layer]
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert features.dim == expected.shape[1]


class Gives(nn.Module):
    def __init__(self, what: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.what = what

    def forward(self, images: Tensor) -> Any:
        return self.what(images)


def test_any_module_that_gives_a_row_an_image_has_features(images: ImageSet) -> None:
    features = Features(Gives(lambda x: x.mean((2, 3)).half()), images)
    found, _ = features.take(torch.arange(5))
    assert (features.dim, found.dtype) == (3, torch.float32)
    wanted = (images.images[:5] / 255).mean((2, 3))
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-3)


@pytest.mark.parametrize(
    ("what", "named"),
    [
        (lambda x: x, r"\(1, 3, 8, 8\)"),
        (lambda x: x.mean(), r"\(\)"),
        (lambda x: (x.mean((2, 3)), x), "a tuple"),
        (lambda x: {"features": x.mean((2, 3))}, "a dict"),
    ],
)
def test_what_gives_anything_else_is_refused(
    what: Callable[[Tensor], Any], named: str, images: ImageSet
) -> None:
    with pytest.raises(
        ValueError, match=rf"gives features \(B, D\); this one gives {named}"
    ):
        Features(Gives(what), images)


def test_a_settled_encoder_has_the_statistics_of_its_images_and_its_old_weights(
    images: ImageSet, rows: Split
) -> None:
    torch.manual_seed(0)
    encoder = Encoder(EncoderSettings())
    weights = {name: p.clone() for name, p in encoder.named_parameters()}
    before = Features(encoder, images).take(rows.train)[0]
    settle(encoder, images, rows.train)  # one batch
    after = Features(encoder, images).take(rows.train)[0]
    with torch.no_grad():  # of the batch itself, as in training
        expected = copy.deepcopy(encoder).train()(images.images[rows.train] / 255)
    # Running variances are unbiased, a batch's own are not.
    torch.testing.assert_close(after, expected, rtol=0.02, atol=0.02)
    assert after.norm(dim=1).mean() > 3 * before.norm(dim=1).mean()
    assert not encoder.training
    assert all(torch.equal(p, weights[name]) for name, p in encoder.named_parameters())
    momenta = {m.momentum for m in encoder.modules() if isinstance(m, nn.BatchNorm2d)}
    assert momenta == {0.1}

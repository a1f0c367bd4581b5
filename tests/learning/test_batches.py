"""Batches: dealt by the seed, the same ahead of time and in time, no host waiting."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from lightning.fabric import Fabric
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from sslkit.images import shapes
from sslkit.images.imageset import ImageSet
from sslkit.images.loading import from_shapes
from sslkit.learning.batches import Batch, Batches, ahead
from sslkit.learning.distributed import Share
from sslkit.learning.encoders import Encoder, EncoderSettings
from sslkit.learning.loop import fit
from sslkit.learning.training import Training
from sslkit.methods import METHODS
from sslkit.views import augment
from sslkit.views.augment import Augmentation
from sslkit.views.random_numbers import RandomNumbers


@pytest.fixture(scope="module")
def images() -> ImageSet:
    settings = shapes.Scenes(n_train=24, n_test=9, n_unlabelled=0)
    return from_shapes(settings, image_size=16)


def batches(images: ImageSet, size: int = 7, seed: int = 0) -> Batches:
    def views(batch: Tensor, draw: RandomNumbers) -> list[Tensor]:
        return [augment.view(batch, Augmentation(), draw)]

    rows = images.rows("train")
    fabric = Fabric(accelerator="cpu", devices=1)
    return Batches(images, views, rows, batch_size=size, seed=seed, fabric=fabric)


def numbered(step: int) -> Batch:
    return Batch([torch.tensor(step)], torch.tensor(step), Share(0, 1, 1))


def test_every_pass_deals_every_image_once_in_an_order_of_its_own(
    images: ImageSet,
) -> None:
    made = batches(images)
    assert made.in_a_pass == 4
    first, second = (
        [batch.labels for batch in made.of(range(start, start + 4))] for start in (0, 4)
    )
    assert sorted(len(labels) for labels in first) == [6, 6, 6, 6]
    one, two = torch.cat(first), torch.cat(second)
    assert torch.equal(one.sort().values, two.sort().values)
    assert not torch.equal(one, two)


def test_a_batch_follows_from_seed_and_step_whatever_was_made_before(
    images: ImageSet,
) -> None:
    in_order = list(batches(images).of(range(6)))
    alone = batches(images).make(5)
    assert torch.equal(alone.views[0], in_order[5].views[0])
    assert torch.equal(alone.labels, in_order[5].labels)
    other = batches(images, seed=1).make(5)
    assert not torch.equal(other.views[0], alone.views[0])


def test_batches_made_ahead_are_the_batches(images: ImageSet) -> None:
    expected = list(batches(images).of(range(9)))
    found = list(ahead(batches(images).make, range(9), None))
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one.views[0], other.views[0])
        assert torch.equal(one.labels, other.labels)
        assert one.held == other.held
        assert not one.views[0].requires_grad


def test_the_next_batch_is_made_while_a_step_is_at_work() -> None:
    begun = [threading.Event() for _ in range(4)]

    def make(step: int) -> Batch:
        begun[step].set()
        return numbered(step)

    for step, batch in enumerate(ahead(make, range(4), None)):
        assert int(batch.labels) == step
        if step < 3:
            assert begun[step + 1].wait(10)
        if step < 2:
            assert not begun[step + 2].is_set()  # one ahead, not all of them


def test_a_failure_comes_up_when_its_batch_is_due() -> None:
    def make(step: int) -> Batch:
        if step == 2:
            raise ValueError("step two")
        return numbered(step)

    found = ahead(make, range(4), None)
    assert [int(next(found).labels) for _ in range(2)] == [0, 1]
    with pytest.raises(ValueError, match="step two"):
        next(found)


def test_no_thread_outlives_a_training_that_stops() -> None:
    def at_work() -> list[threading.Thread]:
        return [t for t in threading.enumerate() if t.name.startswith("views")]

    found = ahead(numbered, range(100), None)
    next(found)
    assert at_work()
    found.close()
    deadline = time.monotonic() + 10
    while at_work() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not at_work()


class Waits(TorchDispatchMode):
    """Counts the operations whose result a host would have to wait for."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        name = func.overloadpacket.__name__
        if name in ("_local_scalar_dense", "nonzero", "masked_select", "is_nonzero"):
            self.found.append(name)
        return func(*args, **(kwargs or {}))


@contextmanager
def counted() -> Iterator[list[str]]:
    with Waits() as waits:
        yield waits.found


def test_what_makes_a_host_wait_is_counted() -> None:
    with counted() as found:
        torch.rand(3).sum().item()
        torch.rand(3).nonzero()
    assert found == ["_local_scalar_dense", "nonzero"]


@pytest.mark.parametrize("name", METHODS)
def test_a_step_asks_the_device_nothing(name: str, images: ImageSet) -> None:
    """Losses go to the host once an epoch, however many steps it has.

    Greyscale is off: on a CPU, which need not wait, it looks where to apply itself.
    """
    found = {}
    for steps in (2, 6):
        settings = METHODS[name].with_views(Augmentation(greyscale=0.0))
        objective = settings.objective(Encoder(EncoderSettings()))
        with counted() as waits:
            fit(
                objective,
                images,
                images.rows("train"),
                validation=None,
                training=Training(optimiser="sgd", epochs=1, steps=steps, batch_size=8),
                seed=0,
                fabric=Fabric(accelerator="cpu", devices=1),
            )
        found[steps] = len(waits)
    assert found[2] == found[6]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("name", METHODS)
def test_a_gpu_gets_the_same_batches_and_its_host_never_waits(
    name: str, images: ImageSet
) -> None:
    method = METHODS[name].objective(Encoder(EncoderSettings()))
    rows = images.rows("train")

    def of(device: str) -> list[Batch]:
        made = Batches(
            images.to(device),
            method.views,
            rows,
            batch_size=8,
            seed=0,
            fabric=Fabric(accelerator=device, devices=1),
        )
        return list(made.of(range(6)))

    torch.cuda.set_sync_debug_mode("error")
    try:
        found = of("cuda")
    finally:
        torch.cuda.set_sync_debug_mode("default")
    for one, other in zip(found, of("cpu"), strict=True):
        for ours, expected in zip(one.views, other.views, strict=True):
            torch.testing.assert_close(ours.cpu(), expected, rtol=0, atol=1e-3)


def test_views_are_of_the_size_of_their_step_and_the_encoder_of_any(
    images: ImageSet,
) -> None:
    seen: list[tuple[int, int]] = []
    objective = METHODS["simclr"].objective(Encoder(EncoderSettings()))
    objective.encoder.register_forward_pre_hook(
        lambda _module, args: seen.append((args[0].shape[-1], args[0].shape[-2]))
    )
    fit(
        objective,
        images,
        images.rows("train"),
        validation=images.rows("train")[:6],
        training=Training(epochs=2, steps=6, batch_size=12, sizes=(8, 12)),
        seed=0,
        fabric=Fabric(accelerator="cpu", devices=1),
    )
    # Three steps, a look at validation images as they are; the same again, grown.
    assert seen == [(8, 8)] * 3 + [(16, 16)] + [(12, 12)] * 3 + [(16, 16)]

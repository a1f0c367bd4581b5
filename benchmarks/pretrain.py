"""Pretraining beside lightly's: ``python -m benchmarks.pretrain --method byol``.

Lightly's CIFAR-10 recipe: SGD at 0.06 for 128 images, momentum, weight decay, cosine,
colours at half strength, no blur. The network and its starting weights are the same in
both, and so are the widths of heads and the optimiser; transform, loader, loss and loop
are each side's own (``benchmarks/peer.py``). Views are drawn by each in its own way, so
the losses agree as those of two seeds do.

Every training has a process of its own. The memory is the peak of that process, code
and images included, and what lightly's workers hold beside it.
"""

from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import torch
from lightning.fabric import Fabric
from torch import Tensor, nn

import sslkit
from benchmarks import kept
from sslkit.images.imageset import ImageSet
from sslkit.learning import encoders
from sslkit.learning.devices import launch
from sslkit.learning.encoders import Encoder
from sslkit.learning.loop import fit
from sslkit.learning.training import Training
from sslkit.methods import METHODS
from sslkit.views.augment import Augmentation

VIEWS = Augmentation(
    crop=(0.08, 1.0), brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1
)
RATES = {"simclr": 6e-2, "byol": 6e-2 / 4, "vicreg": 6e-2 / 4}
"""Learning rates for 128 images. BYOL's loss is four times that of lightly's recipe."""

SIDES = ("sslkit", "lightly")


@dataclass(frozen=True)
class Case:
    """What is pretrained.

    Attributes:
        method: A name of ``RATES``.
        backbone: With the stem for small images.
        data: Images, 32 x 32.
        limit: At most this many images a class.
        batch: Images a step.
        epochs: Passes over the images.
    """

    method: str
    backbone: str
    data: str
    limit: int | None
    batch: int
    epochs: int


@dataclass(frozen=True)
class Measured:
    """What one training took: seconds, images a second, GiB; its loss by epoch."""

    seconds: float
    rate: float
    memory: float
    losses: list[float]


def objective(case: Case, seed: int) -> nn.Module:
    """The network, from weights that follow from the seed."""
    torch.manual_seed(seed)
    encoder = Encoder(encoders.EncoderSettings(backbone=case.backbone, stem="small"))
    return METHODS[case.method].with_views(VIEWS).objective(encoder)


def whole_batches(rows: Tensor, batch: int, seed: int) -> Tensor:
    """Rows without a random rest: sslkit would deal it out, lightly leave it out."""
    random = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(rows), generator=random)
    return rows[order[: len(rows) // batch * batch]]


def with_sslkit(
    images: ImageSet,
    rows: Tensor,
    model: nn.Module,
    training: Training,
    seed: int,
    fabric: Fabric,
) -> tuple[list[float], float]:
    """Pretrain; give the mean loss of each epoch, and the memory."""
    fitted = fit(
        model,
        images,
        rows,
        validation=None,
        training=training,
        seed=seed,
        fabric=fabric,
    )
    losses = fitted.history.query("metric == 'train_loss'").value.tolist()
    return losses, kept.peak_memory()


def with_lightly(
    images: ImageSet,
    rows: Tensor,
    model: nn.Module,
    training: Training,
    seed: int,
    fabric: Fabric,
) -> tuple[list[float], float]:
    """The same by lightly."""
    from benchmarks import peer

    data = peer.loader(images, rows, VIEWS, training.batch_size, seed)
    losses = torch.stack(list(peer.steps(model, data, training, fabric)))
    means = losses.view(training.epochs, -1).mean(1).tolist()
    return means, kept.peak_memory()  # while the workers are alive


def measure(case: Case, side: str, seed: int) -> Measured:
    """Pretrain in this process; images and network are not part of the time."""
    fabric = launch()
    images = sslkit.load(case.data, image_size=32, limit=case.limit)
    images = images.to(fabric.device)
    rows = whole_batches(images.rows("train"), case.batch, seed)
    steps = case.epochs * len(rows) // case.batch
    training = Training(
        optimiser="sgd",
        lr=RATES[case.method] * case.batch / 128,
        weight_decay=5e-4,
        epochs=case.epochs,
        batch_size=case.batch,
        steps=steps,
    )
    model = objective(case, seed)
    if side == "lightly":
        from benchmarks import peer

        model = peer.MODELS[case.method](model)
    pretrain = with_lightly if side == "lightly" else with_sslkit
    model = model.to(fabric.device)
    start = time.perf_counter()
    losses, memory = pretrain(images, rows, model, training, seed, fabric)
    seconds = time.perf_counter() - start
    return Measured(seconds, steps * case.batch / seconds, memory, losses)


@click.command(context_settings={"show_default": True})
@click.option("--method", default="simclr", type=click.Choice(list(RATES)))
@click.option("--data", default="cifar10", help="images, 32 x 32")
@click.option("--backbone", default="resnet18", help="with the stem for small images")
@click.option("--batch", default=512, help="images a step")
@click.option("--epochs", default=3, help="of each")
@click.option("--limit", type=int, help="at most this many images a class")
@click.option("--seeds", default=1, help="how often, from other weights")
@click.option("--keep", is_flag=True, help=f"write the figures to {kept.FILE}")
def main(
    method: str,
    data: str,
    backbone: str,
    batch: int,
    epochs: int,
    limit: int | None,
    seeds: int,
    keep: bool,
) -> None:
    """Time a method's pretraining by sslkit and by lightly, and compare the losses."""
    case = Case(method, backbone, data, limit, batch, epochs)
    context = multiprocessing.get_context("spawn")
    found: dict[str, list[Measured]] = {side: [] for side in SIDES}
    for seed in range(seeds):
        for side in SIDES:
            with ProcessPoolExecutor(1, mp_context=context) as fresh:
                one = fresh.submit(measure, case, side, seed).result()
            found[side].append(one)
            shown = " ".join(f"{loss:.3f}" for loss in one.losses)
            click.echo(
                f"{side:8} seed {seed}: {one.seconds:7.1f} s, {one.rate:7.0f} images/s,"
                f" {one.memory:5.2f} GiB, loss {shown}"
            )

    def middle(what: str) -> dict[str, float]:
        return {
            side: float(np.median([getattr(one, what) for one in ones]))
            for side, ones in found.items()
        }

    seconds = middle("seconds")
    click.echo(f"sslkit is {seconds['lightly'] / seconds['sslkit']:.1f} times as fast")
    ours, theirs = ([one.losses[-1] for one in found[side]] for side in SIDES)
    apart = np.mean(ours) - np.mean(theirs)
    click.echo(
        f"last epoch's loss, sslkit less lightly: {apart:+.3f}; that of a "
        f"guess or a collapse is {METHODS[method].chance(batch):.3f}"
    )
    if keep:
        name = (
            f"{method}, {backbone}, {Path(data).name}, batch {batch}, {epochs} epochs"
        )
        kept.keep("pretrain", name, "s", seconds)
        kept.keep("pretrain rate", name, "images/s", middle("rate"))
        kept.keep("pretrain memory", name, "GiB", middle("memory"))
        curves = {
            f"{side}, seed {seed}, epoch {epoch + 1}": loss
            for side in SIDES
            for seed, one in enumerate(found[side])
            for epoch, loss in enumerate(one.losses)
        }
        unit = "nats" if method == "simclr" else "loss"
        kept.keep("pretrain loss", name, unit, curves)


if __name__ == "__main__":
    main()

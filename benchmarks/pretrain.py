"""SimCLR's pretraining beside lightly's: ``python -m benchmarks.pretrain``.

Lightly's CIFAR-10 recipe: SGD at 0.06 for 128 images, momentum, weight decay, cosine,
colours at half strength, no blur. The network and its starting weights are the same in
both; transform, loader, loss and loop are each side's own. Views are drawn by each in
its own way, so the losses agree as those of two seeds do.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable

import click
import numpy as np
import torch
from lightning.fabric import Fabric
from torch import nn
from torch.utils.data import DataLoader
from torchvision.transforms import v2

import sslkit
from benchmarks import kept
from benchmarks.views import Transformed
from sslkit.images.imageset import ImageSet
from sslkit.learning import encoders
from sslkit.learning.encoders import Encoder
from sslkit.learning.loop import fit
from sslkit.learning.training import Training
from sslkit.methods.simclr import Settings
from sslkit.views.augment import Augmentation

VIEWS = Augmentation(
    crop=(0.08, 1.0), brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1
)
WEIGHT_DECAY = 5e-4


def learning_rate(batch: int) -> float:
    """Lightly's, for a batch."""
    return 6e-2 * batch / 128


def objective(backbone: str, seed: int) -> nn.Module:
    """The network, from weights that follow from the seed."""
    torch.manual_seed(seed)
    encoder = Encoder(encoders.EncoderSettings(backbone=backbone, stem="small"))
    return Settings(augmentation=VIEWS).objective(encoder)


def with_sslkit(
    images: ImageSet,
    model: nn.Module,
    batch: int,
    epochs: int,
    seed: int,
    fabric: Fabric,
) -> list[float]:
    """Pretrain; give the mean loss of each epoch."""
    rows = images.rows("train")
    fitted = fit(
        model,
        images,
        rows,
        validation=None,
        training=Training(
            optimiser="sgd",
            lr=learning_rate(batch),
            weight_decay=WEIGHT_DECAY,
            epochs=epochs,
            batch_size=batch,
            steps=epochs * (len(rows) // batch),
        ),
        seed=seed,
        fabric=fabric,
    )
    return fitted.history.query("metric == 'train_loss'").value.tolist()


def with_lightly(
    images: ImageSet,
    model: nn.Module,
    batch: int,
    epochs: int,
    seed: int,
    fabric: Fabric,
) -> list[float]:
    """The same by lightly's transform and loss, with as many workers as cores."""
    from lightly.loss import NTXentLoss
    from lightly.transforms import SimCLRTransform

    pictures = [
        v2.functional.to_pil_image(image)
        for image in images.take(images.rows("train"))[0].cpu()
    ]
    transform = SimCLRTransform(
        input_size=images.images.shape[-1],
        cj_strength=0.5,
        gaussian_blur=0.0,
        normalize=None,  # the encoder does it
    )
    data = Transformed(pictures, transform, len(pictures))
    loader = DataLoader(
        data,
        batch_size=batch,
        shuffle=True,
        drop_last=True,
        num_workers=os.cpu_count() or 1,
        persistent_workers=True,
        pin_memory=fabric.device.type == "cuda",
        generator=torch.Generator().manual_seed(seed),
    )
    weights = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.SGD(
        weights,
        learning_rate(batch),
        momentum=0.9,
        nesterov=True,  # as sslkit's
        weight_decay=WEIGHT_DECAY,
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
        optimiser, epochs * len(loader)
    )
    trained, optimiser = fabric.setup(model.train(), optimiser)
    loss_of = NTXentLoss(temperature=0.5)
    losses = []
    for _ in range(epochs):
        total = torch.zeros((), device=fabric.device)
        for views in loader:
            both = torch.cat([view.to(fabric.device) for view in views])
            z1, z2 = trained(both).chunk(2)
            loss = loss_of(z1, z2)
            fabric.backward(loss)
            optimiser.step()
            optimiser.zero_grad()
            schedule.step()
            total += loss.detach()
        losses.append(float(total / len(loader)))
    return losses


@click.command(context_settings={"show_default": True})
@click.option("--data", default="cifar10", help="images, 32 x 32")
@click.option("--backbone", default="resnet18", help="with the stem for small images")
@click.option("--batch", default=512, help="images a step")
@click.option("--epochs", default=3, help="of each")
@click.option("--limit", type=int, help="at most this many images a class")
@click.option("--seeds", default=1, help="how often, from other weights")
@click.option("--keep", is_flag=True, help=f"write the figures to {kept.FILE}")
def main(
    data: str,
    backbone: str,
    batch: int,
    epochs: int,
    limit: int | None,
    seeds: int,
    keep: bool,
) -> None:
    """Time SimCLR's pretraining by sslkit and by lightly, and compare the losses."""
    fabric = kept.fabric()
    images = sslkit.load(data, image_size=32, limit=limit).to(fabric.device)
    sides: dict[str, Callable[..., list[float]]] = {
        "sslkit": with_sslkit,
        "lightly": with_lightly,
    }
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    losses: dict[str, list[list[float]]] = {name: [] for name in sides}
    for seed in range(seeds):
        for name, pretrain in sides.items():
            model = objective(backbone, seed)
            if name == "lightly":
                model = nn.Sequential(model.encoder, model.projector)
            start = time.perf_counter()
            curve = pretrain(
                images, model.to(fabric.device), batch, epochs, seed, fabric
            )
            seconds[name].append(time.perf_counter() - start)
            losses[name].append(curve)
            shown = " ".join(f"{loss:.3f}" for loss in curve)
            click.echo(
                f"{name:8} seed {seed}: {seconds[name][-1]:7.1f} s, loss {shown}"
            )
    middle = {name: float(np.median(taken)) for name, taken in seconds.items()}
    click.echo(f"sslkit is {middle['lightly'] / middle['sslkit']:.1f} times as fast")
    ends = {name: [curve[-1] for curve in curves] for name, curves in losses.items()}
    apart = np.mean(ends["sslkit"]) - np.mean(ends["lightly"])
    click.echo(
        f"last epoch's loss, sslkit less lightly: {apart:+.3f}; ln(2 B - 1), that of a "
        f"collapse, is {math.log(2 * batch - 1):.3f}"
    )
    if keep:
        case = f"{backbone}, {data}, batch {batch}, {epochs} epochs"
        kept.keep("pretrain", case, "s", middle)
        curves = {
            f"{name}, seed {seed}, epoch {epoch + 1}": loss
            for name in sides
            for seed, curve in enumerate(losses[name])
            for epoch, loss in enumerate(curve)
        }
        kept.keep("pretrain loss", case, "nats", curves)


if __name__ == "__main__":
    main()

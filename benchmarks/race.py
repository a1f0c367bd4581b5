"""Accuracy against minutes, beside lightly: ``python -m benchmarks.race --minutes 20``.

SimCLR on the encoder ``small``. A test image is right if most of its ten nearest
training images, by features, are of its class. The length is fixed beforehand, since
the learning rate falls over it. Views grow from 16 to 32 pixels, as in the book's runs.
sslkit runs whole; looking is not part of its minutes. Settings are chosen with
``--tuning``: then training images are asked, each among the others, and no test image.

Lightly does not run whole. Its steps a second are measured for a while, with the same
encoder, views, loss, batch and optimiser, by its own transform and loader, in 32 bits
as it would by default, and in bf16, at each size that the views have on the way. Its
curve is then taken to be sslkit's over steps: its minutes are steps by the rate. That
the two learn alike, step by step, is what ``benchmarks.pretrain`` looks at.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import click
import numpy as np
import torch
from lightning.fabric import Fabric
from torch import Tensor

import sslkit
from benchmarks import kept
from benchmarks.pretrain import whole_batches
from sslkit.images.imageset import ImageSet
from sslkit.judging.features import Features
from sslkit.learning.devices import launch
from sslkit.learning.encoders import Encoder, EncoderSettings
from sslkit.learning.loop import Progress
from sslkit.learning.training import Training
from sslkit.methods.simclr import Settings
from sslkit.runs.profiles import PROFILES
from sslkit.study.features import votes
from sslkit.views.augment import Augmentation

BACKBONE = "small"
GROWING = PROFILES["few-labels"].pretraining.sizes
WANTED = 0.7  # accuracy
AT_ONCE = 500  # images that are compared with all training images
TUNED_ON = 5000  # training images that are asked while settings are being chosen
WARM_UP = 10  # steps, more than lightly's workers prepare ahead
TRIED = 50  # steps by which a length in minutes is turned into steps
PRECISIONS = {"lightly, 32 bits": "32-true", "lightly, bf16": "bf16-mixed"}


@dataclass(frozen=True)
class Look:
    """What was seen at one moment: steps and minutes so far; accuracy in [0, 1]."""

    step: int
    minutes: float
    accuracy: float


def accuracy(images: ImageSet, asked: Tensor, progress: Progress) -> float:
    """Share of the rows ``asked`` whose ten nearest training images vote rightly."""
    features = Features(progress.objective.encoder, images)
    values, labels = features.take(torch.arange(len(images)))
    train = images.rows("train")
    right = [votes(values, labels.cpu(), train, some) for some in asked.split(AT_ONCE)]
    return float(np.concatenate(right).mean())


def with_sslkit(
    images: ImageSet,
    rows: Tensor,
    settings: Settings,
    training: Training,
    seed: int,
    look: Callable[[Progress], float] | None = None,
) -> tuple[list[Look], float]:
    """Pretrain; give what was seen at the end of each epoch, and the minutes taken."""
    seen: list[Look] = []
    looking = 0.0
    start = time.perf_counter()

    def watch(progress: Progress) -> None:
        nonlocal looking
        now = time.perf_counter()
        if look:
            minutes = (now - start - looking) / 60
            seen.append(Look(progress.step, minutes, look(progress)))
            click.echo(f"{minutes:6.2f} minutes: {seen[-1].accuracy:.1%}")
        looking += time.perf_counter() - now

    sslkit.pretrain(
        images,
        settings,
        rows=rows,
        backbone=BACKBONE,
        training=training,
        seed=seed,
        watch=watch,
    )
    return seen, (time.perf_counter() - start - looking) / 60


def lightly_rate(
    images: ImageSet,
    rows: Tensor,
    settings: Settings,
    training: Training,
    seed: int,
    precision: str,
    seconds: float,
) -> float:
    """Steps a second by lightly, once its workers are at work.

    At each size that the views grow through, for its share of ``seconds``.
    """
    from benchmarks import peer

    accelerator = "cuda" if torch.cuda.is_available() else "cpu"
    fabric = Fabric(accelerator=accelerator, devices=1, precision=precision)
    torch.manual_seed(seed)
    encoder = Encoder(EncoderSettings(backbone=BACKBONE, stem="small"))
    model = peer.MODELS["simclr"](settings.objective(encoder))
    batch, views = training.batch_size, settings.augmentation
    # As many epochs as it may take: only the rate is wanted.
    endless = replace(training, epochs=10**6, sizes=())
    total = 0.0  # seconds of a step at each size
    for size, parts in Counter(training.sizes).items():
        data = peer.loader(images, rows, views, batch, seed, size=size)
        losses = peer.steps(model, data, endless, fabric)
        for _ in range(WARM_UP):
            float(next(losses))  # waits for a GPU
        share = parts / len(training.sizes)
        count, start = 0, time.perf_counter()
        while (passed := time.perf_counter() - start) < share * seconds:
            float(next(losses))
            count += 1
        losses.close()
        total += share * passed / count
    return 1 / total


def first_at(looks: list[Look], wanted: float) -> float:
    """Steps until an accuracy is first reached, between two looks on a line; or inf."""
    before = Look(0, 0.0, 0.0)
    for look in looks:
        if look.accuracy >= wanted:
            share = (wanted - before.accuracy) / (look.accuracy - before.accuracy)
            return before.step + share * (look.step - before.step)
        before = look
    return math.inf


@click.command(context_settings={"show_default": True})
@click.option("--data", default="cifar10", help="images, 32 x 32")
@click.option("--limit", type=int, help="at most this many images a class")
@click.option("--epochs", default=40, help="length")
@click.option("--minutes", type=float, help="length, by a rate measured before")
@click.option("--moments", default=10, help="how often the encoder is looked at")
@click.option("--seconds", default=60.0, help="lightly is measured; 0: not at all")
@click.option("--batch", default=256, help="images a step")
@click.option("--lr", default=0.12, help="highest learning rate, of SGD")
@click.option("--warmup", default=0.05, help="share of the steps")
@click.option("--weight-decay", default=5e-4)
@click.option("--temperature", default=0.2)
@click.option("--crop", default=0.2, help="least share of the area that a view keeps")
@click.option("--seed", default=0)
@click.option("--tuning", is_flag=True, help=f"ask {TUNED_ON} training images instead")
@click.option("--keep", is_flag=True, help=f"write the figures to {kept.FILE}")
def main(
    data: str,
    limit: int | None,
    epochs: int,
    minutes: float | None,
    moments: int,
    seconds: float,
    batch: int,
    lr: float,
    warmup: float,
    weight_decay: float,
    temperature: float,
    crop: float,
    seed: int,
    tuning: bool,
    keep: bool,
) -> None:
    """Race sslkit's SimCLR, run whole, against lightly's, by its rate."""
    if tuning and keep:
        raise click.UsageError("what is kept is asked of test images, not in --tuning")
    images = sslkit.load(data, image_size=32, limit=limit)
    images = images.to(launch().device)
    rows = whole_batches(images.rows("train"), batch, seed)  # in random order
    asked = rows[:TUNED_ON] if tuning else images.rows("test")
    settings = Settings(
        augmentation=Augmentation(crop=(crop, 1.0)), temperature=temperature
    )
    training = Training(
        optimiser="sgd",
        lr=lr,
        warmup=warmup,
        epochs=1,
        batch_size=batch,
        weight_decay=weight_decay,
        sizes=GROWING,
    )
    case = images, rows, settings
    rates = {}
    if seconds:  # first, for sslkit changes how its process keeps memory
        for name, precision in PRECISIONS.items():
            rates[name] = lightly_rate(*case, training, seed, precision, seconds)
            click.echo(f"{name:17} {rates[name]:6.2f} steps a second")

    steps = epochs * len(rows) // batch
    if minutes:
        with_sslkit(*case, replace(training, steps=WARM_UP), seed)
        _, took = with_sslkit(*case, replace(training, steps=TRIED), seed)
        steps = max(moments, round(minutes / took * TRIED))
    steps = math.ceil(steps / moments) * moments
    training = replace(training, epochs=moments, steps=steps)
    click.echo(f"{steps} steps, {steps * batch / len(rows):.1f} epochs")
    looks, took = with_sslkit(
        *case, training, seed, look=lambda progress: accuracy(images, asked, progress)
    )
    rates = {"sslkit": steps / took / 60, **rates}

    until = first_at(looks, WANTED)
    click.echo(
        f"{'':17} {'steps/s':>8} {f'minutes to {WANTED:.0%}':>15} {'sslkit is':>9}"
    )
    for name, rate in rates.items():
        faster = rates["sslkit"] / rate
        click.echo(f"{name:17} {rate:8.2f} {until / rate / 60:15.1f} {faster:8.1f}x")
    if seconds:
        click.echo("Lightly's minutes are calculated: sslkit's steps, lightly's rate.")
    if keep:
        length = f"{minutes:g} minutes" if minutes else f"{epochs} epochs"
        name = f"simclr, {BACKBONE}, {Path(data).name}, batch {batch}, {length}"
        kept.keep("race rate", name, "steps/s", rates)
        curves = {
            f"{side}, step {look.step}, {at:.2f} minutes": 100 * look.accuracy
            for side, rate in rates.items()
            for look in looks
            for at in [look.minutes if side == "sslkit" else look.step / rate / 60]
        }
        kept.keep("race", name, "% right", curves)


if __name__ == "__main__":
    main()

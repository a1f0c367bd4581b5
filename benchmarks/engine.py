"""Encoders and trainings for a CPU, in equal seconds: ``python -m benchmarks.engine``.

Each candidate changes one or two things of SimCLR as the profile ``few-labels`` has it,
without its growing views, and learns for as many seconds of one core; how many steps
these are is measured beforehand by a training in small. Then training images are asked,
each for its ten nearest among others; no test image is read. It takes minutes a
candidate, two candidates at a time where there are two cores and nothing else to do.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import click
import torch

import sslkit
from benchmarks import kept
from sslkit.images.imageset import ImageSet
from sslkit.judging.features import Features
from sslkit.learning import encoders
from sslkit.learning.devices import launch
from sslkit.learning.encoders import Encoder, EncoderSettings
from sslkit.learning.loop import fit
from sslkit.learning.training import Training
from sslkit.methods.simclr import SimCLR
from sslkit.runs import workers
from sslkit.runs.profiles import PROFILES
from sslkit.study.features import votes

GROWING = PROFILES["few-labels"].pretraining.sizes
TRIED = 24  # steps by which seconds are turned into steps
ASKED, KNOWN = 5000, 20000  # training images


@dataclass(frozen=True)
class Candidate:
    """What differs from the base.

    Attributes:
        channels: Of the encoder's stages.
        training: Fields of the pretraining.
        method: Fields of SimCLR.
    """

    channels: tuple[int, ...] = (32, 64, 128)
    training: Mapping[str, Any] = field(default_factory=dict)
    method: Mapping[str, Any] = field(default_factory=dict)


CANDIDATES = {
    "base": Candidate(),
    "rate 0.24": Candidate(training={"lr": 0.24}),
    "temperature 0.1": Candidate(method={"temperature": 0.1}),
    "batch 128": Candidate(training={"batch_size": 128, "lr": 0.06}),
    "24-48-96 channels": Candidate((24, 48, 96)),
    "32-64-256 channels": Candidate((32, 64, 256)),
    "24, then 32 px": Candidate(training={"sizes": (24, 24, 24, 32)}),
    "16, 24, 32 px": Candidate(training={"sizes": GROWING}),
    "16, 24, 32 px, batch 128": Candidate(
        training={"sizes": GROWING, "batch_size": 128, "lr": 0.06}
    ),
    "16, 24, 32 px, 48-96-192 channels": Candidate(
        (48, 96, 192), training={"sizes": GROWING}
    ),
}


def objective(candidate: Candidate) -> SimCLR:
    """SimCLR on an encoder as ``small`` is, with the candidate's channels."""
    torch.manual_seed(0)
    encoder = Encoder(EncoderSettings(backbone="small"))
    net = encoders.small(candidate.channels)
    encoder.net = net.to(memory_format=torch.channels_last)
    encoder.dim = candidate.channels[-1]
    usual: Any = sslkit.recipe("simclr", profile="few-labels").method
    return replace(usual, **candidate.method).objective(encoder)


def train(images: ImageSet, candidate: Candidate, steps: int) -> tuple[SimCLR, float]:
    """The trained objective, and the seconds that it took."""
    usual = replace(PROFILES["few-labels"].pretraining, sizes=(), epochs=1)
    training: Training = replace(usual, steps=steps, **candidate.training)
    model = objective(candidate)
    start = time.perf_counter()
    fit(
        model,
        images,
        images.rows("train"),
        validation=None,
        training=training,
        seed=0,
        fabric=launch(),
        select="last",
    )
    return model, time.perf_counter() - start


def measure(data: str, name: str, seconds: float) -> tuple[int, float]:
    """Steps in so many seconds, and the share of images whose neighbours are right."""
    images = sslkit.load(data, image_size=32)
    candidate = CANDIDATES[name]
    train(images, candidate, TRIED)  # warms up
    _, took = train(images, candidate, TRIED)
    steps = max(TRIED, round(seconds / took * TRIED))
    model, _ = train(images, candidate, steps)
    rows = images.rows("train")
    rows = rows[torch.randperm(len(rows), generator=torch.Generator().manual_seed(1))]
    asked, known = rows[:ASKED], rows[ASKED : ASKED + KNOWN]
    features = Features(model.encoder, images)
    features.take(torch.cat([asked, known]))
    labels = images.labels
    right = [votes(features.values, labels, known, some) for some in asked.split(500)]
    return steps, sum(float(one.sum()) for one in right) / len(asked)


@click.command(context_settings={"show_default": True})
@click.option("--data", default="cifar10", help="images, 32 x 32")
@click.option("--seconds", default=120.0, help="of one core, a candidate")
@click.option("--jobs", default=2, help="candidates at a time")
@click.option("--only", default="", help="candidates whose name has these words")
@click.option("--keep", is_flag=True, help=f"write the figures to {kept.FILE}")
def main(data: str, seconds: float, jobs: int, only: str, keep: bool) -> None:
    """Let candidates learn for as long, and ask their neighbours."""
    os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported by the workers
    names = [name for name in CANDIDATES if only in name]
    with workers.processes(jobs) as executor:
        asked = {name: executor.submit(measure, data, name, seconds) for name in names}
        found = {name: job.result() for name, job in asked.items()}
    for name, (steps, share) in found.items():
        click.echo(f"{name:35} {steps:6} steps {share:7.1%}")
    if keep:
        case = f"{data}, {seconds:g} seconds of a core"
        right = {name: 100 * share for name, (_, share) in found.items()}
        kept.keep("engine", f"{case}: % right", "% right", right)
        taken = {name: float(steps) for name, (steps, _) in found.items()}
        kept.keep("engine", f"{case}: steps", "steps", taken)


if __name__ == "__main__":
    main()

"""How ``tools.gpu`` does each thing, and how much of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import torch

import sslkit
from benchmarks import kept, pretrain, race, step, views
from sslkit.images import shapes
from sslkit.images.loading import from_shapes
from sslkit.learning.devices import keep_freed_memory, launch
from sslkit.learning.encoders import Backbone
from sslkit.learning.loop import Progress
from sslkit.learning.training import Training
from sslkit.methods.simclr import Settings
from sslkit.runs import inputs, records, running, store
from sslkit.runs.recipes import Data, Recipe
from sslkit.study.few_labels import Budget
from sslkit.views import augment
from sslkit.views.augment import Augmentation
from sslkit.views.random_numbers import RandomNumbers

BACKBONE: Backbone = "resnet18"


@dataclass(frozen=True)
class Plan:
    """How much of it; the values are those of a GPU.

    Attributes:
        budgets: Of the label curve, with the number of draws.
        finetuned: Those with which encoders are fine-tuned, too.
        steps: Of the curve's pretraining.
        sizes: Of the images whose views are timed, in pixels.
        stepped: Training steps that are timed: method, encoder, size and batch.
        seconds: That each is timed for.
        pretrained: Passes over CIFAR-10 of the pretraining that is timed.
        batch: Its images a step, and the race's.
        passes: Length of the race, fixed beforehand, for its rate falls over it.
        every: Passes between two looks at the nearest neighbours.
        draws: Of the study.
        fraction: Its share of the labels.
        small: The rehearsal, whose trainings are a few steps.
    """

    budgets: dict[Budget, int]
    finetuned: dict[Budget, int]
    steps: int = 4000
    sizes: tuple[int, ...] = (32, 96, 224)
    stepped: tuple[tuple[str, str, int, int], ...] = (
        ("simclr", "resnet18", 32, 256),
        ("rotnet", "resnet18", 32, 256),
        ("simclr", "resnet50", 96, 256),
        ("simclr", "resnet50", 224, 256),
    )
    seconds: float = 3.0
    pretrained: int = 3
    batch: int = 512
    passes: int = 200
    every: int = 10
    draws: int = 3
    fraction: float = 0.05
    small: bool = False


@dataclass(frozen=True)
class Places:
    """Where things are kept: the store of runs, and the files that are brought back."""

    store: Path
    records: Path
    rates: Path  # a CSV, as of benchmarks


def do(recipe: Callable[[], Recipe], places: Places) -> None:
    """Run a recipe; its record is written as it comes."""
    for _ in records.append(places.records, [sslkit.run(recipe(), out=places.store)]):
        pass


def pretrain_for(recipe: Callable[[], Recipe], places: Places) -> None:
    """Pretrain the encoder of a recipe, or go on with it."""
    made = recipe()
    images = inputs.load_images(made.data)
    rows = inputs.split_of(made, images)
    fabric = launch(made.precision)
    running.features_of(made, images, rows, store.Store(places.store), fabric)


def cuda_tests() -> str:
    """The tests that need a GPU; without pytest none."""
    if not find_spec("pytest"):
        return "none: pytest is not here"
    wanted = "skipif(not torch.cuda"
    tests = [f for f in sorted(Path("tests").rglob("test_*.py")) if wanted in _text(f)]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    # Those are named after what they need.
    done = subprocess.run(
        [*command, "-k", "gpu", *map(str, tests)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    if done.returncode:
        raise RuntimeError(f"{done.stdout[-3000:]}{done.stderr[-1000:]}")
    return done.stdout.splitlines()[-1]


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8")


def time_views(plan: Plan, places: Places, size: int) -> None:
    """Views a second on the device; by lightly's workers, if it is there."""
    batch = 256
    device = launch().device
    pixels = torch.randint(256, (batch, 3, size, size), dtype=torch.uint8)
    there = pixels.to(device)
    blur = 0.5 if size >= views.BLUR_FROM else 0.0
    augmentation = Augmentation(crop=views.CROP, blur=blur)

    def make() -> None:
        random = RandomNumbers(0, 0, size=batch, device=device)
        augment.view(there, augmentation, random)

    took = kept.side_by_side({"sslkit": make}, at_least=plan.seconds)
    rates = {"sslkit": batch / took["sslkit"]}
    if _with_peers(plan):
        theirs = views.lightly(pixels, augmentation, os.cpu_count() or 1)
        rates["lightly"] = views.rate(theirs, plan.seconds)
    kept.keep("views", f"{size} px, batch {batch}", "views/s", rates, places.rates)


def time_steps(
    plan: Plan, places: Places, method: str, backbone: str, size: int, batch: int
) -> None:
    """Training steps a second beside bare ones."""
    keep_freed_memory()
    scenes = shapes.Scenes(n_train=3 * batch, n_test=3, n_unlabelled=0)
    images = from_shapes(scenes, image_size=size).to(launch().device)
    times = step.measure(method, backbone, images, batch, plan.seconds)
    rates = {name: 1 / seconds for name, seconds in times.items()}
    torch.cuda.empty_cache()  # gigabytes
    case = step.case_of(method, backbone, size, batch)
    kept.keep("step", case, "steps/s", rates, places.rates)


def time_pretraining(plan: Plan, places: Places) -> None:
    """A few passes of SimCLR over CIFAR-10: images a second, memory and loss."""
    data, passes, batch = "cifar10", plan.pretrained, plan.batch
    case = pretrain.Case("simclr", BACKBONE, data, None, batch, passes)
    sides = pretrain.SIDES if _with_peers(plan) else ("sslkit",)
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    found = {side: pretrain.measure(case, side, seed=0) for side in sides}
    name = f"simclr, {BACKBONE}, {data}, batch {batch}, {passes} epochs"
    for benchmark, what, unit in (
        ("pretrain rate", "rate", "images/s"),
        ("pretrain memory", "memory", "GiB"),
    ):
        values = {side: getattr(one, what) for side, one in found.items()}
        kept.keep(benchmark, name, unit, values, places.rates)
    losses = {
        f"{side}, seed 0, epoch {epoch}": loss
        for side, one in found.items()
        for epoch, loss in enumerate(one.losses, 1)
    }
    kept.keep("pretrain loss", name, "nats", losses, places.rates)


def _with_peers(plan: Plan) -> bool:
    return not plan.small and find_spec("lightly") is not None


def run_race(plan: Plan, places: Places) -> None:
    """SimCLR with ResNet-18 on CIFAR-10, its nearest neighbours watched; or go on.

    Minutes are of training alone, in all calls together. Every pass is noted, so that
    a training that goes on from an earlier checkpoint forgets what came after it.
    """
    images = inputs.load_images(Data(name="cifar10", image_size=32))
    test = images.rows("test")
    note = places.store / "race.json"
    seen = json.loads(note.read_text())["passes"] if note.exists() else []
    case = f"simclr, {BACKBONE}, cifar10, batch {plan.batch}, {plan.passes} epochs"
    before, looking, begun = 0.0, 0.0, time.perf_counter()

    def watch(progress: Progress) -> None:
        nonlocal before, looking
        now = time.perf_counter()
        if not looking:  # the first pass of this call
            del seen[progress.epoch - 1 :]
            before = seen[-1]["minutes"] if seen else 0.0
        minutes = before + (now - begun - looking) / 60
        right = None
        if progress.epoch % plan.every == 0:
            right = race.accuracy(images, test, progress)
        seen.append({"step": progress.step, "minutes": minutes, "right": right})
        store.write(note, {"passes": seen})
        looks = [one for one in seen if one["right"] is not None]
        values = {
            f"sslkit, step {x['step']}, {x['minutes']:.2f} minutes": 100 * x["right"]
            for x in looks
        }
        if values:
            kept.keep("race", case, "% right", values, places.rates)
        looking += time.perf_counter() - now

    sslkit.pretrain(
        images,
        Settings(augmentation=Augmentation(crop=(0.2, 1.0)), temperature=0.2),
        rows=images.rows("train"),
        backbone=BACKBONE,
        training=Training(
            optimiser="sgd",
            lr=0.24,
            warmup=0.05,
            epochs=plan.passes,
            batch_size=plan.batch,
            weight_decay=5e-4,
        ),
        checkpoint=places.store / "checkpoints" / "race.pt",
        watch=watch,
    )

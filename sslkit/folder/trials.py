"""The trials: what is run on a reader's images, in which order, and when it ends.

The order and the rule that ends it stand before the first trial, so that nobody stops
where it looks best: the trials are done one after another, each as long as it still
fits into the time, and the verdict is taken at the end. The time is that which records
say they took, so a command that is continued ends where it would have ended.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from sslkit.images.files import remove
from sslkit.images.imageset import ImageSet
from sslkit.learning import encoders
from sslkit.learning.encoders import Backbone, Encoder
from sslkit.methods.pretraining import pretrain
from sslkit.runs import codec, costs, running
from sslkit.runs.from_profile import recipe
from sslkit.runs.profiles import PROFILES
from sslkit.runs.recipes import Data, Recipe, describe
from sslkit.runs.records import Run, load_encoder

PROFILE = "few-labels"
ENCODER, PLAN = "encoder.safetensors", "plan.json"
DRAWS = 5  # of everything, if there is time; a verdict takes the first three
FIRST = 3  # draws that come before anything that is not needed for a verdict
HALF = 0.5
CURVE = (HALF, 0.25)  # shares of the labels, besides all of them


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is tried, fixed before the first trial.

    Attributes:
        data: The images.
        backbone: Of every encoder.
        methods: That pretrain, on every image that is not for testing.
        steps: Of each pretraining.
        labelled_steps: Of each training with labels, at most.
        bits: Of the values in files of 16 bits, as they were read; or none.
        start: A backbone whose ImageNet weights are there, for a frozen start; or none.
    """

    data: Data
    backbone: Backbone
    methods: tuple[str, ...]
    steps: int
    labelled_steps: int
    bits: int | None = None
    start: Backbone | None = None


def read_plan(out: Path) -> Plan:
    """The plan of a study that was begun.

    Raises:
        ValueError: If there is none; names the file.
    """
    file = out / PLAN
    try:
        plan: Plan = codec.decode(Plan, json.loads(file.read_text()))
    except (AttributeError, OSError, TypeError, ValueError) as error:
        raise ValueError(
            f"'{file}' is not the plan of a study ({error}); name the folder that "
            "study-folder wrote to, or remove the file to begin anew"
        ) from error
    return plan


def recipes(plan: Plan, *, unlabelled: bool) -> Iterator[Recipe]:
    """The trials in order: what a verdict needs, cheapest first; then the rest.

    Args:
        plan: What is tried.
        unlabelled: Whether there are images without labels, for self-training.
    """
    needed = ("histogram", "random", "supervised", *plan.methods)
    further = ["supervised-plain"]
    if plan.start is not None:
        further.insert(0, "start")
    if unlabelled:
        further.append("selftrain")
    for draws, arms in (
        (range(FIRST), needed),
        (range(FIRST), further),
        (range(FIRST, DRAWS), (*needed, *further)),
    ):
        yield from (_of(plan, arm, draw) for draw in draws for arm in arms)
    for fraction in CURVE:
        for draw in range(FIRST):
            for arm in ("supervised", *plan.methods):
                yield _of(plan, arm, draw, fraction)


def _of(plan: Plan, arm: str, draw: int, fraction: float = 1.0) -> Recipe:
    backbone = {"histogram": "histogram", "start": plan.start}.get(arm, plan.backbone)
    made = recipe(
        arm,
        profile=PROFILE,
        data=plan.data.name,
        fraction=fraction,
        draw=draw,
        seed=draw,
        image_size=plan.data.image_size,
        backbone=backbone,
        init="imagenet" if arm == "start" else None,
        pretrain="everything",
        protocols=("linear", "finetune"),
    )
    asked = made.downstream.steps or plan.labelled_steps
    return replace(
        made,
        data=plan.data,
        pretraining=replace(made.pretraining, steps=plan.steps),
        downstream=replace(made.downstream, steps=min(asked, plan.labelled_steps)),
    )


def sizes_of_views(image_size: int) -> tuple[int, ...]:
    """Sides of the views of pretraining, as they grow; none if they do not."""
    return recipe("simclr", profile=PROFILE, image_size=image_size).pretraining.sizes


def labelled_steps(seconds: float, image: float) -> int:
    """So many steps with labels that a third of the time is enough for the first draws.

    Args:
        seconds: That there are in all.
        image: That an image of a step with labels takes.
    """
    batch = PROFILES[PROFILE].downstream.batch_size
    trained = 2  # of the ways that are needed: supervised, and fine-tuned
    return max(1, int(seconds / 3 / (FIRST * trained * batch * image)))


def pretrained(plan: Plan, images: ImageSet, out: Path) -> Encoder:
    """The encoder of a folder without labels: of the first method, trained once.

    Args:
        plan: What is tried.
        images: Of the plan.
        out: Where the encoder is kept, as ``ENCODER``.
    """
    file, checkpoint = out / ENCODER, out / "checkpoints" / "encoder.pt"
    made = _of(plan, plan.methods[0], 0)
    assert made.method is not None
    if not file.exists():
        learnt = pretrain(
            images,
            made.method,
            backbone=plan.backbone,
            training=made.pretraining,
            checkpoint=checkpoint,
        )
        encoders.save(learnt.encoder, file)
    remove(checkpoint)  # also after a process that was killed before this
    return load_encoder(made.encoder, file).to(images.device)


def within(
    todo: Iterable[Recipe],
    *,
    seconds: float,
    out: Path,
    say: Callable[[str], None] = print,
) -> Iterator[Run]:
    """Do trials in their order until one would not fit into the time any more.

    Args:
        todo: The trials.
        seconds: That may be used, by the records.
        out: The store. What it has is not done again, and its seconds count.
        say: Takes a line a trial, with what validation images say: the test images are
            looked at when all is done.
    """
    used = 0.0
    pretrained: set[str] = set()
    known: dict[tuple[str, float | None], float] = {}  # seconds of an arm, labels alone
    for one in todo:
        arm = one.arm, one.fraction
        run = running.recorded(one, out=out)
        if run is None:
            takes = known.get(arm)
            if used + (costs.predict([one]) if takes is None else takes) > seconds:
                say(f"the time is used: {describe(one)} would not fit any more")
                return
            run = running.run(one, out=out)
        spent = dict(run.about["seconds"])
        once = spent.pop("pretrain", 0.0)
        known[arm] = sum(spent.values())
        used += known[arm]
        if (key := run.about["pretraining_key"]) not in pretrained:
            pretrained.add(key)
            used += once
        promised = {p: s.val_accuracy for p, s in run.scores.items()}
        told = ", ".join(
            f"{protocol} {100 * value:.0f} % in validation"
            for protocol, value in promised.items()
            if value is not None
        )
        say(f"{describe(one)}: {told or 'done'}")
        yield run

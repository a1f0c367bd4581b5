"""The grid of few labels: one encoder, pretrained on everything, for all budgets.

Its plan, with contrasts and predictions, is ``book/study-plan.md``. Seeds of
pretraining and draws of labels are crossed: every encoder is judged with every draw.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any

from sslkit.runs.arms import arm_of
from sslkit.runs.from_profile import recipe
from sslkit.runs.inputs import catalogue, split_of
from sslkit.runs.recipes import Recipe

PROFILE = "few-labels"


@dataclass(frozen=True)
class Plan:
    """What is run on an image set.

    Attributes:
        arms: The methods that pretrain.
        steps: Of their pretraining.
        supervised: Steps of supervised training and of self-training, as tuned.
        finetune: Steps of fine-tuning, as tuned.
    """

    arms: tuple[str, ...]
    steps: int
    supervised: int
    finetune: int


SETS = {
    "colon3": Plan(("simclr", "rotnet", "rotnet-jitter"), 3000, 1000, 500),
    "cifar10": Plan(("simclr", "rotnet"), 6000, 4000, 2000),
    "blood8": Plan(("simclr", "rotnet"), 3000, 2000, 2000),
}
SEEDS = 3  # of pretraining

Budget = tuple[str, float]
TWENTIETH: Budget = ("fraction", 0.05)
BUDGETS: dict[Budget, int] = {  # labels a class or a share of them, and how many draws
    **dict.fromkeys([("labels", 1), ("labels", 5), ("labels", 10), ("labels", 25)], 5),
    **dict.fromkeys([("fraction", 0.01), ("fraction", 0.025), TWENTIETH], 5),
    **dict.fromkeys([("fraction", share) for share in (0.1, 0.25, 0.5, 1.0)], 3),
}
FINETUNED: dict[Budget, int] = {
    ("labels", 10): 5,
    ("fraction", 0.01): 5,
    TWENTIETH: 5,
    ("fraction", 0.25): 3,
}
FROZEN = ("linear", "knn")
FIRST = 10  # draw: those before it have been seen, in the study's records
DRAWS = 5  # of what is done at 5 %
PASSES = 20  # of supervised training over its images, at least

# Images or steps: how many of each, and where there are several seeds.
IMAGES, STEPS = (2500, 10000, 50000), (500, 2000, 6000)
CORNERS = [(i, s) for i in (IMAGES[0], IMAGES[-1]) for s in (STEPS[0], STEPS[-1])]

AGAIN = (90, 500, 2000)  # steps of pretraining on the label budget, as the study's
AGAIN_DRAWS = 3


def few_labels(data: str) -> Iterator[Recipe]:
    """All of an image set, in the order in which it is wanted.

    Two encoders at a time with all that is judged on them, so that an encoder is no
    longer needed when the next ones are there.

    Args:
        data: A name of ``SETS``.
    """
    yield from baselines(data, {TWENTIETH: DRAWS})
    yield from encoders(data)
    yield from baselines(data, {b: n for b, n in BUDGETS.items() if b != TWENTIETH})
    yield from ladder(data)
    if data == "cifar10":
        yield from surface(data)
        yield from equal_views(data)
    if data == "colon3":
        yield from again(data)
    else:
        yield from rivals(data)


def one(data: str, arm: str, budget: Budget, draw: int, **values: Any) -> Recipe:
    """The recipe of an arm, with the profile's values and the plan's steps."""
    values |= {"profile": PROFILE, "data": data, "draw": draw, "seed": draw}
    made = recipe(arm, **values, **dict[str, Any]([budget]))
    plan = SETS[data]
    steps = plan.supervised if arm_of(arm).only else plan.finetune
    made = replace(made, downstream=replace(made.downstream, steps=steps))
    return _for_steps(made, plan.steps)


def _for_steps(made: Recipe, steps: int) -> Recipe:
    return replace(made, pretraining=replace(made.pretraining, steps=steps))


def encoders(data: str) -> Iterator[Recipe]:
    """Every encoder: frozen with every budget, and fine-tuned with some."""
    chains = [
        judged(data, arm, seed) for seed in range(SEEDS) for arm in SETS[data].arms
    ]
    for first in range(0, len(chains), 2):
        for pair in zip_longest(*chains[first : first + 2]):
            yield from filter(None, pair)


def judged(data: str, arm: str, seed: int) -> Iterator[Recipe]:
    """An encoder with all that is judged on it."""
    for protocols, budgets in ((FROZEN, BUDGETS), (("finetune",), FINETUNED)):
        for budget, draws in budgets.items():
            for draw in range(FIRST, FIRST + draws):
                yield one(
                    *(data, arm, budget, draw),
                    pretraining_seed=seed,
                    protocols=protocols,
                )


def baselines(data: str, budgets: dict[Budget, int]) -> Iterator[Recipe]:
    """Supervised training's curve; a random encoder and handmade features on it."""
    for budget, draws in budgets.items():
        for draw in range(FIRST, FIRST + draws):
            yield supervised(data, "supervised", budget, draw)
            for arm in ("random", "histogram"):
                yield one(data, arm, budget, draw, protocols=FROZEN)
            if (
                data == "colon3"
                and budget[0] == "fraction"
                and budget[1] >= TWENTIETH[1]
            ):
                yield supervised(data, "supervised-plain", budget, draw)


def supervised(data: str, arm: str, budget: Budget, draw: int) -> Recipe:
    """Supervised training: the steps it was found to want, or ``PASSES``."""
    made = one(data, arm, budget, draw)
    images = len(split_of(made, catalogue(made.data)).train)
    least = PASSES * math.ceil(images / made.downstream.batch_size)
    steps = max(made.downstream.steps or 0, least)
    return replace(made, downstream=replace(made.downstream, steps=steps))


def ladder(data: str) -> Iterator[Recipe]:
    """What lies between labels alone and all images: updates, a pretext, images.

    The first rung is supervised training of the base, the last SimCLR of the base.
    """
    for draw in range(FIRST, FIRST + DRAWS):
        yield _longer(data, SETS[data].steps, draw, variant="as many updates")
        yield one(
            *(data, "simclr", TWENTIETH, draw),
            pretrain="labelled",
            pretraining_seed=draw,
            protocols=("linear", "finetune"),
            variant="labelled images",
        )


def _longer(data: str, steps: int, draw: int, *, variant: str) -> Recipe:
    """Supervised training for ``steps`` and those of fine-tuning."""
    made = one(data, "supervised", TWENTIETH, draw, variant=variant)
    steps += SETS[data].finetune
    return replace(made, downstream=replace(made.downstream, steps=steps))


def surface(data: str) -> Iterator[Recipe]:
    """SimCLR on so many images for so many steps, frozen, with 1 and 5 %."""
    for images in IMAGES:
        for steps in STEPS:
            for seed in range(SEEDS if (images, steps) in CORNERS else 1):
                for budget in (("fraction", 0.01), TWENTIETH):
                    for draw in range(FIRST, FIRST + DRAWS):
                        made = one(
                            *(data, "simclr", budget, draw),
                            pretraining_seed=seed,
                            protocols=("linear",),
                            variant=f"{images} images, {steps} steps",
                        )
                        part = replace(made, pretrain_images=images)
                        yield _for_steps(part, steps)


def rivals(data: str) -> Iterator[Recipe]:
    """Self-training and the methods without negatives, at 5 %."""
    for draw in range(FIRST, FIRST + DRAWS):
        yield one(data, "selftrain", TWENTIETH, draw)
        for arm in ("byol", "vicreg"):
            yield one(
                data, arm, TWENTIETH, draw, protocols=("linear", "knn", "finetune")
            )


def equal_views(data: str) -> Iterator[Recipe]:
    """Supervised training on as many views as SimCLR, which is as many seconds."""
    pretrained = one(data, "simclr", TWENTIETH, FIRST).pretraining
    alone = one(data, "supervised", TWENTIETH, FIRST).downstream
    views = 2 * pretrained.batch_size * (pretrained.steps or 0)
    for draw in range(FIRST, FIRST + AGAIN_DRAWS):
        steps = views // alone.batch_size
        yield _longer(data, steps, draw, variant="as many views")


def again(data: str) -> Iterator[Recipe]:
    """The study's way: on the images of the budget alone, for longer and longer."""
    for draw in range(FIRST, FIRST + AGAIN_DRAWS):
        for arm in SETS[data].arms:
            for steps in AGAIN:
                made = one(
                    *(data, arm, TWENTIETH, draw),
                    pretrain="budget",
                    pretraining_seed=draw,
                    protocols=("linear", "finetune"),
                    variant=f"budget, {steps} steps",
                )
                yield _for_steps(made, steps)

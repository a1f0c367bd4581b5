"""What ``tools.gpu`` does on a GPU, most valuable first, and the same in small."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import sslkit
from benchmarks import step
from sslkit.runs.recipes import Recipe
from sslkit.study import few_labels
from sslkit.study.few_labels import FIRST, FROZEN, TWENTIETH, Budget
from tools import gpu_work
from tools.gpu_work import BACKBONE, Places, Plan

TENTH: Budget = ("labels", 10)
STUDY = ("supervised", "random", "rotnet", "rotnet-jitter", "simclr")

_FEWEST, _QUARTER, _ALL = ("fraction", 0.01), ("fraction", 0.25), ("fraction", 1.0)
GPU = Plan(
    {TENTH: 3, _FEWEST: 3, TWENTIETH: 3, _QUARTER: 2, _ALL: 1},
    {_FEWEST: 2, TWENTIETH: 2},
)
REHEARSAL = Plan(
    budgets={("labels", 5): 2},
    finetuned={("labels", 5): 1},
    steps=4,
    sizes=(32,),
    stepped=(("simclr", "tiny", 32, 8),),
    seconds=0.1,
    pretrained=1,
    batch=20,
    passes=4,
    every=2,
    draws=1,
    fraction=0.5,
    small=True,
)


@dataclass(frozen=True)
class Task:
    """Something to do.

    Attributes:
        name: What is before the colon takes about as long wherever it stands.
        seconds: A guess.
        work: Does it, and may say something.
        resumable: Stopped at any time, it goes on from there.
        data: The image set that it wants.
    """

    name: str
    seconds: float
    work: Callable[[], str | None]
    resumable: bool = False
    data: str = ""


def tasks(plan: Plan, places: Places) -> Iterator[Task]:
    """All there is to do, most valuable first; each is small or can be resumed."""
    for task in _tasks(plan, places):
        yield replace(task, seconds=0) if plan.small else task


def _tasks(plan: Plan, places: Places) -> Iterator[Task]:
    yield Task("CUDA tests", 45, gpu_work.cuda_tests)
    for size in plan.sizes:
        work = partial(gpu_work.time_views, plan, places, size)
        yield Task(f"views: {size} px", 2 * plan.seconds, work)
    for case in plan.stepped:
        work = partial(gpu_work.time_steps, plan, places, *case)
        yield Task(f"steps: {step.case_of(*case)}", 5 * plan.seconds, work)
    work = partial(gpu_work.time_pretraining, plan, places)
    yield Task("pretraining timed", 30, work, data="cifar10")
    yield from curve(plan, places)
    work = partial(gpu_work.run_race, plan, places)
    yield Task("race", 900, work, resumable=True, data="cifar10")
    for draw in range(plan.draws):
        for arm in STUDY:
            recipe = partial(of_study, plan, arm, draw)
            work = partial(gpu_work.do, recipe, places)
            yield Task(f"study {arm}: {draw}", 45, work, data="colon3")


def curve(plan: Plan, places: Places) -> Iterator[Task]:
    """The label curve of CIFAR-10 with ResNet-18.

    An encoder with all that is judged on it, before the next is begun.
    """

    def judged(budgets: dict[Budget, int], arm: str, *protocols: str) -> Iterator[Task]:
        for budget, draws in budgets.items():
            for draw in range(FIRST, FIRST + draws):
                how, much = " ".join(protocols) or "alone", f"{budget[1]} {budget[0]}"
                recipe = partial(of_curve, plan, arm, budget, draw, protocols)
                work = partial(gpu_work.do, recipe, places)
                guess = 6 if protocols == FROZEN else 20 if protocols else 40
                guess *= 3 if budget == _ALL else 1  # as many passes, and more images
                name = f"{arm} {how}, {much}: {draw}"
                yield Task(name, guess, work, data="cifar10")

    alone = list(judged(plan.budgets, "supervised"))
    first = [task for task in alone if task.name.endswith(f": {FIRST}")]
    for arm in ("simclr", "rotnet"):
        recipe = partial(of_curve, plan, arm, next(iter(plan.budgets)), FIRST, FROZEN)
        work = partial(gpu_work.pretrain_for, recipe, places)
        yield Task(f"{arm}, pretraining", 200, work, resumable=True, data="cifar10")
        yield from judged(plan.budgets, arm, *FROZEN)
        yield from judged(plan.finetuned, arm, "finetune")
        if arm == "simclr":
            yield from first
    yield from (task for task in alone if task not in first)


def of_curve(
    plan: Plan, arm: str, budget: Budget, draw: int, protocols: tuple[str, ...]
) -> Recipe:
    """As the profile of few labels has it; but ResNet-18, and batches twice as large.

    Its views do not grow as they do there: that was tried with the encoder ``small``.
    """
    if arm == "supervised":
        made = few_labels.supervised("cifar10", arm, budget, draw)
    else:
        made = few_labels.one("cifar10", arm, budget, draw, protocols=protocols)
    tuned = made.pretraining
    larger = replace(
        tuned,
        lr=2 * tuned.lr,
        batch_size=2 * tuned.batch_size,
        steps=plan.steps,
        sizes=(),
    )
    made = replace(
        made,
        encoder=replace(made.encoder, backbone=BACKBONE),
        pretraining=larger,
        profile="few-labels-gpu",  # so that no record shares a contrast with a CPU's
        variant=BACKBONE,
    )
    return _short(made) if plan.small else made


def of_study(plan: Plan, arm: str, draw: int) -> Recipe:
    """The study's own recipe: ResNet-50 at 96 pixels, on the label budget alone."""
    made = sslkit.recipe(
        arm,
        profile="study",
        data="colon3",
        image_size=96,
        fraction=plan.fraction,
        draw=draw,
        seed=draw,
    )
    return _short(made) if plan.small else made


def _short(recipe: Recipe) -> Recipe:
    few: dict[str, Any] = {"epochs": 2, "steps": 2, "batch_size": 4}
    parts = ("pretraining", "downstream", "probe")
    return replace(recipe, **{p: replace(getattr(recipe, p), **few) for p in parts})
